#!/bin/sh
# One short round of clock.js on SQLite. The arguments go to it.
set -eu
cd "$(dirname "$0")/../.."
exec node test/fault/clock.js --quick "$@"
