#!/bin/bash
# The guest uploads to a real bucket over TLS: volatile state is in the bucket while memory is still being read.
set -euo pipefail
# shellcheck source=tests/s3/lib.sh
. "$(dirname "$0")/../s3/lib.sh"
vm=$top/tests/vm

start_evidence
mkdir "$work/share"
lime=$("$vm/prepare.sh")/lime.ko
cp "$S3_CA" "$work/ca.pem"

# The credentials may put objects and nothing else. 10.0.2.2 is this machine's loopback, and the guest's only way out.
cat >"$work/script" <<GUEST
. ./lib.sh
cat /proc/iomem >/evidence/iomem
settle
before=\$(written)
AWS_ACCESS_KEY_ID=$S3_WRITER_KEY AWS_SECRET_ACCESS_KEY=$S3_WRITER_SECRET ./evac collect --case up \
	--recipient "\$(cat recipient)" --to s3://evidence/vm --endpoint-url https://10.0.2.2:$S3_PORT --path-style \
	--ca-file ca.pem --memory lime --lime lime.ko >/evidence/out 2>/evidence/err
status=\$?
echo \$((\$(written) - before)) >/evidence/written
exit \$status
GUEST
"$vm/run.sh" -m 192M -t 200 -s "$work/share" -p "$S3_PORT" -f "$evac" -f "$work/recipient" -f "$work/ca.pem" -f "$lime" \
	"$work/script" &
guest=$!
pids+=("$guest")

# What the bucket holds when the volatile segment is first seen there, with its signature.
until s3 list evidence vm >"$work/seen" 2>/dev/null && grep -q -- '-volatile\.tar\.zst\.age$' <(tr ' ' '\n' <"$work/seen"); do
	kill -0 "$guest" 2>/dev/null || break
	sleep 0.2
done
code=0
wait "$guest" || code=$?
show() { cat "$work/share/err"; return 1; }
collected() { [ "$code" -eq 0 ] || show; }
check "the guest collects into the bucket: exit status 0" collected
s3 list evidence vm >"$work/end"
objects() { grep -o -- '-memory\.tar\.zst\.age\b' "$1" | wc -l; }
early() {
	echo "$(objects "$work/seen") memory objects when volatile was seen, $(objects "$work/end") at the end"
	grep -q -- -volatile "$work/seen" && ! grep -q manifest.json "$work/seen" &&
		[ "$(objects "$work/seen")" -lt "$(objects "$work/end")" ]
}
check "volatile state is in the bucket before memory is finished" early
check "nothing was written to the guest's disk" [ "$(cat "$work/share/written")" = 0 ]

s3 pull evidence vm "$work/pulled"
collection=$(dirname "$(find "$work/pulled" -name evac.pub)")
signer=$(sed -n 's/.*"public_key":"\([^"]*\)".*/\1/p' "$work/share/out")
check "what is in the bucket verifies" "$evac" verify "$collection" --signer "$signer"
check "it opens" "$evac" open "$collection" --signer "$signer" --identity "$work/identity" --out "$work/opened"
check "memory is whole: every range of /proc/iomem to the byte" \
	python3 "$vm/lime.py" coverage "$work/opened/memory.lime" "$work/share/iomem"
done_testing
