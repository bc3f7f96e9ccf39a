#!/bin/sh
# One round of syscalls.js on SQLite. The arguments go to it.
set -eu
cd "$(dirname "$0")/../.."
exec node test/fault/syscalls.js --quick "$@"
