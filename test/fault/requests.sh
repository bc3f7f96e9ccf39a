#!/bin/sh
# Every kind of request while memory or the database fails at the Nth call, under AddressSanitizer
# (requests.c); and with commits that lie, which must be found out. The directory to the built program
# is the first argument (default build/asan); MOST=N tries every call up to the Nth.
set -eu
cd "$(dirname "$0")/../.."
program=${1:-build/asan}/fault/requests
seed=${POSTERN_SEED:-$(date +%s)}
passed=0
failed=0
out=$(mktemp /tmp/postern-requests-XXXXXX)
trap 'rm -f "$out"' EXIT

check() { # what, wanted exit status (1: any but 0), arguments
	what=$1 want=$2
	shift 2
	got=0
	"$program" --seed "$seed" "$@" >"$out" 2>&1 || got=$?
	[ "$got" = 0 ] || got=1
	if [ "$got" = "$want" ]; then
		echo "ok $what: $(grep '^# [0-9]* runs' "$out" || tail -1 "$out")"
		passed=$((passed + 1))
	else
		tail -60 "$out" | sed 's/^/# /'
		echo "not ok $what: exit $got (seed $seed)"
		failed=$((failed + 1))
	fi
}

programs="test/fuzz/corpus/oauth/code_flow test/fuzz/corpus/oauth/device test/fuzz/corpus/oauth/machines
	test/fault/programs/dialects test/fault/programs/pushed test/fault/programs/reading"
# shellcheck disable=SC2086 # a list of files
check 'memory fails' 0 --most "${MOST:-6}" $programs
# shellcheck disable=SC2086
check 'the database fails' 0 --what database --most "${MOST:-2}" $programs
check 'a commit that lies is found out' 1 --what database --lie --most 1 test/fuzz/corpus/oauth/code_flow
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
