#!/usr/bin/env bash
# Goal: a bit flipped in any object of a collection, or an object removed, swapped or renamed: verify names it, exits 1.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
need dd od
make_key
# Logs of a known size, so that some segments are of one kind whatever runs here.
with_logs() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_own_host bash -ec 'head -c 2500000 /dev/urandom >/var/log/noise; exec "$@"' - "$@"
}
run with_logs "$EVAC" collect --case CASE --recipient "$RECIPIENT" --to "$WORK/vault" --only kernel,log --segment-size 1M
whole=$(found "$WORK/vault")
check "a collection" test "$status" = 0
run "$EVAC" verify "$whole"
check "verifies" test "$status" = 0
mapfile -t objects < <(ls "$whole")
bad=$WORK/bad

# copy: a fresh copy of the collection in $bad.
copy() {
	rm -rf "$bad"
	cp -a "$whole" "$bad"
}

# flip FILE BYTE BIT
flip() {
	local byte
	byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
	printf '%b' "\\0$(printf %o $((byte ^ 1 << $3)))" |
		dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# named OBJECT [STATUS]: verify names it, or its signature where that is to blame, and exits so.
named() {
	run "$EVAC" verify "$bad"
	[ "$status" = "${2:-1}" ] || { echo "exit status $status"; cat "$WORK/stdout"; return 1; }
	grep -qE "^$1(\.minisig)?: " "$WORK/stdout" || { cat "$WORK/stdout"; return 1; }
}

# alone OBJECT: and says nothing against any other object.
alone() {
	! grep -vE "^$1: |^$bad: WRONG" "$WORK/stdout"
}

for o in "${objects[@]}"; do
	size=$(stat -c %s "$whole/$o")
	for at in 0 $((size / 4)) $((size / 2)) $((size * 3 / 4)) $((size - 1)); do
		copy
		flip "$bad/$o" "$at" $((at % 8))
		check "$o: bit $((at % 8)) of byte $at" named "$o"
		case $o in
		evac.pub) ;; # without it no other can be checked, unless the manifest names it
		*) check "  and it alone" alone "$o" ;;
		esac
	done
	copy
	printf x >>"$bad/$o"
	check "$o: a byte more" named "$o"
	copy
	truncate -s -1 "$bad/$o"
	check "$o: a byte less" named "$o"
	copy
	rm "$bad/$o"
	case $o in
	manifest.json) check "$o removed: cut short, and its signature tells" named "$o" 3 ;;
	*) check "$o removed" named "$o" ;;
	esac
done

first=0001-logs.tar.zst.age
second=0002-logs.tar.zst.age
check "there are two segments of a kind" test -e "$whole/$second"
# swap SUFFIX...: the two segments' files with these ends.
swap() {
	local end
	copy
	for end; do
		mv "$bad/$first$end" "$bad/swap"
		mv "$bad/$second$end" "$bad/$first$end"
		mv "$bad/swap" "$bad/$second$end"
	done
}
swap ""
check "two segments swapped: the one" named "$first"
check "  and the other" named "$second"
swap "" .minisig
check "two segments swapped with their signatures: the one" named "$first"
check "  and the other" named "$second"
copy
mv "$bad/$second" "$bad/0009-logs.tar.zst.age"
mv "$bad/$second.minisig" "$bad/0009-logs.tar.zst.age.minisig"
check "a segment renamed" named 0009-logs.tar.zst.age
check "  is missed under its name" named "$second"
copy
cp "$bad/$second" "$bad/0009-logs.tar.zst.age"
cp "$bad/$second.minisig" "$bad/0009-logs.tar.zst.age.minisig"
check "a segment too many" named 0009-logs.tar.zst.age
copy
: >"$bad/notes.txt"
check "a file that does not belong here" named notes.txt

# An object of another collection, with its genuine signature, and another's key.
collect "$WORK/other" --only kernel --segment-size 1M
copy
cp "$COLLECTION"/0000-* "$bad/"
check "a segment of another collection" named 0000-volatile.tar.zst.age
copy
cp "$COLLECTION/evac.pub" "$bad/"
check "the key of another collection" named evac.pub
run "$EVAC" verify "$whole" --signer "$(sed -n 2p "$COLLECTION/evac.pub")"
check "a collection that another key signed" test "$status" = 1
finish
