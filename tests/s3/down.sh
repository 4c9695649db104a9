#!/bin/bash
# Stops the object server that up.sh started in DIR, and all that it holds is lost. Fine when none runs.
# usage: down.sh DIR [--wipe]
# --wipe also removes DIR.
set -euo pipefail

[ $# -ge 1 ] || { echo "usage: down.sh DIR [--wipe]" >&2; exit 64; }
[ -d "$1" ] || exit 0
dir=$(cd "$1" && pwd)

# The number may have passed on to another process: ours has the directory in its environment.
ours() { tr '\0' '\n' <"/proc/$1/environ" | grep -qxF "EVAC_S3_DIR=$dir"; }

if [ -s "$dir/pid" ]; then
	pid=$(cat "$dir/pid")
	if ours "$pid" 2>/dev/null; then
		# unshare takes its namespace with it.
		kill -KILL "$pid" 2>/dev/null || true
	fi
	exec 9>"$dir/lock"
	flock -w 60 9 || { echo "down.sh: the server in $dir does not end" >&2; exit 1; }
	rm -f "$dir/pid"
fi
# Only what is a server's directory.
if [ "${2-}" = --wipe ] && [ -e "$dir/ceph.conf" ]; then
	rm -rf "$dir"
fi
