#!/usr/bin/env bash
# Goal: collectors/SCHEMA.md says what the tables hold: all that the unit tests and a real run write, and nothing else.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
need python3 unshare
make_key
mkdir "$WORK/rows"

# The unit tests of collectors leave their rows behind when they are asked to.
unit() {
	local source program
	while read -r source; do
		program=build/asan/unit/$(basename "$source" .c)
		[ -x "$program" ] || { echo "$program is not built"; return 1; }
		EVAC_ROWS=$WORK/rows "$program" >/dev/null 2>&1 </dev/null || echo "$program fails"
	done < <(grep -lF '"sink_list.h"' tests/unit/test_*.c | grep -vF test_table.c)
}
check "unit tests of collectors" unit

# A host with what is not seen each day.
cat >"$WORK/host.sh" <<'EOF2'
	mknod /var/log/device c 1 3
	printf 'a line\n' >"$(printf '/var/log/no\377text.log')"
	mkdir /var/log/proc
	mount -t proc proc /var/log/proc
	python3 -c 'import socket, time
s = socket.socket(socket.AF_UNIX); s.bind("/var/log/socket"); s.listen(); time.sleep(600)' &
	until [ -S /var/log/socket ]; do sleep 0.1; done
	LONG=$(head -c 60000 /dev/zero | tr '\0' x) sleep 600 &
	"$@"
EOF2
run in_own_host bash "$WORK/host.sh" "$EVAC" collect --case CASE --recipient "$RECIPIENT" --to "$WORK/vault" \
	--skip memory --with-secrets
check "a real run: nothing is missing" whole "$status" "$WORK/stdout"
run "$EVAC" open "$(found "$WORK/vault")" --identity "$KEY" --out "$WORK/out"
check "it opens" test "$status" = 0
(cd "$WORK/out" && find . -name '*.ndjson' -not -path './files/*' -printf '%P\n') | while read -r table; do
	awk -v name="${table%.ndjson}" '{ print name "\t" $0 }' "$WORK/out/$table"
done >"$WORK/rows/run"

python3 tests/system/schema.py collectors/SCHEMA.md "$WORK"/rows/* >"$WORK/result" || true
while IFS= read -r line; do
	case $line in
	"ok "*) ok "${line#*- }" ;;
	"not ok "*) not_ok "${line#*- }" ;;
	"#"*) echo "$line" ;;
	esac
done <"$WORK/result"
finish
