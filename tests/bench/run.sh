#!/usr/bin/env bash
# How fast evac packs, encrypts and signs, as a ratio to tar | zstd -1 -T0 | age on the same files in the same run.
# The files lie on a tmpfs over /var/log in a mount namespace of the benchmark's own; MIB sets their size (512).
set -euo pipefail
cd "$(dirname "$0")/../.."
evac=$PWD/build/$(uname -m)/evac
mib=${MIB:-512}
if [ "${EVAC_BENCH_INSIDE:-}" != 1 ]; then
	exec env EVAC_BENCH_INSIDE=1 unshare -m --propagation private "$0"
fi
work=$(mktemp -d)
trap 'umount /var/log "$work"; rmdir "$work"' EXIT
mount -t tmpfs -o size=$((3 * mib))M none "$work"
mount -t tmpfs -o size=$((2 * mib))M none /var/log

# Like memory: a third zero, a third of programs and text, a third that does not compress.
third=$((mib / 3))
head -c "${third}M" /dev/zero >/var/log/zero
{ find /usr/bin /usr/lib /usr/share -type f -size -4M -print0 | sort -z | xargs -0 cat 2>/dev/null || true; } |
	head -c "${third}M" >/var/log/mixed
head -c "${third}M" /dev/urandom >/var/log/random
bytes=$(cat /var/log/* | wc -c)

key=$work/key
"$evac" keygen -o "$key" 2>/dev/null
recipient=$(sed -n 's/^# public key: //p' "$key")
seconds() { # seconds COMMAND...
	local begin end
	begin=$(date +%s.%N)
	"$@" >"$work/out" 2>"$work/err" || { cat "$work/err" >&2; exit 1; }
	end=$(date +%s.%N)
	awk -v a="$begin" -v b="$end" 'BEGIN { printf "%.3f", b - a }'
}
reference() { tar -C / -c var/log | zstd -1 -T0 | age -r "$recipient" >"$work/reference.tar.zst.age"; }
collect() { "$evac" collect --case BENCH --recipient "$recipient" --to "$work/vault" --only log; }

for round in 1 2 3; do
	rm -rf "$work/vault"
	r=$(seconds reference)
	e=$(seconds collect)
	awk -v n="$round" -v b="$bytes" -v r="$r" -v e="$e" 'BEGIN {
		printf "round %d: tar|zstd -1 -T0|age %6.0f MiB/s; evac (with digests and signatures) %6.0f MiB/s; ratio %.2f\n",
			n, b / 1048576 / r, b / 1048576 / e, r / e }'
done
echo "evac's peak resident memory: $(sed -n 's/.*"peak_rss_kib":\([0-9]*\).*/\1/p' "$work/out") KiB"
