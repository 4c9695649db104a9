#!/usr/bin/env bash
# Goal: a signal or the deadline ends a run in order: what is there is signed and listed, and what is missing is said.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
need unshare awk pgrep
make_key
export EVAC RECIPIENT WORK

# slow_run DIR OPTIONS...: collect large logs on a host so busy that evac runs a small part of the time only.
# Its exit status in DIR.status, its pid (here) in $pid.
slow_run() {
	local dir=$1
	shift
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_own_host bash -ec '
		dir=$1
		shift
		head -c 400M /dev/urandom >/var/log/big.log
		"$EVAC" collect --case CASE --recipient "$RECIPIENT" --to "$dir" --only kernel,log \
			--segment-size 1M --workers 2 "$@" >"$dir.stdout" 2>"$dir.stderr" &
		pid=$!
		# With a deadline its child does the work.
		while all="$pid $(pgrep -P "$pid" -x evac || :)"; kill -STOP $all 2>/dev/null; do
			sleep 0.09
			kill -CONT $all
			sleep 0.01
		done 2>/dev/null &
		rc=0
		wait "$pid" || rc=$?
		echo "$rc" >"$dir.status"' - "$dir" "$@" 2>/dev/null &
	runner=$!
	pid=
	while [ "$(find "$dir" -name '*.age' 2>/dev/null | wc -l)" -lt 5 ]; do
		kill -0 "$runner" 2>/dev/null || break
		sleep 0.02
	done
	pid=$(pgrep -o -f "^$EVAC collect .*--to $dir ") || :
}

# partial DIR REASON: exit 1, a manifest that says so, all of it genuine, and it opens.
partial() {
	local dir=$1 reason=$2
	COLLECTION=$(found "$dir")
	check "  exit status 1" test "$(cat "$dir.status")" = 1
	check "  the last line says partial" says "$dir.stdout" '"result":"partial","exit":1'
	check "  there is a manifest" test -e "$COLLECTION/manifest.json"
	check "  that says why" says "$COLLECTION/manifest.json" "\"name\":\"log\",\"status\":\"partial\",\"why\":\"$reason\""
	check "  and is not complete" says "$COLLECTION/manifest.json" '"complete":false'
	run "$EVAC" verify "$COLLECTION"
	check "  all that it names is there" test "$status" = 0
	check "  and verify says that more was to take" says "$WORK/stdout" "what the run could not take"
	run "$EVAC" open "$COLLECTION" --identity "$KEY" --out "$dir.out"
	check "  it opens" test "$status" = 0
	check "  the file that was not finished is a gap" grep -rqs '"path":"[^"]*big.log"' "$dir.out/gaps"
	check "  the journal is there" says "$dir.out/agent/log" "log: partial"
	rm -rf "$dir.out"
}

for signal in TERM INT QUIT; do
	dir=$WORK/$signal
	slow_run "$dir"
	check "SIG$signal in the middle" kill -"$signal" "$pid"
	wait "$runner" || :
	partial "$dir" "stopped by a signal"
	rm -rf "$dir"
done

dir=$WORK/deadline
begun=$(date +%s%3N)
slow_run "$dir" --deadline 6s
wait "$runner" || :
took=$(sed -n 's/.*"seconds":\([0-9.]*\),"segments.*/\1/p' "$dir.stdout")
check "a deadline of 6 s: ended after $took s" awk -v s="$took" 'BEGIN { exit !(s > 4 && s <= 6.5) }'
partial "$dir" "deadline reached"
check "not before it must: $(($(date +%s%3N) - begun)) ms with all" test "$(($(date +%s%3N) - begun))" -gt 5000

# Twice: at once.
dir=$WORK/twice
slow_run "$dir"
kill -TERM "$pid"
kill -INT "$pid"
wait "$runner" || :
check "a second signal ends it at once, with 1" test "$(cat "$dir.status")" = 1
run "$EVAC" verify "$dir"
check "  and what is there is genuine" test "$status" = 3 -o "$status" = 0
finish
