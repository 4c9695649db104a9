#!/usr/bin/env bash
# Goal: bad input gets one clear line and the right exit status, and leaves no half result that looks whole.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
need unshare setpriv minisign
make_key
collected="$WORK/vault"
collect "$collected" --only kernel
good=$COLLECTION
check "something good to start from" test "$status" = 0

# is STATUS TEXT: the last run ended so, and stderr says this in one line ($lines lines); nothing but hints follows.
is() {
	local want=$1 text=$2
	[ "$status" = "$want" ] || { echo "exit status $status"; cat "$WORK/stderr"; return 1; }
	grep -vE 'the public key came with the collection|^usage: |^ +evac |^Try: |evac info: ' "$WORK/stderr" >"$WORK/lines" || :
	says <(head -n "${lines:-1}" "$WORK/lines") "$text" || { cat "$WORK/stderr"; return 1; }
	[ "$(wc -l <"$WORK/lines")" -le "${lines:-1}" ] || { cat "$WORK/lines"; return 1; }
}

# usage WORD COMMAND...: a usage error that names WORD.
usage() {
	local word=$1
	shift
	run "$EVAC" "$@"
	check "usage: $* names $word" is 64 "$word"
	check "  and stdout is empty" test ! -s "$WORK/stdout"
}

# bad STATUS TEXT WHAT COMMAND...
bad() {
	local want=$1 text=$2 what=$3
	shift 3
	run "$@"
	check "$what: $want, $text" is "$want" "$text"
}

broken=${RECIPIENT%?}$([ "${RECIPIENT: -1}" = q ] && echo p || echo q)
lines=20 usage evac
usage frobnicate frobnicate
usage --frobnicate collect --frobnicate
usage --frobnicate verify "$good" --frobnicate
usage --frobnicate open "$good" --frobnicate
usage --frobnicate keygen --frobnicate
usage extra verify "$good" extra
usage --to collect --case C --recipient "$RECIPIENT" --to
usage --to collect --case C --recipient "$RECIPIENT"
usage --recipient collect --case C --to "$WORK/none"
usage "$broken" collect --case C --to "$WORK/none" --recipient "$broken"
usage checksum collect --case C --to "$WORK/none" --recipient "$broken"
usage nonesuch collect --case C --to "$WORK/none" --recipient "$RECIPIENT" --only log,nonesuch
usage nonesuch collect --case C --to "$WORK/none" --recipient "$RECIPIENT" --skip nonesuch
usage ../x collect --case ../x --to "$WORK/none" --recipient "$RECIPIENT"
usage 3s collect --case C --to "$WORK/none" --recipient "$RECIPIENT" --deadline 3s
usage --lime collect --case C --to "$WORK/none" --recipient "$RECIPIENT" --memory lime
usage --identity open "$good" --out "$WORK/none"
usage --signer verify "$good" --signer RWabc
usage "--workers is given twice" collect --workers 2 --workers 4
usage "empty word" verify ""
usage "empty word" open "" --identity "$KEY" --out "$WORK/none"
usage "s3://b" verify s3://b
usage "s3://b" open s3://b --identity "$KEY" --out "$WORK/none"
usage "s3://b" push "$good" --to s3://b
usage "--endpoint-url" verify s3://bucket --endpoint-url http://127.0.0.1:1
usage "--region is for a vault in S3" push "$good" --to "$WORK/none" --region eu-west-1
usage WHERE verify
check "none of these made anything" test ! -e "$WORK/none"

# ---- not root
cp "$EVAC" "$WORK/evac"
chmod 755 "$WORK" "$WORK/evac"
mkdir -m 777 "$WORK/open"
bad 2 "root" "not being root" setpriv --reuid=65534 --regid=65534 --clear-groups \
	"$WORK/evac" collect --case C --recipient "$RECIPIENT" --to "$WORK/open"
check "it made nothing" test -z "$(ls "$WORK/open")"
rm "$WORK/evac"

# ---- vaults that cannot be written
collect_to() { # collect_to DIR
	"$EVAC" collect --case C --recipient "$RECIPIENT" --to "$1" --only kernel
}
echo content >"$WORK/file"
bad 2 "$WORK/file" "a file in the way" collect_to "$WORK/file"
check "it is untouched" test "$(cat "$WORK/file")" = content
bad 2 "/proc/nonesuch" "a directory that cannot be made" collect_to /proc/nonesuch

# in_mount OPTIONS: collect into a new tmpfs with these options; what is in it afterwards in $WORK/left.
in_mount() {
	export EVAC RECIPIENT WORK
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount bash -c '
		mkdir -p "$WORK/mnt" && mount -t tmpfs -o "$1" evac-test "$WORK/mnt" || exit 99
		mount -t tmpfs evac-logs /var/log && head -c 2500000 /dev/urandom >/var/log/noise || exit 99
		rc=0
		"$EVAC" collect --case C --recipient "$RECIPIENT" --to "$WORK/mnt" --only kernel,log --segment-size 1M || rc=$?
		find "$WORK/mnt" -type f -printf "%f\n" >"$WORK/left"
		exit $rc' - "$1"
}
bad 2 "Read-only file system" "a read-only file system" in_mount ro,size=64m
check "nothing is there" test ! -s "$WORK/left"
lines=10 bad 2 "No space left on device" "no room for any segment" in_mount size=8k
check "the last line says nothing" says "$WORK/stdout" '"result":"nothing","exit":2'
check "no segment is there" test "$(grep -c '\.age$' "$WORK/left")" = 0
run in_mount size=512k
check "no room for the rest: 1" test "$status" = 1
check "the last line says partial" says "$WORK/stdout" '"result":"partial","exit":1'
check "no temporary file is left" test "$(grep -c '^\.' "$WORK/left")" = 0

# ---- opening
out="$WORK/out"
"$EVAC" keygen -o "$WORK/other.key" 2>/dev/null
bad 1 "opens nothing here" "a wrong identity" "$EVAC" open "$good" --identity "$WORK/other.key" --out "$out"
check "nothing was written" test ! -e "$out"
bad 1 "$WORK/nokey" "no identity" "$EVAC" open "$good" --identity "$WORK/nokey" --out "$out"
bad 1 "$WORK/file" "an identity that is none" "$EVAC" open "$good" --identity "$WORK/file" --out "$out"
head -c 50 "$KEY" >"$WORK/cut.key"
bad 1 "$WORK/cut.key" "an identity cut short" "$EVAC" open "$good" --identity "$WORK/cut.key" --out "$out"
bad 1 "it is not empty" "a directory with something in it" "$EVAC" open "$good" --identity "$KEY" --out "$WORK/vault"
bad 1 "$WORK/file" "a file in its place" "$EVAC" open "$good" --identity "$KEY" --out "$WORK/file"
bad 1 "there is no collection" "no collection" "$EVAC" open "$WORK/open" --identity "$KEY" --out "$out"
bad 1 "$WORK/nowhere" "no directory" "$EVAC" verify "$WORK/nowhere"
bad 1 "there is no collection" "verify without a collection" "$EVAC" verify "$WORK/open"
check "nothing was written by any" test ! -e "$out"

# ---- a segment cut short
cp -a "$good" "$WORK/cut"
segment=$(cd "$good" && echo 0000-*.age)
truncate -s -1 "$WORK/cut/$segment"
run "$EVAC" verify "$WORK/cut"
check "verify names a segment that lacks a byte" says "$WORK/stdout" "$segment: "
check "  and exits 1" test "$status" = 1
run "$EVAC" open "$WORK/cut" --identity "$KEY" --out "$out"
check "open names it and exits 1" is 1 "$segment: "
check "  and opens what is genuine" test -e "$out/agent/log"
check "  and nothing of it" test ! -e "$out/proc"
rm -rf "$out"
: >"$WORK/cut/$segment"
run "$EVAC" verify "$WORK/cut"
check "an empty segment is named" says "$WORK/stdout" "$segment: "

# ---- a manifest of another version: all but that is right
make_signer
mkdir "$WORK/forged"
cp -a "$good" "$WORK/forged/"
forged=$WORK/forged/${good##*/}
take_over "$forged"
run "$EVAC" verify "$forged" --signer "$SIGNER"
check "a collection signed by our own key verifies" test "$status" = 0
sed -i 's/"evac_manifest":1,/"evac_manifest":2,/' "$forged/manifest.json"
sign "$forged/manifest.json"
run "$EVAC" verify "$forged" --signer "$SIGNER"
check "a manifest of version 2 is not believed" test "$status" = 1
check "  and verify says why" says "$WORK/stdout" "manifest.json: it is of version 2"
run "$EVAC" open "$forged" --identity "$KEY" --out "$out" --signer "$SIGNER"
check "  nor does open" test "$status" = 1
check "  which says why" says "$WORK/stderr" "manifest.json: it is of version 2"
check "  and writes nothing" test ! -e "$out"
echo '{"evac_manifest":1}' >"$forged/manifest.json"
sign "$forged/manifest.json"
run "$EVAC" verify "$forged" --signer "$SIGNER"
check "a manifest without its parts is named" says "$WORK/stdout" "manifest.json: it is no evac manifest"
check "  and that is 1" test "$status" = 1
# --- where results go ------------------------------------------------------------------------------------------
bad 1 "it is in the collection" "open --out inside the collection" \
	"$EVAC" open "$good" --identity "$KEY" --out "$good/opened"
bad 1 "it is in the collection" "and by another way to it" \
	"$EVAC" open "$good" --identity "$KEY" --out "$good/../$(basename "$good")/new"
check "  nothing was made there" test -z "$(find "$good" -mindepth 1 -type d)"
bad 1 "begins with AGE-SECRET-KEY-1" "an identity that is none" \
	"$EVAC" open "$good" --identity "$good/evac.pub" --out "$WORK/none"
full() { # full COMMAND...: its standard output cannot be written
	# shellcheck disable=SC2016 # expanded by the inner shell
	bad 1 "$1" "${*:2} >/dev/full" sh -c '"$@" >/dev/full' sh "$EVAC" "${@:2}"
}
full "standard output" version
full "standard output" --help
full "standard output" verify --help
full "standard output" verify "$good"
full "standard output" verify "$good" --json
full "No space left" keygen
full "standard output" open "$good" --identity "$KEY" --out "$WORK/full"
check "version --help has no blank at a line's end" test -z "$("$EVAC" version --help | grep ' $')"

# --- --signer: what evac collect wrote to stdout ---------------------------------------------------------------
collect "$WORK/second" --only kernel
cp "$WORK/stdout" "$WORK/saved"
head -n 1 "$WORK/saved" >"$WORK/first"
{ echo "some other line"; cat "$WORK/saved"; } >"$WORK/more"
tail -n 1 "$WORK/saved" >"$WORK/last"
for file in saved first more; do
	check "verify --signer with a file: $file" "$EVAC" verify "$COLLECTION" --signer "$WORK/$file"
	run "$EVAC" verify "$good" --signer "$WORK/$file"
	check "  which is not another collection's" test "$status" = 1
done
usage "no minisign public key" verify "$good" --signer "$WORK/last"
# A module that is not there is named.
collect "$WORK/third" --only memory --memory lime --lime "$WORK/no.ko" --deadline 8s
check "a missing --lime FILE is named" says "$WORK/stderr" "--lime $WORK/no.ko: No such file"

finish
