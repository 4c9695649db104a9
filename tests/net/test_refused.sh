#!/bin/bash
# The bucket answers, and refuses without end from the middle of a run on: what was stored is genuine, and with a spool
# evac push makes the collection whole later.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/s3/lib.sh
. "$top/tests/s3/lib.sh"

start_evidence

# collect NAME FAULT OPTIONS...: four objects pass, then each request meets FAULT; the exit status is in NAME.status.
collect() {
	local name=$1 fault=$2 got=0 faults port
	shift 2
	read -ra faults <<<"$(printf "$fault %.0s" {1..500})"
	start_proxy "$name" pass pass pass pass "${faults[@]}"
	as WRITER "$evac" collect --case CASE --recipient "$recipient" --to "s3://evidence/$name" --imds-endpoint none \
		--endpoint-url "https://127.0.0.1:$port" --ca-file "$S3_CA" --only process,socket,kernel --segment-size 1M \
		--workers 1 "$@" >"$work/$name.out" 2>"$work/$name.err" || got=$?
	echo "$got" >"$work/$name.status"
}
told() { sed -n "s/.*\"$2\":\"\{0,1\}\([^,\"]*\).*/\1/p" "$work/$1.out" | head -n 1; }
remote() { as ROOT "$evac" "$1" "s3://evidence/$2" --signer "$(told "$2" public_key)" --endpoint-url "$S3_ENDPOINT" --ca-file "$S3_CA" "${@:3}"; }
exits() { # exits STATUS COMMAND...
	local want=$1 got=0
	shift
	"$@" || got=$?
	[ "$got" -eq "$want" ] || { echo "exit status $got"; return 1; }
}
push() {
	as WRITER "$evac" push "$work/$1.spool" --to "s3://evidence/$1" --signer "$(told "$1" public_key)" \
		--endpoint-url "$S3_ENDPOINT" --ca-file "$S3_CA"
}
said() { cat "$work/$1.err" && grep -qF -- "$2" "$work/$1.err"; }

# Side by side: most of it is waiting.
collect busy slowdown --deadline 12s &
collect busy-spool slowdown --spool "$work/busy-spool.spool" &
collect expired expired &
collect expired-spool expired --spool "$work/expired-spool.spool" &
collect denied-spool denied --spool "$work/denied-spool.spool" &
for pid in $(jobs -p); do wait "$pid" || true; done

check "busy without end, until the deadline: exit status 1" [ "$(cat "$work/busy.status")" -eq 1 ]
check "and it is said" said busy "out of time after "
check "the bucket has what was stored, genuine, and cut short" exits 3 remote verify busy
check "credentials that expire in the middle: exit status 1" [ "$(cat "$work/expired.status")" -eq 1 ]
check "and it is said" said expired "ExpiredToken: the temporary credentials have expired"
check "the bucket has what was stored, genuine, and cut short" exits 3 remote verify expired
for name in busy-spool expired-spool denied-spool; do
	check "${name%-spool}, with a spool: exit status 1" [ "$(cat "$work/$name.status")" -eq 1 ]
	check "  all collectors finished" [ "$(grep -oE '"(process|socket|kernel)":"complete"' "$work/$name.out" | wc -l)" -eq 3 ]
	check "  nothing is lost, $(told "$name" spooled) segments wait" [ "$(told "$name" lost)" = 0 ]
	check "  evac push brings them" push "$name"
	check "  and the collection in the bucket is whole" remote verify "$name"
done

# --- the real server: the right is taken away while a run goes on ------------------------------------------------
put_only='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:PutObject"],"Resource":["arn:aws:s3:::*/*"]}]}'
revoke() { s3 iam Action=DeleteUserPolicy UserName=writer PolicyName=put-only >/dev/null; }
restore() { s3 iam Action=PutUserPolicy UserName=writer PolicyName=put-only "PolicyDocument=$put_only" >/dev/null; }
# revoked NAME OPTIONS...: slowly, so that it is in the middle when three segments are there.
revoked() {
	local got=0 name=$1 run port
	start_proxy "$name"
	as WRITER "$evac" collect --case CASE --recipient "$recipient" --to "s3://evidence/$name" --imds-endpoint none \
		--endpoint-url "https://127.0.0.1:$port" --ca-file "$S3_CA" --only process,socket,kernel --segment-size 1M \
		--workers 1 --limit-rate 16K "${@:2}" >"$work/$name.out" 2>"$work/$name.err" &
	run=$!
	until [ "$(grep -c ' PUT .*\.age [0-9]* 200 ' "$work/$name.log" 2>/dev/null)" -ge 1 ]; do
		[ -d "/proc/$run" ] || break
		sleep 0.05
	done
	revoke
	wait "$run" || got=$?
	restore
	echo "$got" >"$work/$name.status"
}
if [ -n "${S3_ROLE_ARN-}" ]; then
	revoked policy
	check "a policy that is revoked in the middle: exit status 1" [ "$(cat "$work/policy.status")" -eq 1 ]
	check "and the server's word is said" said policy "AccessDenied"
	check "the bucket has what was stored, genuine, and cut short" exits 3 remote verify policy
	revoked policy-spool --spool "$work/policy-spool.spool"
	check "with a spool: exit status 1" [ "$(cat "$work/policy-spool.status")" -eq 1 ]
	check "  nothing is lost, $(told policy-spool spooled) segments wait" [ "$(told policy-spool lost)" = 0 ]
	check "  evac push brings them when the right is back" push policy-spool
	check "  and the collection in the bucket is whole" remote verify policy-spool
else
	skip "a policy that is revoked" "Ceph $S3_CEPH has no accounts"
fi
done_testing
