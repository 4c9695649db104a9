#!/bin/bash
# How the S3 vault finds its way: time limits, the bucket's region, headers that were asked for, rates, proxies, and the
# instance's role.
set -euo pipefail
# shellcheck source=tests/s3/lib.sh
. "$(dirname "$0")/lib.sh"

build_put
start_server
s3 make-bucket evidence
head -c 3000000 /dev/urandom >"$work/data"
: >"$work/keys"
printf 'a few bytes' >"$work/small"

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

# --- time limits of a try that runs ----------------------------------------------------------------------------
late_text='^ETIMEDOUT: s3://evidence: out of time after 1 try: Operation timed out after [0-9]+ milliseconds'
overrun() {
	within 1900 3200 through "stall stall" "$1" 2000 s3://evidence limit x "$2" >"$work/said"
	cat "$work/said"
	grep -qE "$late_text" "$work/said"
}
check "a try that runs is ended by the deadline" overrun -d "$work/data"
check "and by the vault's patience" overrun -P "$work/small"
slow() {
	within 7000 15000 vault -P 2000 -o limit-rate=300K s3://evidence limit slow "$work/data" && holds limit/slow "$work/data"
}
check "but a large object that moves, slowly, is not: it arrives" slow
impatient() {
	within 9000 13500 through "stall" -P 60000 s3://evidence limit impatient "$work/small" >"$work/said"
	cat "$work/said"
	grep -q '^stored impatient$' "$work/said"
}
check "where there is patience, a dead connection is left after ten seconds" impatient

# --- the bucket's region ---------------------------------------------------------------------------------------
# moved FAULT: the second request is signed for the other region, and so is the next object's.
moved() {
	through "$1" -n 2 s3://evidence moved "$1" "$work/data" >"$work/said" || return 1
	cat "$work/said"
	[ "$(grep -cE "PUT .*(us-east-1|eu-west-1)$" "$work/said")" -eq 3 ] &&
		grep -qE "^$1 PUT .* us-east-1$" "$work/said" && [ "$(grep -c '^pass PUT .* eu-west-1$' "$work/said")" -eq 2 ] &&
		grep -q 's3: the bucket is in eu-west-1' "$work/said" && holds "moved/$1.1" "$work/data"
}
check "301 and x-amz-bucket-region: signed for that region, and remembered" moved redirect
check "AuthorizationHeaderMalformed: the same" moved malformed
circle() {
	! through "redirect redirect" s3://evidence moved circle "$work/small" >"$work/said" || return 1
	cat "$work/said"
	[ "$(requests)" -eq 2 ] && grep -qxF "EIO: s3://evidence: PermanentRedirect: the bucket is in another region (it is in eu-west-1)" "$work/said"
}
check "a second redirect is not followed" circle
many_moved() {
	through "$(printf 'elsewhere %.0s' {1..40})" -j 4 -n 3 s3://evidence moved many "$work/small" >"$work/said" || { cat "$work/said"; return 1; }
	[ "$(grep -c ^stored "$work/said")" -eq 12 ] && [ "$(grep -c 's3: the bucket is in' "$work/said")" -eq 1 ]
}
check "four sessions that are redirected at once all arrive" many_moved

# --- headers ---------------------------------------------------------------------------------------------------
sent() { grep -qixF "$1" "$work/$run.log.headers"; }
# asked HEADER WORDS...: the request has that header, and the server takes it.
asked() {
	local header=$1
	shift
	through "" "$@" || return 1
	cat "$work/$run.log.headers"
	sent "$header"
}
head_has() { s3 head evidence "$1" >"$work/head" && cat "$work/head" && grep -qi "^$2" "$work/head"; }

check "metadata: the case" asked "x-amz-meta-evac-case: CASE-7" s3://evidence/pre CASE-7/host/20261124T093000Z-7f3a 0000-volatile.tar.zst.age "$work/small"
check "and the collection" sent "x-amz-meta-evac-collection: 20261124T093000Z-7f3a"
check "and the segment" sent "x-amz-meta-evac-segment: 0000-volatile.tar.zst.age"
check "and the digest" sent "x-amz-meta-evac-sha256: $(sha256sum <"$work/small" | cut -d ' ' -f 1)"
check "and the server keeps them" head_has pre/CASE-7/host/20261124T093000Z-7f3a/0000-volatile.tar.zst.age "x-amz-meta-evac-case: CASE-7"

# The server has one key and no store, so it refuses these; what counts is that they were asked for.
sse() {
	through "" -o "sse=$1" s3://evidence h sse "$work/small" || true
	sent "x-amz-server-side-encryption: $2"
}
check "--sse s3" sse s3 AES256
check "--sse kms" sse kms aws:kms
check "--sse kms:KEY" sse kms:alias/evidence aws:kms
check "with that key" sent "x-amz-server-side-encryption-aws-kms-key-id: alias/evidence"
encrypted() {
	vault -o sse=kms:testkey-1 s3://evidence h kms "$work/small" && s3 head evidence h/kms >"$work/head" && cat "$work/head" &&
		grep -qi '^x-amz-server-side-encryption: aws:kms' "$work/head" &&
		grep -qi '^x-amz-server-side-encryption-aws-kms-key-id: testkey-1' "$work/head" && holds h/kms "$work/small"
}
check "by a key that it has the server encrypts with it" encrypted
another_owner() {
	! through "" -o bucket-owner=123456789012 s3://evidence h owner "$work/small" >"$work/said" || return 1
	cat "$work/said"
	sent "x-amz-expected-bucket-owner: 123456789012" && grep -q '^EACCES: s3://evidence: AccessDenied: ' "$work/said"
}
check "--bucket-owner: another account's bucket is refused by the server" another_owner
check "--storage-class" asked "x-amz-storage-class: STANDARD" -o storage-class=STANDARD s3://evidence h class "$work/small"
tagged() {
	user=ROOT asked "x-amz-tagging: case=a%20b&%C3%A9%3F=%26" -o "tag=case=a b" -o "tag=é?=&" s3://evidence h tags "$work/small" &&
		s3 tags evidence h/tags >"$work/tags" && cat "$work/tags" && grep -qxF "case=a b" "$work/tags"
}
check "--tag, twice" tagged

s3 make-lock-bucket locked
until_day=$(date -u -d '+7 days' +%Y-%m-%d)
locked() {
	user=ROOT vault -o object-lock=governance:7 -o legal-hold s3://locked h lock "$work/small" &&
		s3 head locked h/lock >"$work/head" && cat "$work/head" &&
		grep -qi '^x-amz-object-lock-mode: GOVERNANCE' "$work/head" &&
		grep -qi "^x-amz-object-lock-retain-until-date: $until_day" "$work/head" &&
		grep -qi '^x-amz-object-lock-legal-hold: ON' "$work/head"
}
check "--object-lock and --legal-hold: the server holds them" locked
compliance() {
	user=ROOT vault -o object-lock=compliance:1 s3://locked h compliance "$work/small" &&
		s3 head locked h/compliance | grep -i '^x-amz-object-lock-mode: COMPLIANCE'
}
check "--object-lock compliance" compliance
for wrong in sse=x sse=kms: bucket-owner=1 object-lock=compliance object-lock=governance:0 storage-class=a tag=x \
	limit-rate=1 proxy=socks5://h:1 proxy=http://u:p@h:1 imds-endpoint=http://192.0.2.1 imds-endpoint=https://127.0.0.1; do
	check "refused: --${wrong/=/ }" [ "$("$put" -o "$wrong" s3://evidence a b "$work/small" >/dev/null 2>&1; echo $?)" -eq 64 ]
done

# --- rates and proxies -----------------------------------------------------------------------------------------
# 4 sessions with 300,000 bytes each, at 400,000 bytes a second.
head -c 300000 /dev/urandom >"$work/third"
check "--limit-rate holds for all sessions together" within 2700 12000 vault -o limit-rate=390K -j 4 s3://evidence rate x "$work/third"
check "and what was sent is right" holds rate/x.3 "$work/third"

mkfifo "$work/connect.port"
"$here/connect.py" "$work/connect.log" >"$work/connect.port" &
pids+=("$!")
read -r connect <"$work/connect.port"
: >"$work/connect.log"
proxied() { [ "$(cat "$work/connect.log")" = "127.0.0.1:$S3_PORT" ]; }
check "--proxy" vault -o "proxy=http://127.0.0.1:$connect" s3://evidence proxy one "$work/small"
check "the connection went through it" proxied
: >"$work/connect.log"
https_proxy=http://127.0.0.1:$connect check "--proxy env" vault -o proxy=env s3://evidence proxy env "$work/small"
check "the connection went through that of the environment" proxied
: >"$work/connect.log"
https_proxy=http://127.0.0.1:$connect check "without it, the environment's proxy" vault s3://evidence proxy none "$work/small"
check "is not used" [ ! -s "$work/connect.log" ]
no_proxy='*' check "the environment cannot take --proxy away" vault -o "proxy=http://127.0.0.1:$connect" s3://evidence proxy two "$work/small"
check "the connection went through it" proxied

# --- the instance's role ---------------------------------------------------------------------------------------
# start_imds MODE: sets $imds; its record is $work/imds.log.
start_imds() {
	rm -f "$work/imds.port" "$work/imds.log"
	mkfifo "$work/imds.port"
	"$here/imds.py" "$1" "$work/imds.log" "$work" >"$work/imds.port" &
	pids+=("$!")
	read -r imds <"$work/imds.port"
	imds=http://127.0.0.1:$imds
}
by_role() { "$put" -c "$S3_CA" -e "${endpoint:-$S3_ENDPOINT}" -o "imds-endpoint=$imds" "$@" 2>&1 | tee -a "$work/all"; }
# Through a proxy, so that the faults can be chosen.
role_through() {
	local faults=$1
	shift
	# shellcheck disable=SC2086
	start_proxy role $faults
	endpoint=https://127.0.0.1:$port by_role "$@"
}
no_role() {
	! by_role s3://evidence role x "$work/small" >"$work/said" || return 1
	cat "$work/said"
	[[ "$(cat "$work/said")" == "open: s3://evidence: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "$1 ]]
}
start_imds norole
check "an instance without a role" no_role "the instance has no role"
start_imds disabled
check "a metadata service that is disabled" no_role "the instance metadata service is disabled"
start_imds nonsense
check "a metadata service that talks nonsense" no_role "the instance has no role"
start_imds hop
check "a metadata service that does not answer: two seconds" within 1900 6000 no_role \
	"no answer from the instance metadata service in time: hop limit or disabled"
imds=http://127.0.0.1:1
check "no metadata service" no_role \
	"no instance metadata service: Failed to connect to 127.0.0.1 port 1 after * ms: Could not connect to server"

if [ -n "${S3_ROLE_ARN-}" ]; then
	new_role() { s3 --as WRITER assume "$S3_ROLE_ARN" "$1" >"$work/role" && cat "$work/role" >>"$work/keys"; }
	new_role 900
	start_imds role
	check "the instance's role stores an object" by_role s3://evidence role one "$work/small"
	check "by a token, the role's name and its credentials" \
		[ "$(cut -d ' ' -f 1,3 "$work/imds.log" | tr '\n' ' ')" = "PUT 200 GET 200 GET 200 " ]
	given_first() { : >"$work/imds.log"; vault -o "imds-endpoint=$imds" s3://evidence role env "$work/small" && [ ! -s "$work/imds.log" ]; }
	check "but the environment's credentials come first" given_first

	echo EXPIRES=200 >>"$work/role"
	start_imds role
	check "credentials that end within five minutes" by_role -n 3 s3://evidence role soon "$work/small"
	check "are asked for again, but not by each request" [ "$(grep -c 'PUT ' "$work/imds.log")" -eq 2 ]

	renewed() {
		# What it gets first expires; then there is something new.
		new_role 1
		sleep 2.5
		start_imds role
		(
			until grep -q 'evac-role 200' "$work/imds.log" 2>/dev/null; do sleep 0.05; done
			new_role 900
		) &
		# The first request is held back until the role has changed.
		role_through "slowdown slowdown slowdown slowdown slowdown slowdown" s3://evidence role renewed "$work/small" &&
			holds role/renewed "$work/small" && grep -q 'credentials were renewed' "$work/all"
	}
	check "credentials that have expired are asked for again, once" renewed
	expired_for_good() {
		new_role 1
		sleep 2.5
		start_imds role
		! by_role s3://evidence role gone "$work/small" >"$work/said" || return 1
		cat "$work/said"
		tail -n 1 "$work/said" | grep -q '^EACCES: s3://evidence: InvalidAccessKeyId: ' && [ "$(grep -c 'PUT ' "$work/imds.log")" -eq 2 ]
	}
	check "and when there are no others, it is said" expired_for_good
else
	skip "the instance's role" "Ceph $S3_CEPH has no accounts"
fi
expired_once() {
	! through "expired" s3://evidence role expired "$work/small" >"$work/said" || return 1
	[ "$(requests)" -eq 1 ]
}
check "the environment has no others: one request" expired_once

# --- secrets ---------------------------------------------------------------------------------------------------
no_secret() {
	! grep -F -e "$S3_WRITER_SECRET" -e "$S3_WRITER_KEY" -e "$S3_ROOT_SECRET" -f <(sed -n 's/^AWS_[A-Z_]*=//p' "$work/keys") "$work/all" &&
		[ "$(wc -l <"$work/all")" -gt 30 ]
}
check "no credential in anything that was printed" no_secret

done_testing
