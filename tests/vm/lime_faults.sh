#!/bin/bash
# Whatever LiME does or finds, all of memory is collected and the manifest says how: a module that is loaded already, or
# busy; a dump that ends early with success; one that hangs in the kernel; a reader that stands still; secret memory.
# STOP_S is how long the reader stands still: 15 s, or in the whole run some minutes. Beside that it takes about four.
set -euo pipefail
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

build_helper
make_keys
stop_s=${STOP_S:-15}
kernel=6.12 # has memfd_secret by default
vm=$("$here/prepare.sh" "$kernel")
release=$(cat "$vm/release")

# faulty NAME WORD: a module that fails so, after 24 MiB.
faulty() {
	mkdir "$work/src-$1"
	printf 'obj-m := lime.o\nccflags-y := -DFAULT_BYTES=25165824 -D%s\n' "$2" >"$work/src-$1/Makefile"
	echo 'PACKAGE_VERSION="1.12.0"' >"$work/src-$1/dkms.conf"
	cp "$here/faulty/lime.c" "$work/src-$1/"
	"$top/kmod/build.sh" --kernel "$release" --lime "$work/src-$1" --out "$work/built-$1" >/dev/null
	cp "$work/built-$1/lime-amd64-$release.ko" "$work/$1.ko"
}
faulty short FAULT_SHORT
faulty hang FAULT_HANG

run_guest() {
	boot -k "$kernel" -m 160M -t "$((900 + stop_s))" -f "$vm/lime.ko" -f "$work/short.ko" -f "$work/hang.ko" <<-GUEST
		. ./lib.sh
		cat /proc/iomem >/evidence/iomem
		collect() {
			./evac collect --case \$1 --recipient "\$(cat recipient)" --to /evidence/vault --only memory --lime "\$2" \
				>/evidence/\$1.out 2>/evidence/\$1.err
			echo \$? >/evidence/\$1.status
			cut -d ' ' -f 1 /proc/modules | grep -x lime >/evidence/\$1.left
		}
		collect short short.ko
		insmod lime.ko path=/dev/null format=lime timeout=0
		collect idle lime.ko
		insmod lime.ko path=tcp:4444 format=lime &
		until grep -q '^lime .*Loading' /proc/modules; do sleep 0.1; done
		collect busy lime.ko
		kill \$!
		wait
		rmmod lime 2>/dev/null
		sleep 100000 | ./mkstate -m EVAC-STOPPED marker >/evidence/marker.out & hold=\$!
		collect stopped lime.ko & job=\$!
		until [ "\$(find /evidence/vault/stopped -name '*-memory.tar.zst.age' 2>/dev/null | wc -l)" -ge 2 ]; do
			kill -0 \$job || exit 1
			sleep 0.05
		done
		# The youngest is inside the module: a stop would cut its write. Its parent reads.
		loader=\$(pidof evac | tr ' ' '\n' | sort -n | tail -n 1)
		reader=\$(sed -n 's/^PPid:[^0-9]*//p' /proc/\$loader/status)
		kill -STOP \$reader
		sleep $stop_s
		grep '^lime' /proc/modules >/evidence/stopped.when
		kill -CONT \$reader
		wait \$job
		kill \$hold
		plant secret || exit 1
		collect secret lime.ko
		kill \$(pidof mkstate)
		collect hang hang.ko
		grep '^lime' /proc/modules >/evidence/hang.modules
		collect stuck lime.ko
	GUEST
}
check "the guest runs, on Linux $release" run_guest

note() { jq -r --arg key "$2" '.collectors[] | select(.name == "memory").notes[$key] // ""' "$(collection "$1")/manifest.json"; }
# said CASE KEY TEXT: the manifest's note of that name has the text.
said() { local text; text=$(note "$1" "$2"); echo "$2: $text"; [[ $text == *"$3"* ]]; }
whole() { opened "$1" && python3 "$here/lime.py" coverage "$work/$1/memory.lime" "$share/iomem" && [ "$(cat "$share/$1.status")" = 0 ]; }
gone() { [ ! -s "$share/$1.left" ]; }

check "a dump that ends early with success: all of memory is there" whole short
check "the length decides" said short lime "failed: stream ended early"
check "the rest came through kcore" said short method "lime, rest kcore"
check "the kernel's taint is recorded, before and after" said short lime.taint " before, "
check "and the module is unloaded" gone short
check "a module that is loaded already: memory by LiME" said idle method lime
check "the old one is unloaded first" said idle lime.old "unloaded"
check "and all of memory is there" whole idle
check "a module that is busy is waited for, and left alone" said busy lime.old "left alone"
check "all of memory comes through kcore" whole busy
check "and why" said busy lime "refused: EBUSY"
check "a reader that stood still for $stop_s s: memory by LiME, whole" whole stopped
stopped() { grep Loading "$share/stopped.when" && said stopped lime "used, complete" && said stopped method lime; }
check "it stood still in the middle of LiME's dump" stopped
check "nothing became zero: every page of a process that slept is there" \
	python3 "$here/lime.py" marker "$work/stopped/memory.lime" EVAC-STOPPED --pages 1024
check "secret memory in use: LiME is not loaded, and why" said secret lime "refused: memfd_secret"
check "kcore takes all of it" said secret method kcore
check "and is whole" whole secret
check "a dump that hangs in the kernel: all of memory is there" whole hang
check "the watchdog ended it" said hang lime "hangs in the kernel"
check "and kcore took the rest" said hang method "lime, rest kcore"
check "the module is left behind, busy" grep -q Loading "$share/hang.modules"
check "the next run recognises it, and takes all of memory" whole stuck
check "and why not by LiME" said stuck lime "refused: EBUSY"
done_testing
