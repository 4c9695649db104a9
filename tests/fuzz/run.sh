#!/usr/bin/env bash
# One fuzz target for some seconds, from its kept corpus and past crashers: run.sh PROGRAM SECONDS
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$1 seconds=$2
name=$(basename "$program")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/corpus"
dirs=("$work/corpus")
for d in tests/fuzz/corpus/"$name" tests/fuzz/crashers/"$name"; do
	[ -d "$d" ] && dirs+=("$d")
done
if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
	-artifact_prefix="$work/" -print_final_stats=1 "${dirs[@]}" >"$work/log" 2>&1; then
	echo "ok 1 - $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log") runs without a crash"
else
	tail -n 60 "$work/log"
	mkdir -p build/tests
	cp "$work"/crash-* "$work"/timeout-* "$work"/oom-* "$work"/leak-* build/tests/ 2>/dev/null || true
	echo "not ok 1 - $name crashed; its input is kept in build/tests/"
	exit 1
fi
