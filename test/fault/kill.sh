#!/bin/sh
# The rounds of kill.js that every run of the tests makes: 100 on SQLite, some on PostgreSQL. The
# arguments go to both (--rounds N).
set -eu
cd "$(dirname "$0")/../.."
code=0
node test/fault/kill.js --quick "$@" || code=$?
node test/fault/kill.js --quick --store postgresql --rounds 9 "$@" || code=$?
exit $code
