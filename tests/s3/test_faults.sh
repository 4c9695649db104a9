#!/bin/bash
# Thousands of faults in one upload, and the bucket holds exactly what was sent: nothing missing, nothing damaged, nothing
# more. EVAC_FAULTS says how many (default 1000), EVAC_SEED which.
set -euo pipefail
# shellcheck source=tests/s3/lib.sh
. "$(dirname "$0")/lib.sh"

faults=${EVAC_FAULTS:-1000} seed=${EVAC_SEED:-1} sessions=8
build_put
start_server
s3 make-bucket evidence
head -c 20000 /dev/urandom >"$work/data"
# A fault for each three requests that pass; a stall for each thousand, because it takes ten seconds.
python3 - "$faults" "$seed" >"$work/faults" <<'PYTHON'
import random, sys
count, seed = int(sys.argv[1]), int(sys.argv[2])
kinds = ['slowdown', 'internal', 'plain503', 'long503', 'error200', 'lost', 'cut', 'damaged', 'garbage', 'close']
random.seed(seed)
words = [random.choice(kinds) if i % 1000 else 'stall' for i in range(count)] + ['pass'] * (3 * count)
random.shuffle(words)
print(*words)
PYTHON
each=$((3 * faults / sessions))
objects=$((each * sessions))

# shellcheck disable=SC2046
start_proxy faults $(cat "$work/faults")
# The patience is for the stalls: ten seconds and not thirty.
upload() { endpoint=https://127.0.0.1:$port vault -P 300000 -j "$sessions" -n "$each" s3://evidence many o "$work/data" >"$work/said"; }
check "$objects objects, $faults faults, seed $seed: all stored" upload
check "each of them once" [ "$(grep -oE 'stored o\.[0-9]+' "$work/said" | sort -u | wc -l)" -eq "$objects" ]
check "the faults were met" [ "$(grep -vc '^pass ' "$work/faults.log")" -ge $((faults * 9 / 10)) ]
s3 digests evidence many/ >"$work/digests"
check "the bucket has so many objects" [ "$(wc -l <"$work/digests")" -eq "$objects" ]
md5=$(md5sum <"$work/data" | cut -d ' ' -f 1)
check "with these bytes" [ "$(cut -d ' ' -f 1 "$work/digests" | sort -u)" = "$md5" ]
echo "# $(cut -d ' ' -f 1 "$work/faults.log" | sort | uniq -c | tr -s ' \n' ' ')"
done_testing
