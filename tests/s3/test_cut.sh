#!/bin/bash
# The network is cut in silence: packets vanish, or names are not resolved any more. No run is longer than its deadline,
# none waits for a dead vault while it has a spool, and what was collected can be brought later.
set -euo pipefail

# All of it in a network of its own; the agent gets a second one, whose only cable can be pulled.
if [ -z "${EVAC_CUT_INSIDE-}" ]; then
	cd "$(dirname "$0")/../.."
	# What the other network may be needed for.
	tests/s3/root.sh >/dev/null
	[ -n "${EVAC_S3_PUT-}" ] || make -s VARIANT=asan build/asan/s3/put
	export EVAC_S3_PUT=${EVAC_S3_PUT:-$PWD/build/asan/s3/put}
	EVAC_CUT_INSIDE=1 exec unshare --net --mount --propagation private bash tests/s3/test_cut.sh
fi
ip link set lo up
# shellcheck source=tests/s3/lib.sh
. "$(dirname "$0")/lib.sh"

start_evidence
: >"$work/small"

unshare --net sleep 3600 &
agent=$!
pids+=("$agent")
until [ "$(readlink "/proc/$agent/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
# 10.0.2.2 is in the server's certificate.
ip link add vault type veth peer name host netns "$agent"
ip address add 10.0.2.2/24 dev vault
ip link set vault up
nsenter --net="/proc/$agent/ns/net" sh -c 'ip link set lo up; ip address add 10.0.2.1/24 dev host; ip link set host up'
pull_cable() { ip link set vault down; }
plug_in() { ip link set vault up; }
on_host() { nsenter --net="/proc/$agent/ns/net" "$@"; }
export FAULTS_ADDRESS=10.0.2.2

# within MIN MAX COMMAND...: it takes so many milliseconds, whatever its exit status.
within() {
	local min=$1 max=$2 begin took
	shift 2
	begin=$(date +%s%3N)
	"$@" || true
	took=$(($(date +%s%3N) - begin))
	echo "took $took ms"
	[ "$took" -ge "$min" ] && [ "$took" -le "$max" ]
}
# collect NAME WORDS...: with 40 MiB of noise to be had; its exit status is in $work/NAME.status.
collect() {
	local name=$1 got=0
	shift
	# shellcheck disable=SC2016
	as WRITER nsenter --net="/proc/$agent/ns/net" unshare --mount --pid --fork --kill-child --mount-proc bash -c '
		python3 -c "import os, time; noise = os.urandom(40 << 20); print(flush=True); time.sleep(600)" >"$0.ready" &
		until [ -s "$0.ready" ]; do sleep 0.05; done
		exec "$@"' "$work/$name" "$evac" collect --case CASE --recipient "$recipient" --to "s3://evidence/$name" \
		--endpoint-url "https://10.0.2.2:$port" --ca-file "$S3_CA" --only process,memory --memory process \
		--segment-size 1M --workers 2 "$@" >"$work/$name.out" 2>"$work/$name.err" || got=$?
	echo "$got" >"$work/$name.status"
	cat "$work/$name.err"
}
signer() { sed -n 's/.*"public_key":"\([^"]*\)".*/\1/p' "$work/$1.out"; }
# ran MIN MAX NAME WORDS...: collect, and the run took so many seconds by its own account: it does not count its start.
ran() {
	local min=$1 max=$2 took
	shift 2
	collect "$@"
	took=$(sed -n 's/.*"seconds":\([0-9.]*\).*/\1/p' "$work/$1.out")
	echo "took $took s"
	awk -v t="$took" -v min="$min" -v max="$max" 'BEGIN { exit !(t >= min && t <= max) }'
}
lost() { sed -n 's/.*"lost":\([0-9]*\).*/\1/p' "$work/$1.out"; }
verify() { as ROOT "$evac" verify "s3://evidence/$1" --signer "$(signer "$1")" --endpoint-url "$S3_ENDPOINT" --ca-file "$S3_CA"; }
# cut_during NAME: the cable is pulled when three segments were stored: the answer for one of them has arrived, since each of
# the two workers waits for its own.
cut_during() {
	local i
	for ((i = 0; i < 3000; i++)); do
		[ "$(grep -c ' PUT .*\.age [0-9]* 200 ' "$work/$1.log" 2>/dev/null)" -lt 3 ] || break
		sleep 0.02
	done
	pull_cable
}

# --- packets vanish --------------------------------------------------------------------------------------------
start_proxy deadline
cut_during deadline &
check "a run without a spool ends with its deadline" ran 10 21 deadline --deadline 20s
plug_in
check "its exit status is 1" [ "$(cat "$work/deadline.status")" -eq 1 ]

start_proxy spool
cut_during spool &
# 15 s of patience for the first object, and as much at the end for what comes last.
check "a run with a spool does not wait for a dead vault" ran 1 60 spool --spool "$work/spool"
check "its exit status is 1" [ "$(cat "$work/spool.status")" -eq 1 ]
check "nothing is lost" [ "$(lost spool)" = 0 ]
plug_in
push() {
	as WRITER nsenter --net="/proc/$agent/ns/net" "$evac" push "$work/spool" --to s3://evidence/spool --signer "$(signer spool)" \
		--endpoint-url "https://10.0.2.2:$port" --ca-file "$S3_CA"
}
check "evac push sends the rest" push
check "and the collection in the bucket is whole" verify spool

start_proxy both
cut_during both &
check "a run with a spool keeps its deadline too" ran 3 21 both --spool "$work/both" --deadline 20s
check "nothing is lost" [ "$(lost both)" = 0 ]
plug_in

# --- names are not resolved ------------------------------------------------------------------------------------
echo "nameserver 127.0.0.1" >"$work/resolv.conf"
mount --bind "$work/resolv.conf" /etc/resolv.conf
# Takes questions and never answers. Not by on_host: the pid would be a shell's.
nsenter --net="/proc/$agent/ns/net" python3 -c 'import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 53)); time.sleep(3600)' &
pids+=("$!")
unresolved() {
	AWS_ACCESS_KEY_ID=K AWS_SECRET_ACCESS_KEY=S on_host "$put" -e https://vault.example -d 2000 s3://evidence c x "$work/small" >"$work/said" || true
	cat "$work/said"
	grep -q '^ETIMEDOUT: s3://evidence: out of time after 1 try: Resolving timed out' "$work/said"
}
check "a name server that is silent: a try ends with the deadline" within 1900 4500 unresolved
silent() {
	AWS_ACCESS_KEY_ID=K AWS_SECRET_ACCESS_KEY=S on_host "$evac" collect --case C --recipient "$recipient" --to s3://evidence \
		--endpoint-url https://vault.example --only process --memory none --deadline 6s "$@"
}
check "and so does a run" within 4000 8500 silent
check "with a spool too" within 1000 8500 silent --spool "$work/silent"
check "whose evidence is in the spool" [ -n "$(find "$work/silent" -name '*.age')" ]

umount /etc/resolv.conf
done_testing
