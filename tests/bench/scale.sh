#!/usr/bin/env bash
# What the volatile collectors cost on a host with PROCESSES (5000) processes and SOCKETS (50000) sockets, and with half
# of them: seconds, CPU, peak memory, and the ratio, which shows whether the cost grows in proportion.
set -euo pipefail
cd "$(dirname "$0")/../.."
evac=$(realpath "${EVAC:-build/$(uname -m)/evac}")
processes=${PROCESSES:-5000} sockets=${SOCKETS:-50000}
work=$(mktemp -d)
trap 'exec 8>&-; wait; rm -rf "$work"' EXIT
cc=build/deps/$(uname -m)/bin/cc
[ -x "$cc" ] || cc=gcc
"$cc" -std=c17 -D_GNU_SOURCE -O1 -static -Wall -Wextra -Wconversion -o "$work/crowd" tests/helpers/crowd.c
"$evac" keygen >"$work/key" 2>/dev/null
recipient=$(sed -n 's/^# public key: //p' "$work/key")

# crowd PROCESSES SOCKETS: starts them; they end with descriptor 8.
crowd() {
	mkfifo "$work/hold.$1"
	"$work/crowd" "$1" "$2" <"$work/hold.$1" >"$work/ready.$1" 2>"$work/crowd.err" &
	exec 8>"$work/hold.$1"
	until [ -s "$work/ready.$1" ]; do
		kill -0 $! 2>/dev/null || { cat "$work/crowd.err" >&2; exit 1; }
		sleep 0.1
	done
}

# measure NAME: a run's CPU and wall seconds in $work/NAME.
measure() {
	local TIMEFORMAT='%U %S %R'
	{ time "$evac" collect --case SCALE --recipient "$recipient" --to "$work/vault.$1" --profile fast --skip "${SKIP:-hidden_ports}" \
		>"$work/$1.out" 2>"$work/$1.err"; } 2>"$work/$1.time" || { tail -n 5 "$work/$1.err" >&2; exit 1; }
	awk '{ print $1 + $2, $3 }' "$work/$1.time" >"$work/$1"
	rm -rf "$work/vault.$1.seen"
	"$evac" open "$(dirname "$(find "$work/vault.$1" -name evac.pub)")" --identity "$work/key" --out "$work/vault.$1.seen" \
		>/dev/null 2>&1
}

# show NAME PROCESSES SOCKETS
show() {
	local seen=$work/vault.$1.seen cpu wall
	read -r cpu wall <"$work/$1"
	printf '%6d processes, %6d sockets: %5.2f s of CPU, %5.2f s, peak %6d KiB; rows: %d processes, %d sockets\n' \
		"$2" "$3" "$cpu" "$wall" "$(sed -n 's/.*"peak_rss_kib":\([0-9]*\).*/\1/p' "$work/$1.out")" \
		"$(grep -c '"name":"crowd"' "$seen/processes.ndjson")" "$(wc -l <"$seen/process_open_sockets.ndjson")"
	sed -n 's/.* info: \([a-z_]*: complete.*\)/    \1/p' "$work/$1.err"
	[ "$(grep -c '"name":"crowd"' "$seen/processes.ndjson")" -ge "$2" ] || { echo "processes are missing" >&2; exit 1; }
	[ "$(wc -l <"$seen/process_open_sockets.ndjson")" -ge "$3" ] || { echo "sockets are missing" >&2; exit 1; }
}

for share in 2 1; do
	crowd $((processes / share)) $((sockets / share))
	measure $share
	show $share $((processes / share)) $((sockets / share))
	exec 8>&-
	wait
done
ratio=$(paste "$work/1" "$work/2" | awk '{ printf "%.2f", $1 / $3 }')
echo "twice as many cost $ratio times the CPU"
# Quadratic work would cost four times as much.
awk -v r="$ratio" 'BEGIN { exit !(r < 3) }' || { echo "the cost does not grow in proportion" >&2; exit 1; }
