# shellcheck shell=bash
# What the tests of the S3 vault share: the object server, its client, and TAP.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=tests/helpers/whole.sh
. "$top/tests/helpers/whole.sh"
work=$(mktemp -d)
put=${EVAC_S3_PUT:-$top/build/asan/s3/put}
count=0 failed=0
pids=()

clean_up() {
	local pid
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	"$here/down.sh" "$work/server" || true
	rm -rf "$work"
}
trap clean_up EXIT

# The server's settings become variables: S3_ENDPOINT, S3_CA, ...
start_server() {
	"$here/up.sh" "$work/server" >"$work/up" 2>&1 || { cat "$work/up"; exit 1; }
	# shellcheck disable=SC1091
	. "$work/server/s3.env"
}

# start_evidence: the server with a bucket, and a responder's key; $evac, $recipient and the file $work/recipient.
start_evidence() {
	evac=${EVAC:-$top/build/$(uname -m)/evac}
	start_server
	s3 make-bucket evidence
	"$evac" keygen -o "$work/identity" 2>/dev/null
	# shellcheck disable=SC2034 # for the tests
	recipient=$(sed -n 's/^# public key: //p' "$work/identity" | tee "$work/recipient")
}

# value NAME PATH...: a part of the payload of the ticket $work/NAME.ticket.
value() {
	python3 - "$work/$1.ticket" "${@:2}" <<-'PYTHON'
		import base64, json, sys
		at = json.loads(base64.b64decode(json.load(open(sys.argv[1]))['payload']))
		for name in sys.argv[2:]:
		    at = at[name]
		print(at)
	PYTHON
}

# $put is the vault by itself, with its sanitizers.
build_put() { [ -n "${EVAC_S3_PUT-}" ] || make -s -C "$top" VARIANT=asan "${put#"$top"/}"; }

s3() { "$here/s3.py" --env "$work/server/s3.env" "$@"; }

# start_proxy NAME FAULT...: sets $port and $proxy; its record is $work/NAME.log.
start_proxy() {
	local name=$1
	shift
	rm -f "$work/$name.port" "$work/$name.log" "$work/$name.log.headers"
	mkfifo "$work/$name.port"
	"$here/faults.py" "$work/server" "$work/$name.log" "$@" >"$work/$name.port" &
	proxy=$!
	pids+=("$proxy")
	read -r port <"$work/$name.port"
}

# as USER COMMAND...: with that user's credentials in the environment.
as() {
	local key=S3_$1_KEY secret=S3_$1_SECRET
	shift
	AWS_ACCESS_KEY_ID=${!key} AWS_SECRET_ACCESS_KEY=${!secret} "$@"
}

# vault WORDS...: the program with the server's address and the put-only user; its output also goes to a record.
vault() { as "${user:-WRITER}" "$put" -c "$S3_CA" -e "${endpoint:-$S3_ENDPOINT}" "$@" 2>&1 | tee -a "$work/all"; }

# says TEXT WORDS...: the vault fails with exactly this line, whatever milliseconds it names.
says() {
	local text=$1 said
	shift
	if said=$(vault "$@"); then echo "it did not fail: $said"; return 1; fi
	[ "$(tail -n 1 <<<"$said" | sed 's/ after [0-9]* ms:/ after 0 ms:/')" = "$text" ] || { echo "expected: $text"; echo "got:      $said"; return 1; }
}

# holds KEY FILE: the bucket has these bytes under that key.
holds() { s3 get evidence "$1" | cmp - "$2"; }

# through FAULTS WORDS...: the vault by way of a proxy with these faults, whose record is $work/$run.log.
run=faults
through() {
	local faults=$1 port proxy rc=0
	shift
	# shellcheck disable=SC2086
	start_proxy "$run" $faults
	endpoint=https://127.0.0.1:$port vault "$@" || rc=$?
	kill "$proxy"
	wait "$proxy" 2>/dev/null || true
	cat "$work/$run.log"
	return $rc
}

requests() { wc -l <"$work/$run.log"; }

# check WHAT COMMAND...: one line of TAP; what the command says is shown when it fails.
check() {
	local what=$1
	shift
	count=$((count + 1))
	if "$@" >"$work/check" 2>&1; then
		echo "ok $count - $what"
	else
		failed=$((failed + 1))
		echo "not ok $count - $what"
		printf '# %s\n' "$*"
		sed 's/^/# /' "$work/check"
	fi
}

skip() {
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

done_testing() {
	echo "1..$count"
	[ "$failed" -eq 0 ]
}
