#!/usr/bin/env bash
# Goal: peak resident memory stays within 64 MiB + 3 x workers x segment size, whatever there is to read.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
need unshare
make_key
export EVAC RECIPIENT WORK

# Logs that do not compress, one large and many small, and a process with memory.
# shellcheck disable=SC2016 # expanded by the inner shell
big_host() {
	export -f whole
	in_own_host bash -ec '
		head -c 150M /dev/urandom >/var/log/big.log
		mkdir /var/log/many
		cd /var/log/many
		head -c 8M /dev/urandom | split -a 4 -b 1000
		cd /
		mkfifo "$WORK/hold"
		{ head -c 60M /dev/urandom; read -r _ <"$WORK/hold"; } | tail -c 60M >/dev/null &
		while [ "$(awk "/VmRSS/ { print \$2 }" "/proc/$!/status")" -lt 60000 ]; do sleep 0.05; done
		while read -r workers size; do
			rm -rf "$WORK/vault"
			"$EVAC" collect --case CASE --recipient "$RECIPIENT" --to "$WORK/vault" --memory process \
				--workers "$workers" --segment-size "${size}M" >"$WORK/line" 2>>"$WORK/log" &
			pid=$! seen=0
			while hwm=$(awk "/VmHWM/ { print \$2 }" "/proc/$pid/status" 2>/dev/null) && [ -n "$hwm" ]; do
				seen=$hwm
				sleep 0.02
			done
			rc=0
			wait "$pid" || rc=$?
			whole "$rc" "$WORK/line" >>"$WORK/log" && rc=0
			told=$(sed -n "s/.*\"peak_rss_kib\":\([0-9]*\).*/\1/p" "$WORK/line")
			bytes=$(sed -n "s/.*\"evidence_bytes\":\([0-9]*\).*/\1/p" "$WORK/line")
			echo "$rc $workers $size $((seen > told ? seen : told)) $told $bytes"
		done
		rm "$WORK/hold"'
}
printf '%s\n' '1 1' '4 8' '8 2' '1 48' | big_host >"$WORK/results" || :
check "all combinations ran" test "$(wc -l <"$WORK/results")" = 4
while read -r rc workers size peak told bytes; do
	limit=$((64 * 1024 + 3 * workers * size * 1024))
	check "$workers workers, segments of $size MiB: peak $peak KiB of $limit KiB allowed, $((bytes >> 20)) MiB taken" \
		test "$peak" -le "$limit" -a "$peak" -gt 0
	check "  evac says the same: $told KiB" test "$told" -ge $((peak * 9 / 10))
	check "  and took all of it" test "$rc" = 0 -a "$bytes" -gt 200000000
done <"$WORK/results"
finish
