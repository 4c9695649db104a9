#!/bin/bash
# verify and open on a bucket, with the responder's credentials: what they download, resume, leave out and remove again.
set -euo pipefail
# shellcheck source=tests/s3/lib.sh
. "$(dirname "$0")/lib.sh"

evac=${EVAC:-$top/build/$(uname -m)/evac}
build_put
start_server
s3 make-bucket evidence
"$evac" keygen >"$work/identity" 2>/dev/null
recipient=$(sed -n 's/^# public key: //p' "$work/identity")
mkdir "$work/tmp"
export TMPDIR=$work/tmp

# as_user USER COMMAND WHERE...: evac with the server's address.
remote() { as "${user:-ROOT}" "$evac" "$@" --endpoint-url "${endpoint:-$S3_ENDPOINT}" --ca-file "$S3_CA" --imds-endpoint none; }

# status NUMBER COMMAND...; what it says is kept in $work/said.
status() {
	local want=$1 got=0
	shift
	"$@" >"$work/said" 2>&1 || got=$?
	cat "$work/said"
	[ "$got" -eq "$want" ] || { echo "exit status $got"; return 1; }
}
said() { cat "$work/said" && grep -qF -- "$1" "$work/said"; }
nothing_left() { [ -z "$(ls -A "$work/tmp")" ] && [ -z "$(find "$work" -maxdepth 1 -name '*.download.*')" ]; }

collect() {
	as WRITER "$evac" collect --case CASE --recipient "$recipient" --to "s3://evidence/$1" --endpoint-url "$S3_ENDPOINT" \
		--ca-file "$S3_CA" --only process,socket,kernel --memory none --segment-size 1M >"$work/$1.out" 2>"$work/$1.err"
}
signer() { sed -n 's/.*"public_key":"\([^"]*\)".*/\1/p' "$work/$1.out"; }

check "a collection into the bucket" collect a
s3 put evidence ab/evac.pub "$work/identity"
key=$(signer a)

# --- verify and open -------------------------------------------------------------------------------------------
check "verify s3://: whole and genuine" status 0 remote verify s3://evidence/a --signer "$key" --verbose
check "and named by its place in the bucket" grep -qE '^s3://evidence/a/CASE/[^/]+/[0-9TZ]+-[0-9a-f]+: whole and genuine: ' "$work/said"
check "as JSON" status 0 remote verify s3://evidence/a/ --signer "$key" --json
check "the same" grep -qE '"where":"s3://evidence/a/CASE/' "$work/said"
check "nothing is left behind" nothing_left
check "open s3://" status 0 remote open s3://evidence/a --signer "$key" --identity "$work/identity" --out "$work/opened"
check "nothing is left behind beside it" nothing_left
as_from_directory() {
	s3 pull evidence a/ "$work/pulled"
	"$evac" open "$work/pulled" --signer "$key" --identity "$work/identity" --out "$work/local"
	diff -r "$work/opened" "$work/local"
}
check "what it opened is what a downloaded collection gives" as_from_directory

at_a_terminal() {
	# The directory that is downloaded to is some 100 KiB.
	script -qec "env AWS_ACCESS_KEY_ID=$S3_ROOT_KEY AWS_SECRET_ACCESS_KEY=$S3_ROOT_SECRET '$evac' verify s3://evidence/a \
		--endpoint-url '$S3_ENDPOINT' --ca-file '$S3_CA' --limit-rate 32K" /dev/null >"$work/said" 2>&1 </dev/null &&
		grep -qE '[0-9]+ of [0-9]+ objects, [0-9.]+ of [0-9.]+ MiB' "$work/said"
}
check "a terminal shows how far it is" at_a_terminal
check "and other places do not" [ "$(remote verify s3://evidence/a --limit-rate 32K 2>&1 | grep -c ' objects, ')" -eq 0 ]

# --- refused ---------------------------------------------------------------------------------------------------
user=WRITER check "the host's user may not read: exit status 1" status 1 remote verify s3://evidence/a
check "and it says so" said "evac verify: s3://evidence: AccessDenied: the credentials may not read there"
check "a bucket that is not there" status 1 remote open s3://no-such-bucket --identity "$work/identity" --out "$work/none"
check "and it says so" said "evac open: s3://no-such-bucket: NoSuchBucket: the bucket does not exist"
check "a prefix below which there is nothing" status 1 remote verify s3://evidence/nothing
check "and it says so" said "evac verify: s3://evidence/nothing: there is no collection here"
no_keys() { status 1 "$evac" verify s3://evidence/a --imds-endpoint none; }
check "no credentials" no_keys
check "and it says so" said "no credentials: set AWS_ACCESS_KEY_ID"
check "nothing is left behind" nothing_left

# --- networks that fail ----------------------------------------------------------------------------------------
through_faults() {
	local name=$1 faults=$2
	shift 2
	# shellcheck disable=SC2086
	start_proxy "$name" $faults
	endpoint=https://127.0.0.1:$port "$@"
}
check "broken off again and again: whole all the same" through_faults cut \
	"short short pass short short short short short stall short slowdown short" status 0 remote verify s3://evidence/a --signer "$key"
resumed() {
	grep -qE '^(pass|short) GET .* 206 ' "$work/cut.log" && grep -qiE '^Range: bytes=[1-9][0-9]*-$' "$work/cut.log.headers" &&
		grep -qi '^If-Match: "' "$work/cut.log.headers"
}
check "by going on from where it broke off" resumed
check "four at once" through_faults four "" status 0 remote verify s3://evidence/a --signer "$key"

killed() {
	local pid
	start_proxy killed pass pass stall stall stall stall
	endpoint=https://127.0.0.1:$port remote verify s3://evidence/a >"$work/said" 2>&1 &
	pid=$!
	until grep -q '^stall' "$work/killed.log" 2>/dev/null; do sleep 0.1; done
	pkill -KILL -P "$pid" -x evac || kill -KILL "$pid"
	wait "$pid" || true
	for ((i = 0; i < 100; i++)); do
		nothing_left && return 0
		sleep 0.1
	done
	ls -R "$work/tmp"
	return 1
}
check "killed while it downloads: the directory is removed" killed

# --- what is missing, and what does not belong there -----------------------------------------------------------
missing=$(s3 list evidence a | grep -oE '[^ ]*0000-volatile.tar.zst.age$')
s3 delete evidence "$missing"
check "a segment that is missing: exit status 1" status 1 remote verify s3://evidence/a --signer "$key"
check "and it is named" said "0000-volatile.tar.zst.age"
check "open goes as far as it goes" status 1 remote open s3://evidence/a --signer "$key" --identity "$work/identity" --out "$work/partly"
check "and what is there is opened" [ -n "$(find "$work/partly" -type f)" ]
check "several collections are not opened at once" status 1 remote open s3://evidence --identity "$work/identity" --out "$work/several"
check "but listed by their places" said "s3://evidence/ab"

for bad in 'b/../../evil' 'b/.hidden' 'b/c/d/e/f/deep' $'b/a\001b'; do
	s3 put evidence "$bad" "$work/identity" 2>/dev/null || true
done
s3 put evidence b/evac.pub "$work/identity"
check "keys that are no collection's files" status 1 remote verify s3://evidence/b
check "are left out and said" said "left out: "
check "and nothing came to lie elsewhere" [ -z "$(find "$work" /tmp -maxdepth 1 -name evil)" ]
check "nothing is left behind" nothing_left

: >"$work/empty"
as WRITER "$put" -c "$S3_CA" -e "$S3_ENDPOINT" -j 4 -n 260 s3://evidence/n c/h/i many "$work/empty" >/dev/null
check "more objects than one page of a listing has" through_faults pages "" status 1 remote verify s3://evidence/n
check "two pages" [ "$(grep -c 'list-type=2' "$work/pages.log")" -eq 2 ]
check "1040 objects, each once" [ "$(grep -c '^pass GET /evidence/n/c/h/i/many[.0-9]* 0 200' "$work/pages.log")" -eq 1040 ]

done_testing
