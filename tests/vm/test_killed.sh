#!/bin/bash
# evac is killed with SIGKILL in the middle of its upload of memory: every object in the bucket verifies and opens, the
# memory that arrived is a LiME image, and the next run finds the module that was left behind and works.
set -euo pipefail
# shellcheck source=tests/s3/lib.sh
. "$(dirname "$0")/../s3/lib.sh"
vm=$top/tests/vm

start_evidence
mkdir "$work/share"
lime=$("$vm/prepare.sh")/lime.ko
cp "$S3_CA" "$work/ca.pem"

cat >"$work/script" <<GUEST
. ./lib.sh
cat /proc/iomem >/evidence/iomem
export AWS_ACCESS_KEY_ID=$S3_WRITER_KEY AWS_SECRET_ACCESS_KEY=$S3_WRITER_SECRET
collect() {
	exec ./evac collect --case "\$1" --recipient "\$(cat recipient)" --to s3://evidence/vm --endpoint-url https://10.0.2.2:$S3_PORT \
		--path-style --ca-file ca.pem --memory lime --lime lime.ko --skip log >"/evidence/\$1.out" 2>"/evidence/\$1.err"
}
collect cut &
job=\$!
until [ -e /evidence/kill ]; do
	kill -0 \$job || exit 9
	sleep 0.1
done
kill -KILL \$job
wait \$job || true
collect again
GUEST
"$vm/run.sh" -m 192M -t 240 -s "$work/share" -p "$S3_PORT" -f "$evac" -f "$work/recipient" -f "$work/ca.pem" -f "$lime" \
	"$work/script" &
guest=$!
pids+=("$guest")

objects() { s3 list evidence vm/cut 2>/dev/null | grep -c -- '-memory\.tar\.zst\.age\b' || true; }
until [ "$(objects)" -ge 9 ]; do
	kill -0 "$guest" 2>/dev/null || break
	sleep 0.2
done
: >"$work/share/kill"
code=0
wait "$guest" || code=$?

s3 pull evidence vm/cut "$work/pulled"
collection=$(dirname "$(find "$work/pulled" -name evac.pub)")
signer=$(sed -n 's/.*"public_key":"\([^"]*\)".*/\1/p' "$work/share/cut.out")
check "it was killed before there was a manifest" [ ! -e "$collection/manifest.json" ]
genuine() {
	local object
	for object in "$collection"/*.age; do
		minisign -V -q -P "$signer" -m "$object" || return 1
	done
}
check "minisign: every segment that is there is signed by the key that was printed" genuine
status=0
"$evac" verify "$collection" --signer "$signer" >"$work/verify" || status=$?
cut_short() { cat "$work/verify"; [ "$status" -eq 3 ] && grep -q 'cut short' "$work/verify"; }
check "verify: genuine and cut short" cut_short
status=0
"$evac" open "$collection" --signer "$signer" --identity "$work/identity" --out "$work/opened" >"$work/open" || status=$?
check "it opens, and says the same" [ "$status" -eq 3 ]
check "the processes are there" [ -s "$work/opened/processes.ndjson" ]
check "the memory that arrived is a LiME image" python3 "$vm/lime.py" ranges "$work/opened/memory.lime"
again() { cat "$work/share/again.err"; [ "$code" -eq 0 ] && grep -q '"memory":"complete"' "$work/share/again.out"; }
check "the next run takes all of memory, with the module that was left behind out of the way" again
s3 pull evidence vm/again "$work/second"
collection=$(dirname "$(find "$work/second" -name evac.pub)")
by_lime() { tr ',' '\n' <"$collection/manifest.json" | grep '"lime":\|"method":'; grep -q '"method":"lime' "$collection/manifest.json"; }
check "by LiME" by_lime
done_testing
