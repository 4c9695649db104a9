#!/bin/bash
# How fast evac uploads over 1 Gbit/s with 80 ms and 1 % loss, as a ratio to as many curl -T streams to the same server.
# The cable is link.c's: real IP packets between two network namespaces, delayed and dropped, for kernels without netem too.
# The logs lie on a tmpfs in a mount namespace of the benchmark's own. WORKERS says how many streams (4), MIB how much (32),
# ROUNDS how often (3), LOSS percent each way (1), DELAY_MS one way (40), RATE in Mbit/s (1000), CONGESTION which of the
# kernel's controls (cubic, what hosts have, or else reno, which is as slow where packets are lost).
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/net/lib.sh
. "$top/tests/net/lib.sh"
[ -n "${EVAC_NET_INSIDE-}" ] || "$top/tests/s3/root.sh" >/dev/null
enter_network "$0"
ip link set lo up
# shellcheck source=tests/s3/lib.sh
. "$top/tests/s3/lib.sh"

evac=${EVAC:-$top/build/$(uname -m)/evac}
workers=${WORKERS:-4} mib=${MIB:-32} rounds=${ROUNDS:-3}
delay=${DELAY_MS:-40} loss=${LOSS:-1} rate=${RATE:-1000} congestion=${CONGESTION:-cubic reno}
if [ ! -c /dev/net/tun ]; then
	echo "upload over a poor network: not measured, there is no /dev/net/tun"
	exit 0
fi
start_server
s3 make-bucket evidence
"$evac" keygen >"$work/identity" 2>/dev/null
recipient=$(sed -n 's/^# public key: //p' "$work/identity")

# make_cable: a host at the other end of a link; sets $host.
make_cable() {
	local address=10.0.2.10 setup
	cc -O2 -D_GNU_SOURCE -Wall -Wextra -o "$work/link" "$top/tests/bench/link.c" -pthread
	unshare --net setpriv --pdeathsig KILL sleep 7200 &
	host=$!
	pids+=("$host")
	until [ "$(readlink "/proc/$host/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
	mkfifo "$work/link.ready"
	"$work/link" "$host" $$ "$delay" "$loss" "$rate" "${SEED:-1}" >"$work/link.ready" 2>"$work/link.said" &
	link=$!
	pids+=("$link")
	read -r _ <"$work/link.ready"
	# shellcheck disable=SC2016
	setup='ip link set lo up; ip address add "$1/32" peer "$2" dev cable; ip link set cable up mtu 1500 txqueuelen 10000
		for one in $3; do ! echo "$one" >/proc/sys/net/ipv4/tcp_congestion_control || break; done
		cat /proc/sys/net/ipv4/tcp_congestion_control'
	sh -euc "$setup" sh "$bucket_address" "$address" "$congestion" >/dev/null 2>&1
	control=$(on_host sh -euc "$setup" sh "$address" "$bucket_address" "$congestion" 2>/dev/null)
}
make_cable
start_relay 1
mount -t tmpfs -o size=$((2 * mib))M evac-bench /var/log
head -c "${mib}M" /dev/urandom >/var/log/noise

# timed COMMAND...: seconds.
timed() {
	local begin
	begin=$(date +%s.%N)
	"$@" >"$work/out" 2>"$work/err" || { cat "$work/err" >&2; return 1; }
	awk -v a="$begin" -v b="$(date +%s.%N)" 'BEGIN { printf "%.2f", b - a }'
}
collect() {
	as WRITER on_host "$evac" collect --case BENCH --recipient "$recipient" --to "s3://evidence/$1" --only log \
		--endpoint-url "https://$bucket_address:$port" --ca-file "$S3_CA" --imds-endpoint none --workers "$workers"
}
# The same bytes in as many objects of 8 MiB, each stream on one connection.
streams() {
	local i stream=() all=()
	for ((i = 0; i < workers; i++)); do
		mapfile -t stream < <(find "$work/parts" -type f | sort | awk -v n="$workers" -v i="$i" 'NR % n == i')
		on_host curl -sS --fail --expect100-timeout 0.001 --cacert "$S3_CA" --aws-sigv4 "aws:amz:$S3_REGION:s3" -K - <<-CONFIG &
			user = "$S3_WRITER_KEY:$S3_WRITER_SECRET"
			header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"
			$(for part in "${stream[@]}"; do
				printf 'upload-file = "%s"\nurl = "https://%s:%s/evidence/%s/%s"\n' "$part" "$bucket_address" "$port" "$1" "${part##*/}"
			done)
		CONFIG
		all+=("$!")
	done
	for i in "${all[@]}"; do wait "$i"; done
}
# The least of ten, in milliseconds.
round_trip() {
	on_host python3 - "$bucket_address" "$port" <<-'PYTHON'
		import socket, sys, time
		def once():
		    begin = time.monotonic()
		    socket.create_connection((sys.argv[1], int(sys.argv[2]))).close()
		    return time.monotonic() - begin
		print(round(1000 * min(once() for _ in range(10))))
	PYTHON
}
mkdir "$work/parts"
split -b 8M /var/log/noise "$work/parts/part"

echo "$rate Mbit/s, $delay ms and $loss % of the packets lost each way, $control; a connection is made in $(round_trip) ms"
curls=0 evacs=0
for ((round = 1; round <= rounds; round++)); do
	c=$(timed streams "curl$round")
	e=$(timed collect "evac$round")
	awk -v n="$round" -v w="$workers" -v m="$mib" -v c="$c" -v e="$e" 'BEGIN {
		printf "round %d: %d curl -T %6.2f MiB/s; evac with %d workers %6.2f MiB/s; ratio %.2f\n", n, w, m / c, w, m / e, c / e }'
	curls=$(awk "BEGIN { print $curls + $c }") evacs=$(awk "BEGIN { print $evacs + $e }")
done
awk -v c="$curls" -v e="$evacs" 'BEGIN { printf "all rounds: ratio %.2f\n", c / e }'
kill -TERM "$link"
wait "$link" || true
sed 's/^/the link, /' "$work/link.said"
rss=$(sed -n 's/.*"peak_rss_kib":\([0-9]*\).*/\1/p' "$work/out")
echo "evac's peak resident memory: $rss KiB, its bound $(((64 + 3 * workers * 8) * 1024)) KiB"
[ "$rss" -le $(((64 + 3 * workers * 8) * 1024)) ]
