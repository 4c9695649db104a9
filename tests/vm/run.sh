#!/bin/bash
# Boots a throw-away guest, runs one script in it as root, shows its console and exits with the script's status.
# usage: run.sh [OPTION...] SCRIPT
#   -k KERNEL    what prepare.sh knows; 6.1 if not said
#   -A ARCH      amd64, or arm64, which has no disk
#   -n           no disk: busybox runs SCRIPT out of the kernel's first file system
#   -m SIZE      the guest's memory; 512M
#   -t SECONDS   time limit of it all; 120
#   -f FILE      comes along as /run/guest/NAME, where SCRIPT runs; may be said again
#   -s DIR       is shared with the guest, which sees it as /evidence
#   -p PORT      the guest's 10.0.2.2:PORT is this machine's 127.0.0.1:PORT; there is no other way out
#   -r FILE      the guest's memory is this file: what any other image of it can be compared with
#   -a WORDS     more words on the kernel's command line
#   -c CPU       QEMU's name of it; qemu64 or cortex-a57, emulated two and three times as fast as one with all extensions
#   -q WORDS     more words for QEMU
# No KVM is needed. Nothing that the guest writes to its disk stays. Exit status 124: the time was over; 125: no start,
# or the guest ended without a status.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=kmod/apt.sh
. "$here/../../kmod/apt.sh"

kernel=6.1 memory=512M limit=120 share='' port='' ram='' append='' cpu='' files=() arch=amd64 disk=yes extra=()
while getopts k:A:nm:t:f:s:p:r:a:c:q: option; do
	case $option in
	k) kernel=$OPTARG ;;
	A) arch=$OPTARG ;;
	n) disk='' ;;
	m) memory=$OPTARG ;;
	t) limit=$OPTARG ;;
	f) files+=("$OPTARG") ;;
	s) share=$(cd "$OPTARG" && pwd) ;;
	p) port=$OPTARG ;;
	r) ram=$OPTARG ;;
	a) append=$OPTARG ;;
	c) cpu=$OPTARG ;;
	q) read -ra extra <<<"$OPTARG" ;;
	*) exit 64 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 1 ] || { say "one script is needed"; exit 64; }

vm=$("$here/prepare.sh" "$kernel" --arch "$arch") || exit 125
work=$(mktemp -d)
qemu='' virtiofsd=''

# shellcheck disable=SC2317
finish() {
	local pid
	for pid in $qemu $virtiofsd; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# --- what the guest gets ---------------------------------------------------------------------------------------

mkdir -p "$work/overlay/guest"
cp "$1" "$work/overlay/guest/script"
cp "$here/guest/lib.sh" "$work/overlay/guest/"
for file in "${files[@]}"; do
	cp -L "$file" "$work/overlay/guest/"
done
(cd "$work/overlay" && find . | cpio --quiet -o -H newc -R 0:0) | cat "$vm/base.cpio" - >"$work/initrd"

devices=()
if [ "$arch" = arm64 ] || [ -z "$disk" ]; then
	append+=" disk=none"
else
	# shellcheck disable=SC2054  # QEMU's own commas
	devices+=(-drive "file=$vm/root.ext4,if=none,id=disk,format=raw,snapshot=on" -device virtio-blk-pci,drive=disk)
fi
if [ -n "$ram" ]; then
	rm -f "$ram" # what an earlier guest left there would be this one's memory
	devices+=(-object "memory-backend-file,id=ram,size=$memory,mem-path=$ram,share=on")
else
	devices+=(-object "memory-backend-memfd,id=ram,size=$memory,share=on")
fi
if [ -n "$port" ]; then
	# One process a connection: a socket in its place would serve the first one only.
	devices+=(-netdev "user,id=net,restrict=on,host=10.0.2.4,guestfwd=tcp:10.0.2.2:$port-cmd:$vm/busybox nc 127.0.0.1 $port"
		-device "virtio-net-pci,netdev=net,romfile=")
fi

# In Debian 12 it comes with QEMU; later it is a package of its own, with other options.
start_virtiofsd() {
	local program
	for program in /usr/lib/qemu/virtiofsd /usr/libexec/virtiofsd "$(dirname "$(readlink "$vm/vmlinuz")")/virtiofsd"; do
		[ ! -x "$program" ] || break
	done
	if "$program" --help 2>&1 | grep -q -- --shared-dir; then
		"$program" --socket-path="$work/socket" --shared-dir="$share" --sandbox=chroot --cache=never >"$work/virtiofsd.log" 2>&1 &
	else
		"$program" --socket-path="$work/socket" -o source="$share" -o sandbox=chroot -o cache=none >"$work/virtiofsd.log" 2>&1 &
	fi
	virtiofsd=$!
	until [ -S "$work/socket" ]; do
		kill -0 "$virtiofsd" 2>/dev/null || { cat "$work/virtiofsd.log" >&2; say "virtiofsd does not run"; exit 125; }
		sleep 0.02
	done
	# shellcheck disable=SC2054
	devices+=(-chardev "socket,id=share,path=$work/socket" -device vhost-user-fs-pci,chardev=share,tag=evidence)
	append+=" share=evidence"
}
[ -z "$share" ] || start_virtiofsd

# --- the run ---------------------------------------------------------------------------------------------------

# Three ways out: the script's, its exit status, the kernel's messages, which are shown when the guest dies. The arm64
# machine has one serial port: there the kernel says only why it dies, among what the script says.
# shellcheck disable=SC2054
case $arch in
amd64)
	program="qemu-system-x86_64"
	# On a busy machine the kernel would find its clock unstable and patch its code for that, which the emulator's other
	# thread may run half done; and it would count ticks while the emulator waits for a processor, find none, and panic.
	machine=(-M q35,memory-backend=ram -cpu "${cpu:-qemu64}" -append "console=ttyS2 panic=-1 tsc=reliable no_timer_check $append"
		-serial stdio -serial "file:$work/status" -serial "file:$work/kernel")
	;;
arm64)
	program="qemu-system-aarch64"
	machine=(-M virt,memory-backend=ram -cpu "${cpu:-cortex-a57}" -append "console=ttyAMA0 loglevel=1 panic=-1 $append"
		-serial stdio -device virtio-serial-pci -chardev "file,id=status,path=$work/status"
		-device virtserialport,chardev=status)
	: >"$work/kernel"
	;;
*) say "no guest of architecture $arch"; exit 64 ;;
esac
timeout -k 5 "$limit" nice "$program" "${machine[@]}" -accel tcg,thread=multi -smp 2 \
	-m "$memory" -nodefaults -no-user-config -display none -no-reboot -monitor none \
	-kernel "$vm/vmlinuz" -initrd "$work/initrd" "${devices[@]}" "${extra[@]}" </dev/null &
qemu=$!
code=0
wait "$qemu" || code=$?
qemu=
[ "$code" -ne 124 ] || { tail -n 5 "$work/kernel" >&2; say "the guest was not finished after $limit s"; exit 124; }
status=$(tr -d '\r' <"$work/status" | sed -n 's/^status //p')
[ -n "$status" ] || { tail -n 30 "$work/kernel" >&2; say "the guest died (qemu: $code)"; exit 125; }
exit "$status"
