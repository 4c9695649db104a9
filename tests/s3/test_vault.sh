#!/bin/bash
# The S3 vault alone, against a real server: what it stores, what it never does, what it says when it is refused.
set -euo pipefail
# shellcheck source=tests/s3/lib.sh
. "$(dirname "$0")/lib.sh"

build_put
start_server
s3 make-bucket evidence
head -c 3000000 /dev/urandom >"$work/data"
printf 'a few bytes' >"$work/small"
: >"$work/empty"

# survives FAULT: the object is stored by the second try, and whole.
survives() {
	through "$1" s3://evidence fault "$1" "$work/data" && [ "$(requests)" -eq 2 ] &&
		holds "fault/$1" "$work/data"
}
# Beside the others, because it takes its time.
stalled() {
	local run=stall begin=$SECONDS
	survives stall && [ $((SECONDS - begin)) -ge 25 ] && [ $((SECONDS - begin)) -le 55 ]
}
(
	trap - EXIT
	stalled >"$work/stalled.said" 2>&1 && echo yes >"$work/stalled" || echo no >"$work/stalled"
) &
stalled_pid=$!
pids+=("$stalled_pid")

# --- what it stores --------------------------------------------------------------------------------------------
check "an object is stored by a user who may only put" vault s3://evidence/pre/fix CASE/host/id a.age "$work/data"
check "and its bytes are right" holds pre/fix/CASE/host/id/a.age "$work/data"
check "an empty object" vault s3://evidence/ c empty "$work/empty"
check "and it is empty" holds c/empty "$work/empty"
odd='é h+o=s/t%41&~(1)'
check "a name with characters that need encoding" vault s3://evidence "$odd" "x '*" "$work/small"
check "and it has just that name" holds "$odd/x '*" "$work/small"
check "many objects on one connection" vault -n 20 s3://evidence c many "$work/data"
check "and the last is right" holds c/many.19 "$work/data"

check "an object that exists is not overwritten" says \
	"EEXIST: s3://evidence: PreconditionFailed: there is an object of that name" \
	s3://evidence/pre/fix CASE/host/id a.age "$work/small"
check "and has the old bytes" holds pre/fix/CASE/host/id/a.age "$work/data"

endpoint=https://$S3_DNS_NAME:$S3_PORT check "the bucket in the host name" vault s3://evidence c virtual "$work/small"
check "and the object is there" holds c/virtual "$work/small"
endpoint=https://$S3_DNS_NAME:$S3_PORT check "the bucket in the path" vault -p s3://evidence c path "$work/small"
check "and the object is there too" holds c/path "$work/small"

# --- temporary credentials -------------------------------------------------------------------------------------
# with_role SECONDS WORDS...: as the vault, with a role's credentials.
with_role() {
	local seconds=$1 line
	shift
	s3 --as WRITER assume "$S3_ROLE_ARN" "$seconds" >"$work/role"
	[ "$seconds" -gt 1 ] || sleep 2.5
	(
		while read -r line; do export "${line?}"; done <"$work/role"
		"$put" -c "$S3_CA" -e "$S3_ENDPOINT" "$@" 2>&1 | tee -a "$work/all"
	)
}
expired() {
	! with_role 1 s3://evidence c expired "$work/small" >"$work/said" && grep -q '^EACCES: s3://evidence: ' "$work/said"
}
if [ -n "${S3_ROLE_ARN-}" ]; then
	check "temporary credentials, with their token" with_role 900 s3://evidence c token "$work/small"
	check "and the object is there" holds c/token "$work/small"
	check "temporary credentials that have expired are refused" expired
else
	skip "temporary credentials" "Ceph $S3_CEPH has no accounts"
fi

# --- clocks ----------------------------------------------------------------------------------------------------
check "a clock that is two hours ahead: signed by the server's" vault -t 7200 -n 2 s3://evidence c ahead "$work/small"
check "and said" grep -qE "this host.s is wrong by (7199|7200|7201) s" "$work/all"
check "and stored" holds c/ahead.1 "$work/small"

# --- refusals: one line, at once -------------------------------------------------------------------------------
refused_secret() { S3_WRITER_SECRET=wrong says "$@"; }
refused_key() { S3_WRITER_KEY=WRONG says "$@"; }
as_nobody() { user=NOBODY says "$@"; }
elsewhere() {
	local where=$1
	shift
	endpoint=$where says "$@"
}

check "a bucket that is not there" says "ENOENT: s3://no-such-bucket: NoSuchBucket: the bucket does not exist" \
	s3://no-such-bucket c x "$work/small"
check "a wrong secret" refused_secret "EACCES: s3://evidence: SignatureDoesNotMatch: the secret key is wrong" \
	s3://evidence c x "$work/small"
check "an unknown key" refused_key "EACCES: s3://evidence: InvalidAccessKeyId: the server does not know the access key" \
	s3://evidence c x "$work/small"
check "a user without the right" as_nobody \
	"EACCES: s3://evidence: AccessDenied: the credentials may not put objects there" s3://evidence c x "$work/data"
check "nobody listens" elsewhere https://127.0.0.1:1 \
	"ECONNREFUSED: s3://evidence: given up after 5 tries: Failed to connect to 127.0.0.1 port 1 after 0 ms: Could not connect to server" \
	s3://evidence c x "$work/small"
check "a certificate for another name" grep -q '^EKEYREJECTED: s3://evidence: SSL: no alternative' <(
	endpoint=https://other.localhost:$S3_PORT vault -p s3://evidence c x "$work/small")
check "an endpoint without TLS" elsewhere http://127.0.0.1:1 \
	'open: --endpoint-url '"'http://127.0.0.1:1'"': it must begin with https://' s3://evidence c x "$work/small"
untrusted() {
	! as WRITER env SSL_CERT_FILE="$S3_CA" "$put" -e "$S3_ENDPOINT" s3://evidence c x "$work/small" >"$work/said" 2>&1 &&
		grep -q '^EKEYREJECTED: s3://evidence: SSL certificate problem' "$work/said"
}
check "an authority that only the host trusts" untrusted
# old_tls: a server that speaks TLS 1.1 and nothing newer; its port is in $old.
old_tls() {
	mkfifo "$work/old.port"
	python3 - "$work/server/tls" >"$work/old.port" <<-'PYTHON' &
		import socket, ssl, sys
		tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		tls.minimum_version, tls.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
		tls.set_ciphers('ALL:@SECLEVEL=0')
		tls.load_cert_chain(sys.argv[1] + '/server.pem', sys.argv[1] + '/server.key')
		listener = socket.create_server(('127.0.0.1', 0))
		print(listener.getsockname()[1], flush=True)
		while True:
		    try:
		        tls.wrap_socket(listener.accept()[0], server_side=True).recv(1)
		    except OSError as problem:
		        print(problem, file=sys.stderr, flush=True)
	PYTHON
	pids+=("$!")
	read -r old <"$work/old.port"
}
old_tls 2>"$work/old.log"
old_client() { curl -sS --cacert "$S3_CA" --tls-max 1.1 --tlsv1.0 --ciphers 'ALL:@SECLEVEL=0' "https://127.0.0.1:$old" >"$work/said" 2>&1 || grep -q 'Empty reply' "$work/said"; }
too_old() {
	! endpoint=https://127.0.0.1:$old vault -p -d 3000 s3://evidence c x "$work/small" >"$work/said" || return 1
	cat "$work/said"
	grep -q 'alert protocol version\|unsupported protocol' "$work/said"
}
check "a server that speaks only TLS 1.1 is refused" too_old
check "where an old client is served" old_client
no_credentials() {
	[ "$("$put" -o imds-endpoint=none s3://evidence c x "$work/small" 2>&1)" = \
		"open: s3://evidence: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" ]
}
check "no credentials" no_credentials
check "nothing of it was stored" [ -z "$(s3 list evidence c/x)" ]

https_proxy=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1 check "a proxy in the environment is not used" \
	vault s3://evidence c proxy "$work/small"

# --- networks and servers that fail ----------------------------------------------------------------------------
for fault in slowdown internal plain503 long503 error200 cut damaged garbage; do
	check "tried again and stored after: $fault" survives "$fault"
done
check "an answer that is lost, and 412 to the second try: stored" survives lost
check "a server that ends the connection after each answer" through "close close close" -n 3 s3://evidence fault close "$work/data"

# ends FAULT TEXT: one request, then this line.
ends() {
	through "$1" s3://evidence ends "$1" "$work/data" >"$work/said" && return 1
	cat "$work/said"
	[ "$(requests)" -eq 1 ] && grep -qxF "$2" "$work/said"
}
check "a refusal before the body is sent" ends denied \
	"EACCES: s3://evidence: AccessDenied: the credentials may not put objects there"
check "an expired token" ends expired "EACCES: s3://evidence: ExpiredToken: the temporary credentials have expired"

late() {
	through "$(printf 'slowdown %.0s' {1..40})" -d 2000 s3://evidence late x "$work/small" >"$work/said" && return 1
	cat "$work/said"
	grep -qE '^EIO: s3://evidence: out of time after [0-9]+ tr(y|ies): SlowDown: the server is busy$' "$work/said"
}
check "no try begins after the deadline" late

was_stalled() {
	wait "$stalled_pid"
	cat "$work/stalled.said"
	[ "$(cat "$work/stalled")" = yes ]
}
check "a server that stops talking is left after half a minute" was_stalled

# --- secrets ---------------------------------------------------------------------------------------------------
no_secret() {
	! grep -F -e "$S3_WRITER_SECRET" -e "$S3_WRITER_KEY" -e "$S3_NOBODY_KEY" -e "$S3_NOBODY_SECRET" "$work/all" &&
		[ "$(wc -l <"$work/all")" -gt 30 ]
}
check "no credential in anything that was printed" no_secret

done_testing
