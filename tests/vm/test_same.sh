#!/bin/bash
# The memory of one quiet guest by kcore, by LiME, and as the machine itself holds it: equal byte for byte on every page
# that does not change, and the number of those that evac changes by running is printed.
set -euo pipefail
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

build_helper
make_keys
python3 "$here/ram.py" watch "$work/ram" "$work/qmp" "$share" "$work/still" &
watcher=$!
# shellcheck disable=SC2154  # lib.sh sets it
trap 'kill "$watcher" 2>/dev/null || true; rm -rf "$work"' EXIT

run_guest() {
	boot -m 128M -t 400 -r "$work/ram" -q "-qmp unix:$work/qmp,server=on,wait=off" -f "$("$here/prepare.sh")/lime.ko" <<-'GUEST'
		. ./lib.sh
		cat /proc/iomem >/evidence/iomem
		settle
		sleep 2
		: >/evidence/ready
		until [ -e /evidence/go ]; do sleep 0.2; done
		for method in kcore lime; do
			./evac collect --case $method --recipient "$(cat recipient)" --to /evidence/vault --only memory \
				--memory $method --lime lime.ko >/evidence/$method.out 2>/evidence/$method.err || exit
		done
		: >/evidence/done
		until [ -e /evidence/watched ]; do sleep 0.2; done
	GUEST
}
check "memory is collected through kcore, then by LiME, in a guest that is looked at from outside" run_guest
for method in kcore lime; do
	check "$method verifies and opens" opened "$method"
	check "$method has every range of /proc/iomem to the byte" \
		python3 "$here/lime.py" coverage "$work/$method/memory.lime" "$share/iomem"
done
same() { python3 "$here/ram.py" compare "$work/still" "$share" "$work/kcore/memory.lime" "$work/lime/memory.lime"; }
same >"$work/same" 2>&1 || true
sed 's/^/# /' "$work/same"
check "kcore, LiME and the machine agree on every page that is at rest" same
done_testing
