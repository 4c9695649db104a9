#!/bin/bash
# Makes what a test guest boots from, out of Debian's packages: build/vm/KERNEL/{vmlinuz,base.cpio,root.ext4,lime.ko}.
# usage: prepare.sh [KERNEL] [--refresh]
# KERNEL is a series of Debian's cloud kernels (6.1, the default, or 6.12) or one release. Made once and kept in the
# cache; --refresh looks for newer packages first. Prints the directory.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=kmod/apt.sh
. "$top/kmod/apt.sh"

kernel=6.1 refresh=()
for word; do
	case $word in
	--refresh) refresh=(--refresh) ;;
	-*) echo "usage: prepare.sh [KERNEL] [--refresh]" >&2; exit 64 ;;
	*) kernel=$word ;;
	esac
done
arch=$(dpkg --print-architecture)
[ "$arch" = amd64 ] || { say "the test guest is made for amd64 only"; exit 1; }

# Drivers of the guest, and the socket monitors that a usual host would load by itself when they are asked for.
wanted="virtio_pci virtio_blk virtio_net fuse virtiofs ext4 dummy
	inet_diag tcp_diag udp_diag raw_diag unix_diag packet_diag af_packet_diag netlink_diag"

dir=$top/build/vm/$kernel
mkdir -p "$dir" "$cache/vm"
exec 7>"$cache/vm/lock"
flock 7

module=$("$top/kmod/build.sh" --kernel "$kernel" --out "$dir" "${refresh[@]}" | tail -n 1)
json=${module%.ko}.json
release=$(sed -n 's/.*"release": "\(.*\)",/\1/p' "$json")
version=$(sed -n 's/.*"kernel_package": "[^ ]* \(.*\)",/\1/p' "$json")

# --- the kernel and its first file system ----------------------------------------------------------------------

# module_info FILE KEY: from the .modinfo section.
module_info() { tr '\0' '\n' <"$1" | sed -n "s/^$2=//p"; }

# module_add NAME: copies a module after those it needs; one that is built into the kernel is not there.
module_add() {
	local file dep
	grep -qxF "$1.ko" "$work/fs/lib/modules/order" && return 0
	file=$(find "$work/image/lib/modules" \( -name "$1.ko" -o -name "$1.ko.xz" -o -name "${1//_/-}.ko" \
		-o -name "${1//_/-}.ko.xz" \) -print -quit)
	[ -n "$file" ] || return 0
	case $file in
	*.xz) xz -dc "$file" >"$work/fs/lib/modules/$1.ko" ;;
	*) cp "$file" "$work/fs/lib/modules/$1.ko" ;;
	esac
	for dep in $(module_info "$work/fs/lib/modules/$1.ko" depends | tr ',' ' '); do
		module_add "${dep//-/_}"
	done
	echo "$1.ko" >>"$work/fs/lib/modules/order"
}

# The file server of the shared folder, where this machine has none.
add_virtiofsd() {
	dpkg-deb -x "$virtiofsd" "$work/virtiofsd"
	cp "$work/virtiofsd/usr/libexec/virtiofsd" "$work/store/"
}

make_kernel() {
	local busybox image name
	apt_open "$arch"
	image=$(apt_fetch "linux-image-$release" "$version")
	busybox=$(apt_fetch busybox-static "$(apt_newest busybox-static)")
	mkdir -p "$work/image" "$work/busybox" "$work/store" "$work"/fs/{bin,proc,sys,dev,run,guest,lib/modules}
	[ -x /usr/lib/qemu/virtiofsd ] || [ -x /usr/libexec/virtiofsd ] ||
		virtiofsd=$(apt_fetch virtiofsd "$(apt_newest virtiofsd)")
	apt_close
	dpkg-deb -x "$image" "$work/image"
	dpkg-deb -x "$busybox" "$work/busybox"
	find "$work/busybox" -path '*bin/busybox' -exec cp {} "$work/fs/bin/" \;
	: >"$work/fs/lib/modules/order"
	for name in $wanted; do
		module_add "$name"
	done
	cp "$here/guest/init" "$work/fs/"
	cp "$here/guest/session" "$work/fs/guest/"
	(cd "$work/fs" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 >"$work/store/base.cpio")
	cp "$work/image/boot/vmlinuz-$release" "$work/store/vmlinuz"
	cp "$work/fs/bin/busybox" "$work/store/"
	[ -x /usr/lib/qemu/virtiofsd ] || [ -x /usr/libexec/virtiofsd ] || add_virtiofsd
}

key=$(cat "$json" "$here/prepare.sh" "$here"/guest/* | sha256sum | cut -c1-16)
store=$cache/vm/kernel-$release-$key
if [ ! -d "$store" ]; then
	work=$(mktemp -d "$cache/vm/.kernel.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	make_kernel
	mv "$work/store" "$store"
fi

# --- the disk --------------------------------------------------------------------------------------------------

disk=$cache/vm/root-$(sha256sum <"$here/mkroot.sh" | cut -c1-16).ext4
if [ ! -s "$disk" ] || [ ${#refresh[@]} -gt 0 ]; then
	say "making the guest's disk (about a minute, once)"
	nice "$here/mkroot.sh" "$disk"
fi

ln -sfn "$store/vmlinuz" "$dir/vmlinuz"
ln -sfn "$store/busybox" "$dir/busybox"
ln -sfn "$store/base.cpio" "$dir/base.cpio"
ln -sfn "$disk" "$dir/root.ext4"
ln -sfn "$(basename "$module")" "$dir/lime.ko"
echo "$release" >"$dir/release"
echo "$dir"
