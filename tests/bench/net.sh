#!/bin/bash
# How fast evac uploads over 1 Gbit/s with 80 ms and 1 % loss, as a ratio to as many curl -T streams to the same server.
# The logs lie on a tmpfs in a mount namespace of the benchmark's own. WORKERS says how many streams (4), MIB how much (64).
# NETEM replaces what tc puts on both ends of the cable.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/net/lib.sh
. "$top/tests/net/lib.sh"
[ -n "${EVAC_NET_INSIDE-}" ] || "$top/tests/s3/root.sh" >/dev/null
enter_network "$0"
ip link set lo up
# Half of it each way.
read -ra shape <<<"${NETEM-netem delay 40ms loss 0.5% rate 1gbit limit 20000}"
if ! tc qdisc add dev lo root "${shape[@]}" 2>/dev/null; then
	echo "upload over a poor network: not measured, this kernel has no ${shape[0]}"
	exit 0
fi
tc qdisc del dev lo root
# shellcheck source=tests/s3/lib.sh
. "$top/tests/s3/lib.sh"

evac=${EVAC:-$top/build/$(uname -m)/evac}
workers=${WORKERS:-4} mib=${MIB:-64}
start_server
s3 make-bucket evidence
"$evac" keygen >"$work/identity" 2>/dev/null
recipient=$(sed -n 's/^# public key: //p' "$work/identity")
make_host 0
start_relay 1
tc qdisc add dev vault0 root "${shape[@]}"
on_host tc qdisc add dev host root "${shape[@]}"
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
mkdir "$work/parts"
split -b 8M /var/log/noise "$work/parts/part"

for round in 1 2 3; do
	c=$(timed streams "curl$round")
	e=$(timed collect "evac$round")
	awk -v n="$round" -v w="$workers" -v m="$mib" -v c="$c" -v e="$e" 'BEGIN {
		printf "round %d: %d curl -T %6.1f MiB/s; evac with %d workers %6.1f MiB/s; ratio %.2f\n", n, w, m / c, w, m / e, c / e }'
done
echo "evac's peak resident memory: $(sed -n 's/.*"peak_rss_kib":\([0-9]*\).*/\1/p' "$work/out") KiB"
