#!/bin/bash
# evac preflight proves that an upload would succeed, by each kind of right, and says plainly when it would not; the manifest
# names the kind of right that was used; no secret of it is shown.
set -euo pipefail
# shellcheck source=tests/s3/lib.sh
. "$(dirname "$0")/lib.sh"

start_evidence
"$evac" keygen --signing -o "$work/sign" 2>/dev/null
"$evac" keygen --signing -o "$work/other" 2>/dev/null

# ticket NAME WORDS...: made by $user's keys as $work/NAME.ticket, for the prefix NAME.
ticket() {
	local name=$1
	shift
	as "${user:-WRITER}" "$evac" ticket --case CASE --recipient "$recipient" --to "s3://evidence/$name" --sign-key "$work/sign" \
		--endpoint-url "${endpoint:-$S3_ENDPOINT}" --ca-file "$S3_CA" --only kernel --memory none --checksum sha256 \
		-o "$work/$name.ticket" "$@" 2>>"$work/made"
}
# preflight WORDS...: its exit status in $status (0 and 1 differ by how memory can be taken here), its output in $work/said.
preflight() {
	local who=(--responder "${responder:-$work/sign.pub}")
	[ "$1" = --ticket ] || who=()
	status=0
	"$evac" preflight "${who[@]}" "$@" >"$work/said" 2>"$work/errors" || status=$?
	cat "$work/said" "$work/errors" | tee -a "$work/all"
}
arrives() { preflight "$@" && [ "$status" -le 1 ] && grep -q '^upload  *works: ' "$work/said"; }
# fails TEXT WORDS...: exit status 2, with this in the table, and what can be done.
fails() {
	local text=$1
	shift
	preflight "$@"
	[ "$status" -eq 2 ] && grep -qF -- "$text" "$work/said" && grep -q '^  to do ' "$work/said"
}
probes() { s3 list evidence "$1/CASE/" | grep -c '\.preflight\.txt$' || true; }
shows() { grep -qE -- "$1" "$work/said" || { cat "$work/said"; return 1; }; }
one_there() { [ "$(probes "$1")" -eq 1 ]; }

# --- each kind of right ----------------------------------------------------------------------------------------
for kind in post put; do
	ticket "$kind" --kind "$kind" --deadline 10m
	check "$kind: an upload would succeed" arrives --ticket "$work/$kind.ticket"
	check "  one small object is there" one_there "$kind"
	check "  the kind of right is named" shows "^  credentials  *ticket-$([ "$kind" = post ] && echo post || echo urls)$"
	check "  and its end" shows '^  ends  *20[0-9-]*T[0-9:]*Z, in 7[12][0-9] min$'
	check "  and the deadline" shows '^  deadline  *600 s$'
	check "  and the clocks" shows "^  clock  *-?[012] s ahead of the server's$"
	check "  and the certificate" shows '^  TLS .*verified'
	check "  with --no-upload none is put" preflight --ticket "$work/$kind.ticket" --no-upload
	check "  there is still one" one_there "$kind"
done
check "put: the URL for it works once, and that it did is known" arrives --ticket "$work/put.ticket"
check "  and said" shows '^upload  *works: an earlier preflight stored '
collected() {
	"$evac" collect --responder "$work/sign.pub" --ticket "$work/put.ticket" >"$work/out" 2>"$work/err" || { cat "$work/err"; return 1; }
	s3 pull evidence put "$work/put" && "$evac" verify "$work/put" --signer "$(sed -n 's/.*"public_key":"\([^"]*\)".*/\1/p' "$work/out")"
}
check "the ticket is good for a collection all the same" collected
noted() { grep -rhoE '"key":"credentials","text":"[a-z-]*"' "$work/$1" | grep -qF "\"$2\""; }
check "whose manifest names the kind of right" noted put ticket-urls
says_what() { s3 get evidence "$(s3 list evidence post/CASE/ | awk '{ print $NF }')" | grep -q '^evac preflight, .* no evidence'; }
check "the object says what it is" says_what
if [ -n "${S3_ROLE_ARN-}" ]; then
	(
		# shellcheck disable=SC1090
		. <(s3 --as WRITER assume "$S3_ROLE_ARN" 900)
		printf '{"Credentials":{"AccessKeyId":"%s","SecretAccessKey":"%s","SessionToken":"%s","Expiration":"%s"}}\n' \
			"$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$AWS_SESSION_TOKEN" "$(date -u -d '+900 seconds' +%FT%T+00:00)"
	) >"$work/assumed"
	ticket sts --kind credentials --from "$work/assumed" --deadline 1h
	check "temporary credentials: an upload would succeed" arrives --ticket "$work/sts.ticket"
	check "  named" shows '^  credentials  *ticket-sts$'
	check "  and that they end before the run would" shows '^  ends .*: BEFORE the deadline of the run$'
else
	skip "temporary credentials" "this Ceph has no accounts and roles"
fi
by_environment() {
	status=0
	as WRITER "$evac" preflight --to s3://evidence/env --case CASE --endpoint-url "$S3_ENDPOINT" --ca-file "$S3_CA" --imds-endpoint none \
		--json >"$work/said" 2>"$work/errors" || status=$?
	cat "$work/said" "$work/errors" | tee -a "$work/all"
	[ "$status" -le 1 ] && jq -e '.vault | .upload_works and .credentials == "environment" and .tls_verified and (.clock_ahead_s | fabs) < 3' "$work/said"
}
check "the environment's credentials, as JSON" by_environment
check "  one small object is there" one_there env

# --- what does not work, and is said -----------------------------------------------------------------------------
as_nobody() { user=NOBODY ticket nobody; }
check "a ticket by one who has no right to put" as_nobody
check "  its upload fails, and that is said" fails "AccessDenied" --ticket "$work/nobody.ticket"
check "  and JSON says so too" preflight --ticket "$work/nobody.ticket" --json
check "  with what to do" jq -e '.vault | (.upload_works | not) and (.to_do | length) > 9 and (.why | test("AccessDenied"))' "$work/said"
ticket expired --expires 1s
sleep 2
check "an expired ticket" fails "it expired at" --ticket "$work/expired.ticket"
check "a ticket of somebody else" env responder="$work/other.pub" bash -c "$(declare -f preflight fails); work=$work evac=$evac; fails 'it is not signed by a responder' --ticket $work/post.ticket"
check "no ticket at all" fails "No such file" --ticket "$work/none"
endpoint=https://127.0.0.1:1 ticket away
check "nobody listens" fails "Could not connect" --ticket "$work/away.ticket"
endpoint=https://no-such-host.invalid ticket nowhere
check "no such name" fails "the name is not resolved" --ticket "$work/nowhere.ticket"
small() { preflight --ticket "$work/tiny.ticket"; [ "$status" -eq 2 ] && shows 'its objects have at most 4194304 bytes'; }
ticket tiny --size-max 4M
check "a ticket whose objects are too small for a segment" small
untrusted() {
	as WRITER "$evac" preflight --to s3://evidence/env --endpoint-url "$S3_ENDPOINT" --imds-endpoint none >"$work/said" 2>/dev/null && return 1
	cat "$work/said"
	shows '^upload  *FAILS: .*SSL certificate problem' && shows '^  to do .*not trusted'
}
check "a certificate that is not trusted" untrusted
check "no bucket" fails "NoSuchBucket" --ticket <(cd "$work" && as WRITER "$evac" ticket --case CASE --recipient "$recipient" --to s3://no-such-bucket/x \
	--sign-key "$work/sign" --endpoint-url "$S3_ENDPOINT" --ca-file "$S3_CA" --checksum sha256 2>/dev/null)
usage() { preflight "$@"; [ "$status" -eq 64 ]; }
check "usage: a ticket and a vault" usage --ticket x --to s3://evidence
check "usage: an address that is none" usage --to s3://X
check "usage: --responder alone" usage --responder x

# --- secrets ---------------------------------------------------------------------------------------------------
secrets() {
	printf '%s\n' "$S3_WRITER_SECRET" "$S3_WRITER_KEY" "$S3_NOBODY_SECRET" "$S3_NOBODY_KEY"
	for t in "$work"/*.ticket; do
		python3 - "$t" <<-'PYTHON'
			import base64, json, sys
			upload = json.loads(base64.b64decode(json.load(open(sys.argv[1]))['payload']))['upload']
			for value in list(upload.get('fields', {}).values()) + [upload.get(k) for k in ('query', 'probe', 'secret_access_key', 'session_token')]:
			    if value and len(value) > 30:
			        print(value[:200])
		PYTHON
	done
}
no_secret() { secrets >"$work/secrets" && [ "$(wc -l <"$work/secrets")" -gt 15 ] && ! grep -F -f "$work/secrets" "$work/all"; }
check "no secret of a ticket or of credentials was shown" no_secret

done_testing
