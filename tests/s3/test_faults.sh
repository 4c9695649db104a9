#!/bin/bash
# Thousands of faults in one upload, and the bucket holds exactly what was sent: nothing missing, nothing damaged, nothing
# more. EVAC_FAULTS says how many (default 1000), EVAC_SEED which. A tenth of that for a whole collection: what opens is
# what was collected.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
[ -n "${EVAC_FAULTS_INSIDE-}" ] || EVAC_FAULTS_INSIDE=1 exec unshare --mount --propagation private bash "$0"
# shellcheck source=tests/s3/lib.sh
. "$top/tests/s3/lib.sh"

evac=${EVAC:-$top/build/$(uname -m)/evac}
faults=${EVAC_FAULTS:-1000} seed=${EVAC_SEED:-1} sessions=8
build_put
start_server
s3 make-bucket evidence
head -c 20000 /dev/urandom >"$work/data"

# plan COUNT [STALLS]: a fault for each three requests that pass; STALLS of them take ten seconds each.
plan() {
	python3 - "$1" "$seed" "${2-0}" <<-'PYTHON'
		import random, sys
		count, seed, stalls = map(int, sys.argv[1:])
		kinds = ['slowdown', 'internal', 'plain503', 'long503', 'error200', 'lost', 'cut', 'damaged', 'garbage', 'close']
		random.seed(seed)
		words = [random.choice(kinds) if i >= stalls else 'stall' for i in range(count)] + ['pass'] * (3 * count)
		random.shuffle(words)
		print(*words)
	PYTHON
}
met() { cut -d ' ' -f 1 "$work/$1.log" | sort | uniq -c | tr -s ' \n' ' '; }

# --- the vault alone -------------------------------------------------------------------------------------------
each=$((3 * faults / sessions))
objects=$((each * sessions))
# shellcheck disable=SC2046
start_proxy faults $(plan "$faults" $(((faults + 999) / 1000)))
# The patience is for the stalls: ten seconds and not thirty. Each object has its own name in it.
upload() { endpoint=https://127.0.0.1:$port vault -s -P 300000 -j "$sessions" -n "$each" s3://evidence many o "$work/data" >"$work/said"; }
expected() {
	python3 - "$work/data" "$objects" <<-'PYTHON'
		import hashlib, sys
		data = open(sys.argv[1], 'rb').read()
		for i in range(int(sys.argv[2])):
		    name = b'o.%d' % i
		    print(hashlib.md5(name + data[len(name):]).hexdigest(), 'many/' + name.decode())
	PYTHON
}
check "$objects objects, $faults faults, seed $seed: all stored" upload
check "each of them once" [ "$(grep -oE 'stored o\.[0-9]+' "$work/said" | sort -u | wc -l)" -eq "$objects" ]
check "the faults were met" [ "$(grep -vc '^pass ' "$work/faults.log")" -ge $((faults * 9 / 10)) ]
s3 digests evidence many/ | sort >"$work/digests"
expected | sort >"$work/expected"
check "the bucket has just these objects, each with its own bytes" cmp "$work/digests" "$work/expected"
echo "# $(met faults)"

# --- a collection ----------------------------------------------------------------------------------------------
# Twice as many requests as segments, at 1 MiB each.
mib=$((faults * 3 / 2 / 10))
"$evac" keygen -o "$work/identity" 2>/dev/null
recipient=$(sed -n 's/^# public key: //p' "$work/identity")
mount -t tmpfs -o size=$((mib + 16))M evac-test /var/log
# Each MiB has another beginning; the rest is quickly packed.
python3 - "$mib" <<-'PYTHON'
	import os, sys
	with open('/var/log/noise', 'wb') as out:
	    for i in range(int(sys.argv[1])):
	        out.write(os.urandom(4096) + bytes((1 << 20) - 4096))
PYTHON
# shellcheck disable=SC2046
start_proxy collection pass $(plan $((faults / 10)))
collect() {
	as WRITER "$evac" collect --case CASE --recipient "$recipient" --to s3://evidence/whole --only log --segment-size 1M \
		--endpoint-url "https://127.0.0.1:$port" --ca-file "$S3_CA" --imds-endpoint none --workers 8 >"$work/out" 2>"$work/err" ||
		{ cat "$work/err"; return 1; }
}
fetch() {
	as ROOT "$evac" "$1" s3://evidence/whole --signer "$(sed -n 's/.*"public_key":"\([^"]*\)".*/\1/p' "$work/out")" \
		--endpoint-url "$S3_ENDPOINT" --ca-file "$S3_CA" "${@:2}"
}
check "a collection of $mib MiB, $((faults / 10)) faults: exit status 0" collect
check "the faults were met" [ "$(grep -vc '^pass ' "$work/collection.log")" -ge $((faults * 9 / 100)) ]
check "it is whole and genuine" fetch verify
check "it opens" fetch open --identity "$work/identity" --out "$work/opened"
check "and has what was collected" cmp "$work/opened/files/var/log/noise" /var/log/noise
echo "# $(met collection)"
done_testing
