#!/bin/sh
# Starts a private PostgreSQL in a temporary directory and PREPAREs every statement of the store on
# it. The directory to the built program is the first argument (default build/release).
set -eu
build=${1:-build/release}
bin=${POSTGRES_BIN:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)}
if [ -z "$bin" ] || [ ! -x "$bin/initdb" ]; then
	echo "not ok postgresql: initdb was not found; install postgresql or set POSTGRES_BIN"
	echo "0 passed, 1 failed"
	exit 1
fi
dir=$(mktemp -d /tmp/postern-pg-XXXXXX)

# The server refuses to run as root.
run() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$dir" "$@"
	else
		"$@"
	fi
}

stop() {
	run "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM

if [ "$(id -u)" = 0 ]; then chown nobody:nogroup "$dir"; fi
chmod 0755 "$dir"
cd "$dir"
run "$bin/initdb" -D "$dir/data" -U postern -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 ||
	{ cat "$dir/log"; echo "0 passed, 1 failed"; exit 1; }
run "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/data/log" \
	-o "-c listen_addresses='' -k $dir -c fsync=off" start >>"$dir/log" 2>&1 ||
	{ cat "$dir/log" "$dir/data/log"; echo "0 passed, 1 failed"; exit 1; }
cd "$OLDPWD"
status=0
"$build/fault/postgres_prepare" "host=$dir user=postern dbname=postgres" || status=$?
exit $status
