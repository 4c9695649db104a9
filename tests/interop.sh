#!/bin/bash
# Goal: evac and the real age, age-keygen, minisign, zstd and tar read what the other has written, both ways.
#
# 1. Keys: evac keygen against age-keygen. 2. A collection that only the real tools made, opened by evac. 3. One that
# evac collected here, opened by the real tools alone (tests/examiner); both trees are the same, to the byte.
# shellcheck disable=SC2317 # the functions are called through check()
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
evac=${EVAC:-$root/build/$(uname -m)/evac}
n=0 failed=0
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# check WHAT COMMAND...: one test; what the command printed follows a failure.
check() {
	local what=$1
	shift
	n=$((n + 1))
	if "$@" >log 2>&1; then
		echo "ok $n - $what"
	else
		sed 's/^/# /' log
		echo "not ok $n - $what"
		failed=1
	fi
}

# exits STATUS COMMAND...: does it exit with just that?
exits() {
	local want=$1 is=0
	shift
	"$@" || is=$?
	[ "$is" = "$want" ] || { echo "exit status $is, not $want"; return 1; }
}

finish() {
	echo "1..$n"
	exit $failed
}

for tool in age age-keygen minisign zstd tar sha256sum jq; do
	command -v "$tool" >/dev/null || { echo "ok 1 # SKIP $tool is not installed"; echo 1..1; exit 0; }
done
[ -x "$evac" ] || { echo "not ok 1 - $evac is not built"; exit 1; }

# ---- keys
same_public() { # FILE: age-keygen derives the public key that the file's comment names
	[ "$(age-keygen -y "$1")" = "$(sed -n 's/^# public key: //p' "$1")" ]
}
never_overwrites() {
	cp evac.key before
	exits 1 "$evac" keygen -o evac.key && cmp evac.key before
}
shape() { sed -E 's/(age1|KEY-1)[a-zA-Z0-9]*/\1/; s/^(# created: ).*T.*/\1/' "$1"; }
secret_round() { # IDENTITY: encrypted to its recipient by age, decrypted with it by age
	echo hello | age -r "$(age-keygen -y "$1")" | age -d -i "$1" | grep -qx hello
}
check 'evac keygen -o writes an identity' "$evac" keygen -o evac.key
check 'only its owner may read it' test "$(stat -c %a evac.key)" = 600
check 'age-keygen derives the same public key from it' same_public evac.key
check 'age encrypts to it and decrypts with it' secret_round evac.key
check 'a second time it is not overwritten' never_overwrites
"$evac" keygen >stdout.key 2>/dev/null
age-keygen -o age.key 2>/dev/null
check 'on stdout too' secret_round stdout.key
check 'it looks as age-keygen writes it' diff <(shape evac.key) <(shape age.key)

# ---- a collection that only the real tools made
id=20260102T030405Z-00ff
mkdir tools
minisign -G -W -p tools/evac.pub -s tools.sec >/dev/null
signer=$(sed -n 2p tools/evac.pub)
sign() { # NAME [SEGMENT]
	local size
	size=$(stat -c %s "tools/$1")
	minisign -S -W -s tools.sec -c 'signature by evac' -m "tools/$1" -x "tools/$1.minisig" \
		-t "evac collection=$id ${2:+segment=$2 }name=$1 size=$size utc=2026-01-02T03:04:05Z" >/dev/null
}
records=()
segment() { # NUMBER GROUP TAR-FORMAT FILE...: from the directory `from`
	local number=$1 group=$2 format=$3 name object bytes=0 file
	name=$(printf '%04d-%s.tar.zst.age' "$number" "$group")
	object=tools/$name
	shift 3
	(cd from && sha256sum -- "$@" >SHA256SUMS)
	tar -C from --no-unquote --format="$format" -c -- "$@" SHA256SUMS | zstd -q |
		age -r "$(age-keygen -y evac.key)" -r "$(age-keygen -y age.key)" >"$object"
	for file; do bytes=$((bytes + $(stat -c %s "from/$file"))); done
	sign "$name" "$number"
	records+=("$(jq -cn --arg name "$name" --arg group "$group" --argjson number "$number" \
		--argjson size "$(stat -c %s "$object")" --arg sum "$(sha256sum <"$object" | cut -d' ' -f1)" \
		--argjson entries $# --argjson bytes $bytes \
		'{number:$number,group:$group,name:$name,size:$size,sha256:$sum,entries:$entries,entry_bytes:$bytes}')")
}
mkdir -p from/files from/memory
head -c 300000 /dev/urandom >from/files/random
head -c 65536 /dev/zero >from/files/chunk
: >from/files/empty
echo odd >"$(printf 'from/files/line\nend\\and \377')"
head -c 100000 from/files/random >'from/files/big@000000000000.part'
tail -c +100001 from/files/random >'from/files/big@000000100000.part'
echo part >'from/files/x@000000000000.part@000000000000.part'
echo one >from/memory/0000000000001000.lime
echo two >from/memory/0000000100000000.lime
echo note >from/memory/holes.ndjson
segment 0 volatile pax files/empty files/chunk "$(printf 'files/line\nend\\and \377')"
segment 1 memory gnu memory/0000000100000000.lime memory/holes.ndjson 'files/big@000000100000.part'
segment 2 memory ustar memory/0000000000001000.lime 'files/x@000000000000.part@000000000000.part'
segment 3 logs pax files/random 'files/big@000000000000.part'
(IFS=,; printf '{"evac_manifest":1,"collection":"%s","case":"C","host":"h","path":"C/h/%s","public_key":"%s","complete":true,"segments":[%s],"lost":[]}\n' \
	"$id" "$id" "$signer" "${records[*]}") >tools/manifest.json
sign manifest.json

opened() { # DIR: what came out is what went in
	cmp "$1/files/random" from/files/random && cmp "$1/files/big" from/files/random &&
		cmp "$1/files/chunk" from/files/chunk && cmp "$1/files/empty" /dev/null &&
		grep -qx odd "$(printf '%s/files/line\nend\\and \377' "$1")" &&
		grep -qx part "$1/files/x@000000000000.part" &&
		cmp "$1/memory.lime" <(printf 'one\ntwo\n') && grep -qx note "$1/memory/holes.ndjson" &&
		[ "$(find "$1" -type f -printf x | wc -c)" = 12 ]
}
check 'evac verifies what minisign signed' "$evac" verify tools --signer "$signer"
check 'and takes the key from its file' "$evac" verify tools --signer tools/evac.pub
check 'evac opens what age, zstd and tar made' "$evac" open tools -i evac.key --out o1 --signer "$signer"
check 'all is there' opened o1
check 'with the identity of age-keygen too' "$evac" open tools -i age.key --out o2 --signer "$signer"
check 'the same came out' diff -r o1 o2
check 'the examiner opens it without evac' "$root/tests/examiner" tools evac.key o3 "$signer"
check 'and has the same tree' diff -r o1 o3
age-keygen -o other.key 2>/dev/null
check 'another identity opens nothing' exits 1 "$evac" open tools -i other.key --out o4 --signer "$signer"
check 'and leaves nothing' test ! -e o4

# Each object in turn, one bit: evac names it, and the examiner refuses the collection.
flip() { # FILE: a bit in its middle
	local at
	at=$(($(stat -c %s "$1") / 2))
	printf '%b' "\\$(printf '%03o' $(($(od -An -tu1 -j "$at" -N 1 "$1") ^ 1)))" |
		dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}
flipped() { # NAME
	local said is=0
	cp -r tools flipped
	flip "flipped/$1"
	said=$("$evac" verify flipped --signer "$signer") || is=$?
	rm -rf examined
	if [ "$1" != evac.pub ] && "$root/tests/examiner" flipped evac.key examined "$signer"; then is=examined; fi
	rm -rf flipped
	echo "$is $said"
	[ "$is" = 1 ] && grep -q "^$1: " <<<"$said"
}
for object in tools/*; do
	check "a bit in ${object#tools/}: evac names it, the examiner refuses" flipped "${object#tools/}"
done

# ---- a collection of evac's, opened by the real tools
if [ "$(id -u)" != 0 ]; then
	n=$((n + 1))
	echo "ok $n # SKIP evac collect needs root"
	finish
fi
check 'evac collects for both identities' "$evac" collect --case C --to vault --memory none --skip log \
	--segment-size 1M --recipient "$(age-keygen -y evac.key)" --recipient "$(age-keygen -y age.key)"
collection=$(dirname "$(find vault -name manifest.json)")
signer=$(sed -n 2p "$collection/evac.pub")
minisign_takes() {
	local object
	for object in "$collection"/*.age "$collection"/manifest.json; do
		minisign -V -H -q -P "$signer" -m "$object" || return 1
	done
	minisign -V -H -q -p "$collection/evac.pub" -m "$object"
}
check 'minisign verifies every object' minisign_takes
check 'evac too' "$evac" verify vault --signer "$signer"
check 'the examiner opens it with the one identity' "$root/tests/examiner" "$collection" evac.key e1 "$signer"
check 'evac opens it with the other' "$evac" open vault -i age.key --out e2 --signer "$signer"
check 'both have the same tree' diff -r e1 e2
check 'there is something in it' test -s e1/processes.ndjson
finish
