#!/usr/bin/env bash
# Goal: collect prints two lines of JSON, short enough for SSM, and no secret comes out anywhere.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
need minisign
make_key
secret=SECRETqz81kk55marker token=TOKENqz81kk55marker
longest=$(printf 'c%.0s' {1..64})

run env AWS_ACCESS_KEY_ID=AKIAEXAMPLE AWS_SECRET_ACCESS_KEY="$secret" AWS_SESSION_TOKEN="$token" \
	SSM_COMMAND_ID=01234567-89ab-cdef-0123-456789abcdef "$EVAC" collect --case "$longest" \
	--recipient "$RECIPIENT" --to "$WORK/vault" --only process,socket,kernel --verbose
COLLECTION=$(found "$WORK/vault")
check "a run" test "$status" = 0
check "stdout is two lines" test "$(wc -l <"$WORK/stdout")" = 2
check "below 2000 bytes: $(stat -c %s "$WORK/stdout")" test "$(stat -c %s "$WORK/stdout")" -lt 2000
first=$(sed -n 1p "$WORK/stdout") last=$(sed -n 2p "$WORK/stdout")
if command -v jq >/dev/null; then
	check "both are JSON" jq -es 'length == 2 and all(type == "object")' "$WORK/stdout"
	check "  with all collectors" jq -es '.[1].collectors | length >= 5' "$WORK/stdout"
else
	skip "jq is not installed"
fi
check "the first names the collection" says <(echo "$first") "\"collection\":\"${COLLECTION##*/}\""
check "  its place" says <(echo "$first") "\"path\":\"${COLLECTION#"$WORK/vault/"}\""
key=${first#*\"public_key\":\"} key=${key%%\"*}
check "  and the key that signed it" minisign -V -q -P "$key" -m "$COLLECTION/manifest.json"
check "  which is evac.pub's" says "$COLLECTION/evac.pub" "$key"
check "the last says how it ended" says <(echo "$last") '"result":"complete","exit":0'
check "  with as many segments as there are" says <(echo "$last") \
	"\"segments\":$(find "$COLLECTION" -name '*.age' | wc -l),"
check "the manifest links to the order" says "$COLLECTION/manifest.json" 01234567-89ab-cdef-0123-456789abcdef
check "stderr has the run" says "$WORK/stderr" 'process: complete'

check "no secret on stdout or stderr" test -z "$(grep -lE "$secret|$token" "$WORK/stdout" "$WORK/stderr")"
check "none in the vault" test -z "$(grep -rlE "$secret|$token|AGE-SECRET-KEY" "$WORK/vault")"
run "$EVAC" open "$COLLECTION" --identity "$KEY" --out "$WORK/out"
check "it opens" test "$status" = 0
check "the environment of processes is in the evidence" grep -rqs 'SSM_COMMAND_ID' "$WORK/out"
check "and evac's own secrets are not" test -z "$(grep -rlE "$secret|$token" "$WORK/out")"

# The first line is there before anything else happens: also when nothing can be saved.
: >"$WORK/file"
run "$EVAC" collect --case C --recipient "$RECIPIENT" --to "$WORK/file"
check "a vault that cannot be reached: one line still" test "$(wc -l <"$WORK/stdout")" = 1
check "  and 2" test "$status" = 2

# A reader that goes away must not end the run.
status=0
"$EVAC" collect --case C --recipient "$RECIPIENT" --to "$WORK/deaf" --only kernel 2>/dev/null |
	head -c 10 >/dev/null || status=$?
check "a stdout that is closed does no harm" test "$status" = 0
check "  to what is saved" "$EVAC" verify "$WORK/deaf"
finish
