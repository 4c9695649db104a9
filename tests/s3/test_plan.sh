#!/bin/bash
# What the plan makes of the vault: a slow one makes collectors stop early enough, a dead one ends the run even without a
# deadline, and memory goes first where it is asked to.
set -euo pipefail
# shellcheck source=tests/s3/lib.sh
. "$(dirname "$0")/lib.sh"

start_evidence

# collect NAME WORDS...: of a process of its own with 40 MiB of noise; exit status and milliseconds in $status, $took.
collect() {
	local name=$1 begin
	shift
	begin=$(date +%s%3N) status=0
	# shellcheck disable=SC2016
	as WRITER unshare --mount --pid --fork --kill-child --mount-proc bash -c '
		python3 -c "import os, time; noise = os.urandom(40 << 20); print(flush=True); time.sleep(600)" >"$0.ready" &
		until [ -s "$0.ready" ]; do sleep 0.05; done
		exec "$@"' "$work/$name" "$evac" collect --case CASE --recipient "$recipient" --to "s3://evidence/$name" \
		--endpoint-url "${endpoint:-$S3_ENDPOINT}" --ca-file "$S3_CA" --only process,kernel,memory --memory process \
		--segment-size 1M --workers 2 "$@" >"$work/$name.out" 2>"$work/$name.err" || status=$?
	took=$(($(date +%s%3N) - begin))
}
show() { cat "$work/$1.out" "$work/$1.err"; echo "exit status $status after $took ms"; exit 1; }
told() { sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p" "$work/$1.out"; }
verify() { as ROOT "$evac" verify "s3://evidence/$1" --signer "$(sed -n 's/.*"public_key":"\([^"]*\)".*/\1/p' "$work/$1.out")" \
	--endpoint-url "$S3_ENDPOINT" --ca-file "$S3_CA" --imds-endpoint none; }

# --- a slow vault ----------------------------------------------------------------------------------------------
slow() (
	collect slow --deadline 12s --limit-rate 1M
	[ "$status" = 1 ] || show slow
	[ "$(told slow seconds)" -le 12 ] || show slow
	[ "$(told slow lost)" = 0 ] || show slow
	grep -q '"manifest":true' "$work/slow.out" || show slow
)
check "1 MB a second, 40 MB and 12 s: stops in time to send what it has" slow
check "  which is whole, with a manifest" verify slow
check "  and took most of the time: $(told slow stored_bytes) bytes" [ "$(told slow stored_bytes)" -gt 2000000 ]
measured() {
	s3 pull evidence slow "$work/slow"
	grep -ohE '"key":"vault_bytes_per_s","text":"[0-9]+"' -r "$work/slow" | grep -oE '[0-9]+' | awk '{ exit !($1 > 400000 && $1 < 2000000) }'
}
check "  the manifest says what was measured" measured

# --- a dead vault, without a spool and without a deadline ----------------------------------------------------------
cut_after_five() {
	until [ "$(grep -c ' PUT ' "$work/dead.log" 2>/dev/null)" -ge 5 ]; do sleep 0.02; done
	kill -USR1 "$proxy"
}
dead() (
	start_proxy dead
	cut_after_five &
	endpoint=https://127.0.0.1:$port collect dead --patience 4s
	[ "$status" = 1 ] || show dead
	[ "$(told dead seconds)" -le 18 ] || show dead
	[ "$(told dead lost)" -gt 0 ] || show dead
)
check "a network that dies: given up after its patience" dead
check "  it says so" grep -q 'the vault has taken nothing for [4-9] s and is given up: nothing more is collected' "$work/dead.err"
check "  and names what is lost" grep -q 'segment 0[0-9]*-.* lost: ' "$work/dead.err"
cut_short() { ! verify dead >"$work/said" || return 1; grep -q 'cut short' "$work/said"; }
check "  what came before is genuine" cut_short

# --- memory first ----------------------------------------------------------------------------------------------
first() (
	collect first --memory-first
	whole "$status" "$work/first.out" || show first
	verify first
)
check "--memory-first" first
order() {
	s3 list evidence first | awk '{ print $NF }' | sed -n 's|.*/\(0[0-9]*\)-\([a-z]*\).*age$|\2|p' | uniq | tr '\n' ' ' >"$work/order"
	cat "$work/order"
	[ "$(cat "$work/order")" = "memory volatile agent " ]
}
check "  the memory, the volatile state, the journal" order
marked() {
	s3 list evidence first >"$work/list"
	# SIZE TIME KEY: the marker is younger than every volatile segment.
	awk '/volatile.done$/ { done = $2 } /-volatile.tar.zst.age$/ { if ($2 > last) last = $2 } END { exit !(done != "" && done >= last) }' "$work/list"
}
check "  volatile.done appears when the volatile state is safe" marked
counted() { s3 get evidence "$(s3 list evidence first | awk '/volatile.done$/ { print $NF }')" | grep -q '"segments":[1-9]'; }
check "  and counts the volatile segments" counted

done_testing
