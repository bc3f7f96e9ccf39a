#!/bin/sh
# One short round of disk.js on SQLite. The arguments go to it.
set -eu
cd "$(dirname "$0")/../.."
exec node test/fault/disk.js --quick "$@"
