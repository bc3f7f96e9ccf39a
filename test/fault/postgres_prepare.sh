#!/bin/sh
# Starts a private PostgreSQL in a temporary directory and PREPAREs every statement of the store on
# it. The directory to the built program is the first argument (default build/release).
set -eu
build=${1:-build/release}
dir=$(mktemp -d /tmp/postern-pg-XXXXXX)
trap 'script/postgres remove "$dir"' EXIT
trap 'exit 1' HUP INT TERM

url=$(script/postgres start "$dir" 0 fsync=off) || {
	echo "not ok postgresql: it does not start"
	echo "0 passed, 1 failed"
	exit 1
}
status=0
"$build/fault/postgres_prepare" "$url" || status=$?
exit $status
