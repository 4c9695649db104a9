#!/bin/bash
# Hidden things in a guest: none while it is clean; then a process under a bind mount over /proc/PID, an interface that
# listens to all, programs that exist only in memory: each is named, read, and its content recovered.
# shellcheck disable=SC2016 # $pid is a variable of jq's
set -euo pipefail
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

build_helper
make_keys

# clean: nothing planted. planted: with mkstate's things, one of its processes covered, and lo promiscuous.
run_guest() {
	boot -m 256M -t 240 <<-'GUEST'
		. ./lib.sh
		take() {
			./evac collect --case "$1" --recipient "$(cat recipient)" --to /evidence/vault --profile fast \
				>"/evidence/$1.out" 2>"/evidence/$1.err"
		}
		take clean || exit 1
		plant -d /var/tmp -m EVAC-HIDDEN -p 127.0.0.1:4443 deleted memfd tcp anonymous peer implant || exit 1
		pid=$(sed -n 's/.*"kind":"tcp_listen","pid":\([0-9]*\).*/\1/p' /evidence/planted.ndjson)
		mkdir /run/empty
		mount --bind /run/empty "/proc/$pid" || exit 1
		ip link set dummy0 up promisc on || exit 1
		cp /run/guest/mkstate /dev/shm/staged 2>/dev/null || { mount -t tmpfs none /tmp && cp /run/guest/mkstate /tmp/staged; }
		take dirty
		status=$?
		[ -e "/proc/$pid/stat" ] && exit 2
		exit $status
	GUEST
}
check "evac runs twice, and the mount over /proc/PID is still there" run_guest
check "the clean collection opens" opened clean
check "the other one opens" opened dirty
clean=$work/clean dirty=$work/dirty
pid=$(jq -r 'select(.kind == "tcp_listen") | .pid' "$share/planted.ndjson")

check "a clean guest hides nothing" test ! -s "$clean/hidden.ndjson"
check "and no port" test ! -s "$clean/hidden_ports.ndjson"
check "and has no program in memory but evac's" test -z "$(jq -r 'select(.memory_only != null and (.path | endswith("/evac") | not)) | .path' "$clean/process_executables.ndjson")"

# row FILTER TABLE: some row of the dirty collection is so.
row() { jq -e -n --argjson pid "$pid" "[inputs | select($1)] | length > 0" "$dirty/$2.ndjson"; }
check "the mount over /proc/PID is named" row '.kind == "mount" and .pid == $pid' hidden
check "the process below it is read" row '.pid == $pid and .name == "mkstate" and .on_disk == 1' processes
check "with its files" row '.pid == $pid and .type == "socket"' process_open_files
check "with its memory map" row '.pid == $pid and .permissions == "r-xp"' process_memory_map
check "with its listening socket" row '.pid == $pid and .state == "LISTEN"' process_open_sockets
check "the promiscuous interface is named" row '.kind == "interface" and .name == "dummy0"' hidden
check "and nothing else is hidden" test "$(jq -s length "$dirty/hidden.ndjson")" = 2
for kind in deleted memfd; do
	check "planted, found and recovered: $kind" python3 "$here/planted.py" "$dirty" "$share/planted.ndjson" "$mkstate" "$kind"
done
check "a program that lies in memory only is kept" row '.kind == "file" and (.path | endswith("/staged")) and .content != null' process_executables
recovered() {
	local content
	content=$dirty/$(jq -r 'select(.kind == "anonymous") | .content' "$dirty/process_executables.ndjson" | head -n 1)
	grep -aF EVAC-HIDDEN-CODE "$content"
}
check "executable memory without a file is recovered" recovered
done_testing
