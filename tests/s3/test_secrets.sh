#!/bin/bash
# No secret is left anywhere: not in the arguments, the environment, the output, the manifest or the evidence of a run, nor
# in the process's memory at its end. For credentials of the environment, of the instance's role, and for tickets.
set -euo pipefail
# shellcheck source=tests/s3/lib.sh
. "$(dirname "$0")/lib.sh"

evac=${EVAC:-$top/build/$(uname -m)/evac}
if [ "$(uname -m)" != x86_64 ] || ! command -v gdb >/dev/null; then
	skip "all of it" "needs gdb on x86_64"
	done_testing
	exit
fi
start_evidence
"$evac" keygen --signing -o "$work/sign" 2>/dev/null

# watched NAME COMMAND...: under a debugger, which looks when the public key is printed, when the workers start, and when
# the process ends.
watched() {
	local name=$1
	shift
	cat >"$work/gdb" <<-GDB
		set pagination off
		set confirm off
		set print inferior-events off
		set use-coredump-filter off
		set dump-excluded-mappings on
		set follow-fork-mode child
		handle SIGPIPE nostop noprint pass
		catch syscall write
		condition 1 \$rdi == 1
		set args $(printf '%q ' "${@:2}") >$work/$name.out 2>$work/$name.err
		run
		python gdb.execute("shell cat /proc/%d/environ /proc/%d/cmdline >$work/$name.proc" % ((gdb.selected_inferior().pid,) * 2))
		delete
		catch syscall clone
		continue
		gcore $work/$name.begin
		$([ "$name" != deadline ] || echo "python gdb.execute(\"shell gdb -q -nx -batch -ex 'set use-coredump-filter off' -ex 'set dump-excluded-mappings on' -ex 'gcore $work/waiting.end' -p %s\" % open('/proc/%d/stat' % gdb.selected_inferior().pid).read().rsplit(') ')[1].split()[1])")
		delete
		catch syscall exit_group
		continue
		gcore $work/$name.end
		kill
	GDB
	gdb -q -nx -batch -x "$work/gdb" "$1" >"$work/$name.gdb" 2>&1 </dev/null
	[ -s "$work/$name.end" ] || { tail -n 20 "$work/$name.gdb" "$work/$name.err"; return 1; }
}
collect() { # collect NAME WORDS...
	watched "$1" "$evac" collect --only process,kernel --memory none --workers 2 --ca-file "$S3_CA" "${@:2}"
}
plain() { collect "$1" --case CASE --recipient "$recipient" --to "s3://evidence/$1" --endpoint-url "$S3_ENDPOINT" "${@:2}"; }

key_of() { "$here/memory.py" key "$work/$1.begin" "$(sed -n 's/.*"public_key":"\([^"]*\)".*/\1/p' "$work/$1.out")" >"$work/$1.key"; }
# had NAME WORD: the search finds it while the process needs it.
had() {
	"$here/memory.py" search "$work/$1.begin" "$S3_REGION" "$work/$1.words" "$(cat "$work/$1.key")" >"$work/$1.had" || return 1
	cat "$work/$1.had"
	grep -qx "$2" "$work/$1.had" && grep -q 'signing key: the seed' "$work/$1.had"
}
nothing_left() {
	"$here/memory.py" search "$work/$1.end" "$S3_REGION" "$work/$1.words" "$(cat "$work/$1.key")" >"$work/$1.left" || return 1
	cat "$work/$1.left"
	[ -z "$(cat "$work/$1.left")" ]
}
nowhere() { # nowhere NAME: in what the run printed, in what it stored, in its /proc
	s3 pull evidence "$1" "$work/$1.stored"
	"$evac" open "$work/$1.stored" --identity "$work/identity" --out "$work/$1.opened" 2>/dev/null >"$work/$1.open" || return 1
	grep -q 'test_secrets' "$work/$1.opened/processes.ndjson" || return 1
	! grep -raFl -f <(cut -d ' ' -f 2- "$work/$1.words") "$work/$1".{proc,out,err,open} "$work/$1.stored" "$work/$1.opened"
}
checks() { # checks NAME WORD COMMAND...
	local name=$1 word=$2
	shift 2
	check "$name: the run: exit status 0" "$@"
	check "  it ends well" grep -q '"result":"complete"' "$work/$name.out"
	check "  its signing key is in its memory while it runs" key_of "$name"
	check "  and so is: $word" had "$name" "$word"
	check "  at its end neither is" nothing_left "$name"
	check "  nothing in its arguments, environment, output, objects, manifest, evidence" nowhere "$name"
	rm -f "$work/$name".{begin,end}
}

# --- credentials of the environment ----------------------------------------------------------------------------
printf 'SECRET %s\n' "$S3_WRITER_SECRET" >"$work/env.words"
checks env SECRET as WRITER plain env --imds-endpoint none
# With a deadline a second process waits for the one that works.
cp "$work/env.words" "$work/deadline.words"
checks deadline SECRET as WRITER plain deadline --imds-endpoint none --deadline 10m
waiting() { cp "$work/deadline.key" "$work/waiting.key" && cp "$work/env.words" "$work/waiting.words" && nothing_left waiting; }
check "  nor in the process that waits" waiting

# --- temporary ones, from the instance's role and from the environment ------------------------------------------
assume() { # assume NAME: its words; KEY=VALUE lines in $work/role
	s3 --as WRITER assume "$S3_ROLE_ARN" 900 >"$work/role"
	sed -n 's/^AWS_SECRET_ACCESS_KEY=/SECRET /p; s/^AWS_SESSION_TOKEN=/TOKEN /p' "$work/role" >"$work/$1.words"
}
if [ -n "${S3_ROLE_ARN-}" ]; then
	assume role
	mkfifo "$work/imds.port"
	"$here/imds.py" role "$work/imds.log" "$work" >"$work/imds.port" &
	pids+=("$!")
	read -r imds <"$work/imds.port"
	checks role TOKEN plain role --imds-endpoint "http://127.0.0.1:$imds"
	assume token
	# shellcheck source=/dev/null
	by_token() { (set -a; . "$work/role"; plain token --imds-endpoint none); }
	checks token TOKEN by_token
fi

# --- tickets ---------------------------------------------------------------------------------------------------
ticket() { # ticket NAME WORDS...
	as WRITER "$evac" ticket --case CASE --recipient "$recipient" --to "s3://evidence/$1" --sign-key "$work/sign" \
		--endpoint-url "$S3_ENDPOINT" --ca-file "$S3_CA" --checksum sha256 -o "$work/$1.ticket" "${@:2}" 2>>"$work/made"
}
ticket post
{
	echo "POLICY $(value post upload fields policy)"
	echo "SIGNATURE $(value post upload fields x-amz-signature)"
} >"$work/post.words"
checks post POLICY collect post --ticket "$work/post.ticket" --responder "$work/sign.pub"
ticket put --kind put --segments 20
{
	echo "TEXT $(value put upload signatures)"
	value put upload signatures | base64 -d | od -An -v -tx1 -w32 | tr -d ' ' | sed 's/^/SIGNATURES /'
} >"$work/put.words"
checks put SIGNATURES collect put --ticket "$work/put.ticket" --responder "$work/sign.pub"
if [ -n "${S3_ROLE_ARN-}" ]; then
	assume lent
	sed -n 's/^AWS_ACCESS_KEY_ID=/k /p; s/^AWS_SECRET_ACCESS_KEY=/s /p; s/^AWS_SESSION_TOKEN=/t /p' "$work/role" |
		python3 -c 'import json, sys
v = dict(line.split() for line in sys.stdin)
print(json.dumps({"Credentials": {"AccessKeyId": v["k"], "SecretAccessKey": v["s"], "SessionToken": v["t"],
                                  "Expiration": "2099-01-01T00:00:00Z"}}))' >"$work/lent.json"
	ticket lent --kind credentials --from "$work/lent.json"
	checks lent TOKEN collect lent --ticket "$work/lent.ticket" --responder "$work/sign.pub"
fi
done_testing
