#!/bin/bash
# LiME's image, /proc/kcore's and the memory file of the virtual machine itself agree on what cannot change.
set -euo pipefail
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

build_helper
make_keys

# Memory that does not change while the two images are made: the marker of a process that sleeps, the kernel's code.
run_guest() {
	boot -k "$1" -m 192M -t 150 -r "$work/ram" -f "$("$here/prepare.sh" "$1")/lime.ko" <<-'GUEST'
		. ./lib.sh
		plant -m EVAC-MEMORY marker || exit 1
		cat /proc/iomem >/evidence/iomem
		for method in lime kcore; do
			./evac collect --case $method --recipient "$(cat recipient)" --to /evidence/vault --only memory \
				--memory $method --lime lime.ko >/evidence/$method.out 2>/evidence/$method.err || exit
		done
	GUEST
}

for kernel in 6.1 6.12; do
	rm -rf "$share" "$work"/{lime,kcore,ram}
	mkdir "$share"
	name="Linux $(cat "$("$here/prepare.sh" "$kernel")/release")"
	check "$name: memory is collected by LiME, then through kcore" run_guest "$kernel"
	for method in lime kcore; do
		check "$name: $method verifies and opens" opened "$method"
		check "$name: $method has every range of /proc/iomem to the byte" \
			python3 "$here/lime.py" coverage "$work/$method/memory.lime" "$share/iomem"
		check "$name: $method agrees with the machine's own memory" \
			python3 "$here/lime.py" compare "$work/$method/memory.lime" "$work/ram" "$share/iomem" EVAC-MEMORY
	done
	check "$name: LiME and kcore agree with each other" python3 "$here/lime.py" compare "$work/lime/memory.lime" \
		"$work/kcore/memory.lime" "$share/iomem" EVAC-MEMORY
done
done_testing
