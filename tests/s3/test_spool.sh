#!/bin/bash
# The network dies in the middle of a run that has a spool: it comes back and the spool drains by itself, or it does not
# and evac push brings the rest. Nothing that was collected is missing in the end.
set -euo pipefail
# shellcheck source=tests/s3/lib.sh
. "$(dirname "$0")/lib.sh"

start_evidence

# collect NAME: of a process of its own with 80 MiB of noise, so that the disk does not have it all at once; sets $run and $pid, the agent's.
collect() {
	local name=$1
	# shellcheck disable=SC2016
	as WRITER unshare --mount --pid --fork --kill-child --mount-proc bash -c '
		python3 -c "import os, time; noise = os.urandom(80 << 20); print(flush=True); time.sleep(600)" >"$0.ready" &
		until [ -s "$0.ready" ]; do sleep 0.05; done
		exec "$@"' "$work/$name" "$evac" collect --case CASE --recipient "$recipient" --to "s3://evidence/$name" \
		--endpoint-url "https://127.0.0.1:$port" --ca-file "$S3_CA" --only process,memory --memory process \
		--segment-size 1M --workers 1 --spool "$work/$name.spool" >"$work/$name.out" 2>"$work/$name.err" &
	run=$!
	pids+=("$run")
	wait_for "$work/$name.out" public_key
	pid=$(pgrep -x evac -P "$(pgrep -x unshare -P "$run")")
}
signer() { sed -n 's/.*"public_key":"\([^"]*\)".*/\1/p' "$work/$1.out"; }

# wait_for FILE TEXT
wait_for() {
	local i
	for ((i = 0; i < 1200; i++)); do
		! grep -qF -- "$2" "$1" 2>/dev/null || return 0
		sleep 0.05
	done
	echo "no '$2' in $1"
	return 1
}
cut_after_three() {
	local i
	for ((i = 0; i < 1200; i++)); do
		[ "$(grep -c ' PUT ' "$work/$1.log" 2>/dev/null)" -lt 3 ] || break
		sleep 0.02
	done
	kill -USR1 "$proxy"
}
# ended NUMBER: the run's exit status.
ended() {
	local got=0
	wait "$run" || got=$?
	[ "$got" -eq "$1" ] || { echo "exit status $got"; cat "$work"/*.err; return 1; }
}
ended_whole() {
	local got=0
	wait "$run" || got=$?
	whole "$got" "$work/$1.out" || { cat "$work/$1.err"; return 1; }
}
verify() { as ROOT "$evac" verify "s3://evidence/$1" --signer "$(signer "$1")" --endpoint-url "$S3_ENDPOINT" --ca-file "$S3_CA"; }
lost() { sed -n 's/.*"lost":\([0-9]*\).*/\1/p' "$work/$1.out"; }

# --- it comes back ---------------------------------------------------------------------------------------------
start_proxy back
collect back
cut_after_three back
check "the network dies: the spool goes on" wait_for "$work/back.err" "the vault is lost for now, the spool goes on"
# Until the next try is due; then there is still evidence to come.
kill -STOP "$pid"
kill -USR2 "$proxy"
sleep 10.5
kill -CONT "$pid"
check "it comes back: nothing is missing" ended_whole back
check "and that was noticed" grep -q "the vault can be reached again" "$work/back.err"
check "nothing is lost" [ "$(lost back)" = 0 ]
check "the spool is empty" [ -z "$(find "$work/back.spool" -name '*.age')" ]
check "the collection in the bucket is whole" verify back
check "and it is the whole noise" [ "$(s3 list evidence back | awk '{ n += $1 } END { print (n > 80 * 1024 * 1024) }')" = 1 ]

# --- it comes back late: what waits is tried once more at the end ----------------------------------------------
start_proxy late
collect late
cut_after_three late
check "the network dies: the spool goes on" wait_for "$work/late.err" "the vault is lost for now, the spool goes on"
kill -USR2 "$proxy"
check "it comes back, long before a try is due: nothing is missing" ended_whole late
check "nothing is lost, and the spool is empty" [ "$(lost late) $(find "$work/late.spool" -name '*.age' | wc -l)" = "0 0" ]
check "the collection in the bucket is whole" verify late

# --- it does not -----------------------------------------------------------------------------------------------
start_proxy gone
collect gone
cut_after_three gone
check "the network dies for good: exit status 1" ended 1
check "nothing is lost" [ "$(lost gone)" = 0 ]
check "segments wait in the spool" [ "$(find "$work/gone.spool" -name '*.age' | wc -l)" -ge 10 ]
check "the bucket has only some" [ "$(verify gone >/dev/null 2>&1; echo $?)" -ne 0 ]
push() { as WRITER "$evac" push "$work/gone.spool" --to s3://evidence/gone --signer "$(signer gone)" --endpoint-url "$S3_ENDPOINT" --ca-file "$S3_CA"; }
check "evac push sends the rest" push
check "now the collection in the bucket is whole" verify gone
again() { push | tee "$work/again" && grep -q ': 0 objects sent' "$work/again"; }
check "a second push sends nothing" again

done_testing
