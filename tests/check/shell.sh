#!/usr/bin/env bash
# Every shell script of the tree passes shellcheck.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! command -v shellcheck >/dev/null; then
	echo "ok 1 - shellcheck # SKIP not installed"
	exit 0
fi
mapfile -t scripts < <(git ls-files -co --exclude-standard | while read -r f; do
	[ -f "$f" ] && head -c 64 "$f" | head -n 1 | grep -qE '^#!.*(ba)?sh' && echo "$f"
done)
if shellcheck -x -P .:SCRIPTDIR "${scripts[@]}"; then
	echo "ok 1 - ${#scripts[@]} scripts pass shellcheck"
else
	echo "not ok 1 - shellcheck"
	exit 1
fi
