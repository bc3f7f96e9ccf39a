#!/bin/sh
# Runs the durability test as it is, and then with the durability taken out, when it must fail: a
# test that cannot see a loss proves nothing. The directory to the built program is the first
# argument (default build/release).
set -eu
program=${1:-build/release}/fault/durability
seed=${SEED:-$(date +%s)}
passed=0
failed=0
out=$(mktemp /tmp/postern-durability-XXXXXX)
trap 'rm -f "$out"' EXIT

check() { # what, wanted exit status, arguments
	what=$1 want=$2
	shift 2
	got=0
	"$program" --seed "$seed" "$@" >"$out" 2>&1 || got=$?
	if [ "$got" = "$want" ]; then
		echo "ok $what: $(tail -1 "$out")"
		passed=$((passed + 1))
	else
		tail -40 "$out" | sed 's/^/# /'
		echo "not ok $what: exit $got, wanted $want (seed $seed)"
		failed=$((failed + 1))
	fi
}

check 'what was acknowledged survives' 0
check 'a loss is seen with synchronous=normal' 1 --synchronous normal --rounds 6
check 'a loss is seen with synchronous=off' 1 --synchronous off --rounds 6
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
