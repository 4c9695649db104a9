#!/usr/bin/env bash
# Goal: with minisign, age, zstd, tar and sha256sum alone, an examiner gets the very tree that evac open gives.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
need minisign age zstd tar sha256sum unshare
make_key

# Logs with all that makes names and files hard.
# shellcheck disable=SC2016 # expanded by the inner shell
make_logs='
	cd /var/log
	echo plain >plain.log
	mkdir -p deep/er -- "-dash" "sp ace"
	echo x >"sp ace/a b.log"; echo x >"-dash/-n"
	printf "x" >"line
break"; printf "x" >"back\\slash"; printf "x" >"$(printf "latin1-\351\377")"; printf "x" >"quo\"te$(printf "\t")"
	: >empty
	head -c 5000000 /dev/urandom >deep/er/big.log
	head -c 3000000 /dev/urandom >"$(printf "big\351\nname")"
	echo hello >"part@000000000000.part"
	head -c 2000000 /dev/urandom >"bigpart@000000000005.part"
	truncate -s 200M sparse.log; echo end >>sparse.log
	echo secret >setuid; chmod 4755 setuid
	echo "$(printf "n%.0s" {1..255})" >"$(printf "n%.0s" {1..255})"
	ln -s plain.log link; mkfifo fifo
	for i in {1..300}; do echo "$i" >"many-$i"; done
	cd /
'
collect_logs() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_own_host bash -ec "$make_logs"'
		exec "$EVAC" collect --case CASE --recipient "$RECIPIENT" --to "$WORK/vault" \
			--only process,socket,kernel,log --skip process_executables --segment-size 1M'
}
export EVAC RECIPIENT WORK
run collect_logs
COLLECTION=$(found "$WORK/vault")
check "a collection" whole "$status" "$WORK/stdout"
check "of several segments" test "$(find "$COLLECTION" -name '*.age' | wc -l)" -gt 10
signer=$(sed -n 's/.*"public_key":"\([^"]*\)".*/\1/p' "$WORK/stdout")

run "$EVAC" open "$WORK/vault" --identity "$KEY" --out "$WORK/ours" --signer "$signer"
check "evac opens it" test "$status" = 0
run tests/examiner "$COLLECTION" "$KEY" "$WORK/theirs" "$signer"
check "the examiner opens it" test "$status" = 0
sed 's/^/# /' "$WORK/stderr" | head -n 5
check "both trees are the same" diff -r --no-dereference "$WORK/ours" "$WORK/theirs"
times() { # times TREE: of all files that had one, those that were joined too
	cd "$1" && find . -type f ! -path '*/SHA256SUMS.d/*' -printf '%T@ %s %p\n' | sort
}
check "with the same times" diff <(times "$WORK/ours") <(times "$WORK/theirs")

# Every file that came whole has the digest that its segment says.
digests() (
	cd "$WORK/ours"
	for list in SHA256SUMS.d/*; do
		grep -avE '@[0-9]{12,}\.part$' "$list" >"$WORK/list" || continue
		sha256sum --quiet -c "$WORK/list" || exit 1
	done
)
check "sha256sum agrees" digests
check "there are such lists" test "$(find "$WORK/ours/SHA256SUMS.d" -type f | wc -l)" -gt 10

# And the evidence is what was there: the logs once more, from the same recipe.
logs=$(cd "$WORK/ours" && find . -path '*var/log/plain.log' | head -n 1)
logs=$WORK/ours/${logs%/plain.log}
check "a log came" test "$(cat "$logs/plain.log")" = plain
check "a name of 255 bytes" test -s "$logs/$(printf 'n%.0s' {1..255})"
check "bytes that are no text" test -e "$logs/$(printf 'latin1-\351\377')"
check "a line break" test -e "$logs/$(printf 'line\nbreak')"
check "a name that looks like a piece's" test "$(cat "$logs/part@000000000000.part")" = hello
check "  and a large one" test "$(stat -c %s "$logs/bigpart@000000000005.part")" = 2000000
check "a large file, joined" test "$(stat -c %s "$logs/deep/er/big.log")" = 5000000
check "a sparse file, whole" test "$(stat -c %s "$logs/sparse.log")" = $((200 * 1048576 + 4))
check "  and its end" test "$(tail -c 4 "$logs/sparse.log")" = end
check "many small ones" test "$(find "$logs" -name 'many-*' | wc -l)" = 300
check "a link is not followed" test ! -L "$logs/link"
finish
