#!/usr/bin/env bash
# Goal: on a terminal each command that runs long shows how far it is, in one line, and nothing else is written into it.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
need script unshare
make_key
export EVAC RECIPIENT WORK KEY

# screen NAME COMMAND...: on a terminal of its own; what is left on each of its lines is in $WORK/NAME.lines, what was
# shown in between in $WORK/NAME.moving.
screen() {
	local name=$1
	shift
	# script runs it by $SHELL; another shell than bash drops the exported functions on its way
	SHELL=$BASH script -qec "$(printf '%q ' "$@")" "$WORK/$name" </dev/null >/dev/null
	sed '1d;$d' "$WORK/$name" | tr -d '\r' >"$WORK/$name.plain"
	sed 's/.*\x1b\[K//' "$WORK/$name.plain" >"$WORK/$name.lines"
	sed 's/\x1b\[K/\n/g' "$WORK/$name.plain" >"$WORK/$name.moving"
}
# shows NAME PATTERN: the moving line came, and is gone in the end.
shows() {
	grep -qE "$2" "$WORK/$1.moving" || { head -c 2000 "$WORK/$1" | cat -v; return 1; }
	! grep -E "$2" "$WORK/$1.lines"
}
# shellcheck disable=SC2016 # expanded by the inner shell
collect_slowly() {
	in_own_host bash -ec 'head -c 100M /dev/urandom >/var/log/noise
		exec "$EVAC" collect --case CASE --recipient "$RECIPIENT" --to "$WORK/vault" --only kernel,log --segment-size 1M --workers 1'
}
verify_it() { ! "$EVAC" verify "$WORK/vault" -v; }
open_it() { ! "$EVAC" open "$WORK/vault" --identity "$KEY" --out "$WORK/out"; }
export -f in_own_host collect_slowly verify_it open_it
check "evac collect" screen collect bash -c collect_slowly
check "  shows segments and time" shows collect ' s  log: [0-9]+ segments safe, [0-9.]+ MiB'
check "  and its journal's lines begin at the left" test -z "$(grep 'evac info: ' "$WORK/collect.lines" | grep -vE '^20[0-9T:-]+Z evac')"
check "  and the result too" grep -q '^{"result":"complete"' "$WORK/collect.lines"
rm "$(find "$WORK/vault" -name '0050-*.age')"
check "evac verify: a segment is missing" screen verify bash -c verify_it
check "  shows how far it is" shows verify '^verify: [0-9]+ of 10[0-9] segments, [0-9.]+ MiB'
check "  every finding has a line of its own" test "$(grep -c '^0[0-9]*-[a-z]*.tar.zst.age: OK' "$WORK/verify.lines")" -ge 100
check "evac open" screen open bash -c open_it
check "  shows how far it is" shows open '^open: [0-9]+ of 10[0-9] segments, [0-9.]+ MiB'
check "evac push" screen push "$EVAC" push "$WORK/vault" --to "$WORK/second"
check "  shows how far it is" shows push '^push: [0-9]+ of 10[0-9] segments, [0-9.]+ MiB'
check "  and says what it cannot know" grep -q '1 of the manifest.s segments went there during the run' "$WORK/push.lines"
"$EVAC" verify "$WORK/second" >"$WORK/quiet" 2>&1 || :
check "elsewhere nothing moves" test "$(grep -cE ' of [0-9]+ segments' "$WORK/quiet")" = 0
finish
