#!/bin/bash
# Tickets against a real server: what one allows is a collection below its prefix, and the server refuses all else.
set -euo pipefail
# shellcheck source=tests/s3/lib.sh
. "$(dirname "$0")/lib.sh"

start_evidence
"$evac" keygen --signing -o "$work/sign" 2>/dev/null
"$evac" keygen --signing -o "$work/other" 2>/dev/null
head -c 500 /dev/urandom >"$work/small"

# ticket NAME WORDS...: made by WRITER with its keys, signed with the key $signs, as $work/NAME.ticket.
ticket() {
	local name=$1
	shift
	as WRITER "$evac" ticket --case CASE --recipient "$recipient" --to "s3://${bucket:-evidence}/${prefix:-$name}" --sign-key "$work/${signs:-sign}" \
		--endpoint-url "${endpoint:-$S3_ENDPOINT}" --ca-file "$S3_CA" --only process,kernel --memory none --checksum "${checksum:-sha256}" \
		-o "$work/$name.ticket" "$@" 2>>"$work/made"
}

# collect NAME WORDS...: without any credentials; what it says is kept as NAME.out, NAME.err.
collect() {
	local name=$1
	shift
	"$evac" collect --responder "$work/sign.pub" "$@" >"$work/$name.out" 2>"$work/$name.err"
}

status() {
	local want=$1 got=0
	shift
	"$@" || got=$?
	[ "$got" -eq "$want" ] || { echo "exit status $got, not $want"; cat "$work"/*.err; return 1; }
}
said() { grep -qF -- "$2" "$work/$1.err" || { cat "$work/$1.err"; return 1; }; }
signer() { sed -n 's/.*"public_key":"\([^"]*\)".*/\1/p' "$work/$1.out"; }

# whole NAME: the collection below that prefix is whole, genuine and opens.
whole() {
	s3 pull evidence "$1" "$work/$1"
	"$evac" verify "$work/$1" --signer "$(signer "$1")" &&
		"$evac" open "$work/$1" --signer "$(signer "$1")" --identity "$work/identity" --out "$work/$1.opened" &&
		grep -q '"cmdline"' "$work/$1.opened/processes.ndjson"
}
nothing_at() { [ -z "$(s3 list evidence "$1")" ]; }

# --- the keys and the file -------------------------------------------------------------------------------------
minisign_takes() {
	minisign -S -W -s "$work/sign" -m "$work/small" -x "$work/small.minisig" </dev/null &&
		minisign -V -q -p "$work/sign.pub" -m "$work/small" &&
		[ "$(stat -c %a "$work/sign")" = 600 ]
}
check "minisign signs with the key, and knows its public half" minisign_takes
minisign -G -W -p "$work/theirs.pub" -s "$work/theirs" >/dev/null
check "a ticket is made" ticket post
check "and is its owner's alone" [ "$(stat -c %a "$work/post.ticket")" = 600 ]
minisign_verifies() {
	python3 - "$work/post.ticket" "$work/payload" <<-'PYTHON'
		import base64, json, sys
		ticket = json.load(open(sys.argv[1]))
		open(sys.argv[2], 'wb').write(base64.b64decode(ticket['payload']))
		open(sys.argv[2] + '.minisig', 'w').write(ticket['signature'])
	PYTHON
	minisign -V -Q -p "$work/sign.pub" -m "$work/payload" | grep '^evac ticket case=CASE expires=20'
}
check "minisign verifies its payload, and shows case and end" minisign_verifies
signs=theirs check "a ticket signed with minisign's own key" ticket theirs
check "there is no unsigned one" status 64 "$evac" ticket --case C --recipient "$recipient" --to s3://evidence/x

# --- by a POST policy ------------------------------------------------------------------------------------------
check "a collection by a POST policy: exit status 0" status 0 collect post --ticket "$work/post.ticket"
check "it is whole, genuine, and opens" whole post
narrow() { collect narrow --ticket "$work/narrow.ticket" --only kernel && grep -q '"process":"skipped".*"kernel":"complete"' "$work/narrow.out"; }
ticket narrow --deadline 60s
check "the command line goes before what the ticket says to collect" narrow
stdin() { collect stdin --ticket - <"$work/stdin.ticket"; }
ticket stdin
check "a ticket from standard input" status 0 stdin
check "and that is whole too" whole stdin
checksum=md5 ticket md5
check "with MD5 in the form" status 0 collect md5 --ticket "$work/md5.ticket"
check "and that is whole too" whole md5
theirs() { "$evac" collect --ticket "$work/theirs.ticket" --responder "$work/theirs.pub" >"$work/theirs.out" 2>"$work/theirs.err"; }
check "and one that minisign's key signed" status 0 theirs
no_secret() {
	local name
	for name in post md5 stdin; do
		! grep -raF -e "$(value $name upload fields policy)" -e "$(value $name upload fields x-amz-signature)" \
			-e "$S3_WRITER_KEY" "$work/$name" "$work/$name.opened" "$work/$name.out" "$work/$name.err" || return 1
	done
}
check "nothing of the ticket in the output, the manifest, the evidence" no_secret
check "no secret key in the ticket" [ -z "$(value post | grep -F "$S3_WRITER_SECRET")" ]

# form NAME KEY FILE: send the ticket's form for any key and file; prints the status and the server's code.
form() {
	python3 - "$work/$1.ticket" "$2" "$3" "$S3_CA" ${4+"$4"} <<-'PYTHON'
		import base64, hashlib, json, re, ssl, sys, urllib.request, urllib.error
		ticket, key, path, ca = sys.argv[1:5]
		upload = json.loads(base64.b64decode(json.load(open(ticket))['payload']))['upload']
		data = open(path, 'rb').read()
		digest = hashlib.sha256(data if len(sys.argv) < 6 else b'other').digest()
		fields = dict(upload['fields'], key=key)
		fields.update({'x-amz-checksum-sha256': base64.b64encode(digest).decode(), 'x-amz-sdk-checksum-algorithm': 'SHA256'})
		form = ''.join('--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % f for f in fields.items())
		body = (form + '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n').encode() + data + b'\r\n--b--\r\n'
		request = urllib.request.Request(upload['url'], body, {'Content-Type': 'multipart/form-data; boundary=b'})
		try:
		    answer = urllib.request.urlopen(request, context=ssl.create_default_context(cafile=ca))
		    print(answer.status)
		except urllib.error.HTTPError as error:
		    print(error.code, (re.search('<Code>([^<]*)', error.read().decode()) or ['', ''])[1])
	PYTHON
}
is() { local got; got=$("${@:2}"); [ "$got" = "$1" ] || { echo "$got"; return 1; }; }
check "the form allows a key below the prefix" is 204 form post post/CASE/any "$work/small"
check "the server refuses one outside of it" is "403 AccessDenied" form post post/OTHER/x "$work/small"
check "and one of another ticket" is "403 AccessDenied" form post md5/CASE/x "$work/small"
check "and one whose bytes are not those of its digest" is "400 BadDigest" form post post/CASE/bad "$work/small" wrong
ticket short --size-max 2M --expires 2s
head -c 2097153 /dev/zero >"$work/large"
check "and one that is too large" is "400 EntityTooLarge" form short short/CASE/large "$work/large"
sleep 3
check "and any after the end" is "403 AccessDenied" form short short/CASE/late "$work/small"
check "nothing of these was stored" [ -z "$(s3 list evidence post/OTHER)$(s3 list evidence short)$(s3 list evidence post/CASE/bad)" ]

# asks METHOD URL WORDS...: the status of a request without any right but the ticket's.
asks() { curl -s -o /dev/null -w '%{http_code}' --cacert "$S3_CA" -X "$1" "$2" "${@:3}"; }
in_reach() {
	local query method
	query="X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=$(value post upload fields x-amz-credential | sed 's|/|%2F|g')"
	query+="&X-Amz-Date=$(value post upload fields x-amz-date)&X-Amz-Expires=3600&X-Amz-SignedHeaders=host"
	query+="&X-Amz-Signature=$(value post upload fields x-amz-signature)"
	[ "$(asks PUT "$S3_ENDPOINT/evidence/post/CASE/any?$query" -T "$work/small")" = 403 ] || { echo PUT; return 1; }
	for method in GET DELETE; do
		[ "$(asks $method "$S3_ENDPOINT/evidence/post/CASE/any")" = 403 ] || { echo "$method"; return 1; }
		[ "$(asks $method "$S3_ENDPOINT/evidence/post/CASE/any?$query")" = 403 ] || { echo "signed $method"; return 1; }
	done
	[ "$(asks GET "$S3_ENDPOINT/evidence?$query")" = 403 ] && [ "$(asks DELETE "$S3_ENDPOINT/evidence?$query")" = 403 ]
}
check "nothing in the ticket's reach reads, lists or deletes" in_reach
check "and the object is still there" [ -n "$(s3 list evidence post/CASE/any)" ]

# --- refused on the host ---------------------------------------------------------------------------------------
refused() { status 2 collect "$1" --ticket "$work/$2.ticket" && said "$1" "$3" && [ ! -s "$work/$1.out" ]; }
check "an expired ticket" refused expired short "the ticket is refused: it expired at "
check "and the clock is named" said expired "by this host's clock"
signs=other ticket foreign
check "a ticket that another responder signed" refused foreign foreign "it is not signed by a responder that this host knows"
changed() {
	python3 - "$work/post.ticket" "$work/changed.ticket" <<-'PYTHON'
		import base64, json, sys
		ticket = json.load(open(sys.argv[1]))
		payload = base64.b64decode(ticket['payload']).replace(b's3://evidence', b's3://evidense')
		ticket['payload'] = base64.b64encode(payload).decode()
		json.dump(ticket, open(sys.argv[2], 'w'))
	PYTHON
}
changed
check "a ticket that was changed" refused changed changed "the ticket is refused: "
echo '{"evac_ticket":1,"payload":"e30="}' >"$work/unsigned.ticket"
check "an unsigned ticket" refused unsigned unsigned "it has no signature that can be read"
"$evac" version >"$work/nonsense.ticket"
check "something else" refused nonsense nonsense "it is no evac ticket"
check "segments that the ticket does not allow" status 2 collect large --ticket "$work/post.ticket" --segment-size 512M
check "and one line says so" said large "use a smaller --segment-size"
check "a vault on the command line too" status 64 collect both --ticket "$work/post.ticket" --to /tmp
check "Object Lock, which a POST cannot ask for" status 2 collect lock --ticket "$work/post.ticket" --legal-hold

# known KEYFILE COMMAND...: on a host that knows this responder.
# shellcheck disable=SC2016 # the inner shell expands it
known() {
	unshare -m --propagation private sh -euc 'mount -t tmpfs none /etc; mkdir -p /etc/evac/responders
		[ -z "$1" ] || cp "$1" /etc/evac/responders/1.pub; shift; exec "$@"' sh "$@"
}
by_host() { known "$1" "$evac" collect --ticket "$work/$2.ticket" >"$work/host.out" 2>"$work/host.err"; }
ticket host
check "a host without any responder's key takes none" status 2 by_host "" host
check "and says which option helps" said host "give --responder KEY"
check "a host that knows the responder takes it" status 0 by_host "$work/sign.pub" host
check "and no other's" status 2 by_host "$work/other.pub" host

# --- by https --------------------------------------------------------------------------------------------------
mkdir "$work/www"
ticket url
cp "$work/url.ticket" "$work/www/ticket"
head -c 400000 /dev/zero | tr '\0' ' ' >"$work/www/long"
mkfifo "$work/www.port"
python3 - "$work" >"$work/www.port" 2>/dev/null <<-'PYTHON' &
	import functools, http.server, ssl, sys
	work = sys.argv[1]
	handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=work + '/www')
	server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
	tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	tls.load_cert_chain(work + '/server/tls/server.pem', work + '/server/tls/server.key')
	server.socket = tls.wrap_socket(server.socket, server_side=True)
	print(server.server_address[1], flush=True)
	server.serve_forever()
PYTHON
pids+=("$!")
read -r port <"$work/www.port"
check "a ticket from a URL" status 0 collect url --ticket "https://127.0.0.1:$port/ticket" --ca-file "$S3_CA"
check "and its collection is whole" whole url
check "not from a server that nobody vouches for" status 2 collect untrusted --ticket "https://127.0.0.1:$port/ticket"
check "and one line says so" said untrusted "the ticket is refused: SSL certificate"
check "one that is not there" status 2 collect missing --ticket "https://127.0.0.1:$port/missing" --ca-file "$S3_CA"
check "and one line says so" said missing "HTTP status 404"
check "an endless answer" status 2 collect long --ticket "https://127.0.0.1:$port/long" --ca-file "$S3_CA"
check "and one line says so" said long "too long"

# --- by presigned PUTs -----------------------------------------------------------------------------------------
ticket put --kind put --host web-1
check "a collection by presigned PUTs: exit status 0" status 0 collect put --ticket "$work/put.ticket"
check "it is whole, genuine, and opens" whole put
check "and stands where the ticket says" [ -n "$(s3 list evidence "put/CASE/$(value put upload collection)/manifest.json")" ]
check "a second time nothing is overwritten: exit status 2" status 2 collect again --ticket "$work/put.ticket"
check "and one line says so" said again "there is an object of that name"
# url NAME OBJECT: the URL of that ticket's first object, evac.pub, said to be for OBJECT.
url() {
	local signature
	signature=$(value "$1" upload signatures | base64 -d | od -An -v -tx1 -w32 | tr -d ' ' | sed -n 1p)
	echo "$S3_ENDPOINT/evidence/$1/CASE/$(value "$1" upload collection)/$2?$(value "$1" upload query)&X-Amz-Signature=$signature"
}
ticket free --kind put
first=$(url free evac.pub)
check "its URL is for nobody who would overwrite" is 403 asks PUT "$first" -T "$work/small"
check "it is for the first" is 200 asks PUT "$first" -T "$work/small" -H 'If-None-Match: *'
check "and for none after it" is 412 asks PUT "$first" -T "$work/small" -H 'If-None-Match: *'
check "not for another object" is 403 asks PUT "$(url free x)" -T "$work/small" -H 'If-None-Match: *'
check "not for reading" is 403 asks GET "$first"
check "not for deleting" is 403 asks DELETE "$first"
ticket few --kind put --segments 1
check "more segments than URLs: exit status 1" status 1 collect few --ticket "$work/few.ticket"
check "and one line says so" said few "the ticket has no URL left"
check "a ticket for 500 segments" ticket many --kind put --segments 500
check "fits into its bound" [ "$(stat -c %s "$work/many.ticket")" -le 262144 ]

# --- over a network that fails ---------------------------------------------------------------------------------
# survives KIND FAULT...: a collection whose first requests meet these faults is whole.
survives() {
	local kind=$1
	shift
	start_proxy "faults-$kind" "$@"
	endpoint=https://127.0.0.1:$port ticket "faults-$kind" --kind "$kind"
	status 0 collect "faults-$kind" --ticket "$work/faults-$kind.ticket" --workers 1 && whole "faults-$kind"
}
for kind in post put; do
	check "$kind: busy, broken and lying servers: tried again, and whole" \
		survives $kind slowdown pass internal plain503 pass error200 cut pass garbage lost close
done
denied() {
	start_proxy denied pass pass pass denied denied denied denied denied denied denied denied denied denied
	endpoint=https://127.0.0.1:$port ticket denied
	status 1 collect denied --ticket "$work/denied.ticket" --workers 1
}
check "a right that is revoked in the middle: exit status 1" denied
check "and one line says so" said denied "AccessDenied: the ticket does not allow it, has expired, or was revoked"

# --- into a bucket that keeps what it has ------------------------------------------------------------------------
# root METHOD PATH WORDS...: a request by the bucket's owner.
root() {
	curl -sS --fail --cacert "$S3_CA" --aws-sigv4 "aws:amz:$S3_REGION:s3" -X "$1" -K - \
		-H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$S3_ENDPOINT/$2" "${@:3}" <<-CONFIG
		user = "$S3_ROOT_KEY:$S3_ROOT_SECRET"
	CONFIG
}
s3 make-lock-bucket locked
printf '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>%s</Mode>%s' \
	GOVERNANCE '<Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>' >"$work/retention"
check "a bucket that lets nobody delete for a day" root PUT "locked?object-lock=" -T "$work/retention" \
	-H "Content-MD5: $(openssl md5 -binary "$work/retention" | base64)"
bucket=locked ticket kept --kind put
check "takes a collection by presigned PUTs: exit status 0" status 0 collect kept --ticket "$work/kept.ticket"
held() { s3 head locked "kept/CASE/$(value kept upload collection)/manifest.json" | grep -i '^x-amz-object-lock-mode: GOVERNANCE'; }
check "and holds its objects" held
bucket=locked ticket versions
both_versions() {
	is 204 form versions versions/CASE/x "$work/small" && is 204 form versions versions/CASE/x "$work/sign.pub" &&
		[ "$(root GET 'locked?prefix=versions%2FCASE%2Fx&versions=' | grep -o '<VersionId>' | wc -l)" -eq 2 ]
}
check "a POST over an object leaves the first one there" both_versions

# --- by temporary credentials ----------------------------------------------------------------------------------
permanent() { ticket permanent --kind credentials; }
check "permanent keys go into no ticket" status 1 permanent
if [ -n "${S3_ROLE_ARN-}" ]; then
	policy=$("$evac" ticket --case CASE --to s3://evidence/sts --print-policy)
	(
		# shellcheck disable=SC1090
		. <(s3 --as WRITER assume "$S3_ROLE_ARN" 900 "$policy")
		printf '{"Credentials":{"AccessKeyId":"%s","SecretAccessKey":"%s","SessionToken":"%s","Expiration":"%s"}}\n' \
			"$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$AWS_SESSION_TOKEN" \
			"$(date -u -d '+900 seconds' +%FT%T+00:00)"
	) >"$work/assumed"
	assumed() { ticket sts --kind credentials --from - <"$work/assumed"; }
	check "a ticket from what aws sts assume-role prints" assumed
	check "a collection by temporary credentials: exit status 0" status 0 collect sts --ticket "$work/sts.ticket"
	check "it is whole, genuine, and opens" whole sts
	ends_with_them() { [ "$(date -d "$(value sts expires)" +%s)" -le $(($(date +%s) + 900)) ]; }
	check "and the ticket ends with them" ends_with_them
	# session METHOD PATH: the status of a request with the ticket's credentials.
	session() {
		curl -s -o /dev/null -w '%{http_code}' --cacert "$S3_CA" --aws-sigv4 "aws:amz:$S3_REGION:s3" -X "$1" -K - \
			-H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$S3_ENDPOINT/evidence/$2" ${3+-T "$3"} <<-CONFIG
			user = "$(value sts upload access_key_id):$(value sts upload secret_access_key)"
			header = "x-amz-security-token: $(value sts upload session_token)"
		CONFIG
	}
	check "the printed policy allows a put below the prefix" is 200 session PUT sts/CASE/x "$work/small"
	check "and none elsewhere" is 403 session PUT other/CASE/x "$work/small"
	check "and no read" is 403 session GET sts/CASE/x
	check "and no delete" is 403 session DELETE sts/CASE/x
	by_session() {
		local key secret token
		key=$(value sts upload access_key_id) secret=$(value sts upload secret_access_key)
		token=$(value sts upload session_token)
		S3_WRITER_KEY=$key S3_WRITER_SECRET=$secret AWS_SESSION_TOKEN=$token prefix=sts ticket sts-post
	}
	check "a POST policy that a session signed" by_session
	check "collects as well" status 0 collect stspost --ticket "$work/sts-post.ticket"
else
	skip "temporary credentials" "this Ceph has no accounts and roles"
fi
# --- what is left in memory ------------------------------------------------------------------------------------
# left NAME TEXT...: the process's memory at its end has none of these texts, but a word of its command line.
left() {
	local name=$1 secret
	shift
	env -u DEBUGINFOD_URLS gdb -nx -q -batch -ex 'set use-coredump-filter off' -ex 'set dump-excluded-mappings on' \
		-ex 'catch syscall exit_group' -ex run -ex "generate-core-file $work/core" --args \
		"$evac" collect --ticket "$work/$name.ticket" --responder "$work/sign.pub" --only kernel >"$work/gdb" 2>&1
	if ! grep -aq '"result":"complete"' "$work/gdb" || ! grep -aqF "$work/$name.ticket" "$work/core"; then
		cat "$work/gdb"
		return 1
	fi
	for secret; do
		if [ -z "$secret" ] || grep -aqF -- "$secret" "$work/core"; then
			echo "$name: ${secret:0:20}..."
			return 1
		fi
	done
	rm -f "$work/core"
}
forgets() {
	local policy signatures
	policy=$(value post upload fields policy)
	left post "${policy:100:60}" "$(value post upload fields x-amz-signature)" || return 1
	ticket forget --kind put
	signatures=$(value forget upload signatures)
	left forget "${signatures:100:60}" "$(value forget upload query)" || return 1
	[ -z "${S3_ROLE_ARN-}" ] || left sts "$(value sts upload secret_access_key)" "$(value sts upload session_token)"
}
if command -v gdb >/dev/null && ! grep -q libasan <(ldd "$evac" 2>/dev/null); then
	check "nothing of the ticket in the process's memory at its end" forgets
else
	skip "the process's memory at its end" "no gdb here, or a binary with sanitizers"
fi
check "no secret in what evac ticket says" [ -z "$(grep -F -e "$S3_WRITER_KEY" -e "$S3_WRITER_SECRET" "$work/made")" ]

done_testing
