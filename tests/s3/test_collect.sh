#!/bin/bash
# A whole collection into a real bucket by a user who may only put: what arrives, in which order, and what is left when
# the bucket refuses or the agent is killed in the middle.
set -euo pipefail
# shellcheck source=tests/s3/lib.sh
. "$(dirname "$0")/lib.sh"

start_evidence

# collect NAME WORDS...: as WRITER, by way of the proxy, below the prefix NAME; what it says is kept as NAME.out, .err.
collect() {
	local name=$1
	shift
	as "${user:-WRITER}" "$evac" collect --case CASE --recipient "$recipient" --to "s3://${bucket:-evidence}/$name" \
		--endpoint-url "https://127.0.0.1:$port" --ca-file "$S3_CA" --only process,socket,kernel --memory none \
		--segment-size 1M --workers 1 "$@" >"$work/$name.out" 2>"$work/$name.err"
}

# status NUMBER COMMAND...
status() {
	local want=$1 got=0
	shift
	"$@" || got=$?
	[ "$got" -eq "$want" ] || { echo "exit status $got"; cat "$work"/*.err; return 1; }
}

# fetch NAME: the collection below that prefix as a directory, $collection.
fetch() {
	s3 pull evidence "$1" "$work/$1"
	collection=$(dirname "$(find "$work/$1" -name evac.pub)")
}

signer() { sed -n 's/.*"public_key":"\([^"]*\)".*/\1/p' "$work/$1.out"; }

# --- a whole one -----------------------------------------------------------------------------------------------
start_proxy whole
check "a collection into a bucket: exit status 0" status 0 collect whole
fetch whole
check "the public key is the first object" grep -q 'PUT /evidence/whole/CASE/.*/evac.pub ' <(head -n 1 "$work/whole.log")
near() { jq -e '.notes[] | select(.key == "vault_clock_offset_s" and (.text | tonumber | fabs) <= 5)' "$collection/manifest.json"; }
check "and says how far the server's clock is from the host's" near
check "the manifest is the last" grep -q 'PUT /evidence/whole/CASE/.*/manifest.json ' <(tail -n 1 "$work/whole.log")
signed_before_seen() {
	local object first
	while read -r object; do
		first=$(grep -oE "/${object##*/}(\.minisig)? " "$work/whole.log" | head -n 1)
		[ "$first" = "/${object##*/}.minisig " ] || { echo "$object came before its signature"; return 1; }
	done < <(find "$collection" -name '*.age' -o -name manifest.json)
}
check "each object's signature is there before it" signed_before_seen
check "evac only puts" [ -z "$(grep -v ' PUT ' "$work/whole.log")" ]
check "nothing had to be sent twice" [ -z "$(cut -d ' ' -f 3 "$work/whole.log" | sort | uniq -d)" ]
check "verify finds it whole and genuine" "$evac" verify "$collection" --signer "$(signer whole)"
check "it opens" "$evac" open "$collection" --signer "$(signer whole)" --identity "$work/identity" --out "$work/opened"
check "and holds this test's processes" grep -q test_collect.sh "$work/opened/processes.ndjson"
no_secret() {
	! grep -raF -e "$S3_WRITER_SECRET" -e "$S3_WRITER_KEY" "$work/opened" "$work/whole.out" "$work/whole.err"
}
check "no credential in the evidence, though it holds all environments" no_secret
nothing_written() {
	# The output goes into pipes, so every block written is evac's own.
	AWS_ACCESS_KEY_ID=$S3_WRITER_KEY AWS_SECRET_ACCESS_KEY=$S3_WRITER_SECRET python3 - "$@" <<-'PYTHON'
		import resource, subprocess, sys
		done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
		blocks = resource.getrusage(resource.RUSAGE_CHILDREN).ru_oublock
		print(done.stderr.decode(), blocks, 'blocks written')
		sys.exit(done.returncode or blocks != 0)
	PYTHON
}
check "nothing is written to the host's disk" nothing_written "$evac" collect --case CASE --recipient "$recipient" \
	--to s3://evidence/disk --endpoint-url "$S3_ENDPOINT" --ca-file "$S3_CA" --only process,socket,kernel --memory none

# --- refused from the start ------------------------------------------------------------------------------------
# said NAME TEXT: a line with TEXT on standard error, and none with a credential.
said() { grep -qF "$2" "$work/$1.err" && ! grep -qF -e "$S3_WRITER_SECRET" -e "$S3_WRITER_KEY" "$work/$1.err"; }

start_proxy refused
bucket=no-such-bucket check "a bucket that is not there: exit status 2" status 2 collect nobucket
check "and one line says so" said nobucket "s3://no-such-bucket: NoSuchBucket: the bucket does not exist"
user=NOBODY check "a user without the right: exit status 2" status 2 collect nobody
check "and one line says so" said nobody "s3://evidence: AccessDenied: "
wrong_secret() { S3_WRITER_SECRET=wrong status 2 collect secret; }
check "a wrong secret: exit status 2" wrong_secret
check "and one line says so" said secret "s3://evidence: SignatureDoesNotMatch: the secret key is wrong"
no_credentials() { status 2 "$evac" collect --imds-endpoint none --case C --recipient "$recipient" --to s3://evidence/x 2>"$work/none.err" >"$work/none.out"; }
check "no credentials: exit status 2" no_credentials
check "and one line says so" said none "s3://evidence: no credentials: set AWS_ACCESS_KEY_ID"
check "nothing of it is in the bucket" [ -z "$(s3 list evidence n)$(s3 list evidence secret)$(s3 list evidence x)" ]

# --- broken off ------------------------------------------------------------------------------------------------
# sound DIRECTORY SIGNER: there are objects, and all that have come whole carry a signature that is right.
sound() {
	local object n=0
	while read -r object; do
		[ ! -e "$object.minisig" ] || minisign -Vqm "$object" -P "$2" || return 1
		[ -e "$object.minisig" ] || { echo "$object has no signature"; return 1; }
		n=$((n + 1))
	done < <(find "$1" -name '*.age')
	[ "$n" -ge 1 ]
}
opens() {
	local object
	for object in "$1"/*.age; do
		age -d -i "$work/identity" "$object" | zstd -dcq | tar -t >"$work/list" && grep -q SHA256SUMS "$work/list" || return 1
	done
}

# shellcheck disable=SC2046
start_proxy revoked pass pass pass $(printf 'expired %.0s' {1..100})
check "credentials that die in the middle: exit status 1" status 1 collect revoked
check "and it says why" said revoked "ExpiredToken: the temporary credentials have expired"
fetch revoked
check "what came has right signatures" sound "$collection" "$(signer revoked)"
check "and opens with age, zstd and tar" opens "$collection"

start_proxy killed pass pass pass stall
killed() {
	local pid i
	collect killed &
	pid=$!
	for ((i = 0; i < 600; i++)); do
		! grep -q '^stall' "$work/killed.log" 2>/dev/null || break
		sleep 0.1
	done
	# The shell that waits for it is no evac: its child is.
	pkill -KILL -P "$pid" -x evac || kill -KILL "$pid"
	! wait "$pid"
}
check "killed with SIGKILL while it sends" killed
fetch killed
check "what came has right signatures" sound "$collection" "$(signer killed)"
check "and opens with age, zstd and tar" opens "$collection"

done_testing
