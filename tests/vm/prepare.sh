#!/bin/bash
# Makes what a test guest boots from, out of Debian's packages: build/vm/KERNEL/{vmlinuz,base.cpio,root.ext4,lime.ko}.
# usage: prepare.sh [KERNEL] [--arch amd64|arm64] [--refresh]
# KERNEL is a series of Debian's cloud kernels (6.1, the default, or 6.12), one release, or `newest`: the newest cloud
# kernel of any suite, for which there is no lime.ko. A guest of the other architecture has no root.ext4. Made once and
# kept in the cache; --refresh looks for newer packages first. Prints the directory.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=kmod/apt.sh
. "$top/kmod/apt.sh"

usage() { sed -n '3s/^# //p' "$0" >&2; exit 64; }

host=$(dpkg --print-architecture)
kernel=6.1 arch=$host refresh=()
while [ $# -gt 0 ]; do
	case $1 in
	--refresh) refresh=(--refresh) ;;
	--arch) [ $# -ge 2 ] || usage; arch=$2; shift ;;
	-*) usage ;;
	*) kernel=$1 ;;
	esac
	shift
done
[ "$host" = amd64 ] || { say "test guests run on amd64 only"; exit 1; }
[ "$arch" = amd64 ] || [ "$arch" = arm64 ] || usage

# Drivers of the guest, and the socket monitors that a usual host would load by itself when they are asked for.
wanted="virtio_pci virtio_blk virtio_net virtio_console virtio_mem fuse virtiofs ext4 dummy
	inet_diag tcp_diag udp_diag raw_diag unix_diag packet_diag af_packet_diag netlink_diag"

dir=$top/build/vm/$kernel
[ "$arch" = "$host" ] || dir=$dir-$arch
mkdir -p "$dir" "$cache/vm"
exec 7>"$cache/vm/lock"
flock 7

# newest: `RELEASE VERSION`, kept so that tomorrow's upload changes nothing by itself.
find_newest() {
	local file=$cache/vm/newest-$arch found
	if [ ! -s "$file" ] || [ ${#refresh[@]} -gt 0 ]; then
		apt_open "$arch"
		[ ${#refresh[@]} -eq 0 ] || apt_refresh
		found=$(apt_run apt-cache pkgnames linux-image- | sed -n "s/^linux-image-\([0-9].*-cloud-$arch\)$/\1/p" |
			sort -V | tail -n 1)
		version=$(apt_newest "linux-image-$found:$arch") || { say "no cloud kernel for $arch"; exit 1; }
		apt_close
		echo "$found $version" >"$file"
	fi
	read -r release version <"$file"
}

module=
if [ "$kernel" = newest ]; then
	find_newest
else
	module=$("$top/kmod/build.sh" --kernel "$kernel" --arch "$arch" --out "$dir" "${refresh[@]}" | tail -n 1)
	release=$(sed -n 's/.*"release": "\(.*\)",/\1/p' "${module%.ko}.json")
	version=$(sed -n 's/.*"kernel_package": "[^ ]* \(.*\)",/\1/p' "${module%.ko}.json")
fi

# --- the kernel and its first file system ----------------------------------------------------------------------

# module_info FILE KEY: from the .modinfo section.
module_info() { tr '\0' '\n' <"$1" | sed -n "s/^$2=//p"; }

# module_add NAME: copies a module after those it needs; one that is built into the kernel is not there.
module_add() {
	local file dep
	grep -qxF "$1.ko" "$work/fs/lib/modules/order" && return 0
	file=$(find "$work/image" \( -name "$1.ko" -o -name "$1.ko.xz" -o -name "${1//_/-}.ko" \
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

# The kernel's packages: one, or since Debian 14 the binary and the modules each in its own.
unpack_kernel() {
	local package deb
	for package in linux-image linux-binary linux-modules; do
		[ "$package" = linux-image ] || apt_newest "$package-$release:$arch" >/dev/null || continue
		deb=$(apt_fetch "$package-$release:$arch" "$version") || return 1
		dpkg-deb -x "$deb" "$work/image"
	done
	vmlinuz=$(find "$work/image" -name "vmlinuz*" -type f -print -quit)
	[ -n "$vmlinuz" ] || { say "no vmlinuz in linux-image-$release"; return 1; }
}

make_kernel() {
	local busybox name vmlinuz
	mkdir -p "$work/image" "$work/busybox" "$work/store" "$work"/fs/{bin,proc,sys,dev,run,tmp,evidence,guest,lib/modules}
	apt_open "$arch"
	unpack_kernel
	busybox=$(apt_fetch "busybox-static:$arch" "$(apt_newest "busybox-static:$arch")")
	[ -x /usr/lib/qemu/virtiofsd ] || [ -x /usr/libexec/virtiofsd ] ||
		virtiofsd=$(apt_fetch virtiofsd "$(apt_newest virtiofsd)")
	apt_close
	dpkg-deb -x "$busybox" "$work/busybox"
	find "$work/busybox" -path '*bin/busybox' -exec cp {} "$work/fs/bin/" \;
	: >"$work/fs/lib/modules/order"
	for name in $wanted; do
		module_add "$name"
	done
	cp "$here/guest/init" "$work/fs/"
	cp "$here/guest/session" "$work/fs/guest/"
	(cd "$work/fs" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 >"$work/store/base.cpio")
	cp "$vmlinuz" "$work/store/vmlinuz"
	cp "$work/fs/bin/busybox" "$work/store/"
	[ -x /usr/lib/qemu/virtiofsd ] || [ -x /usr/libexec/virtiofsd ] || add_virtiofsd
}

key=$(cat "$here/prepare.sh" "$here"/guest/* - <<<"$release $version" | sha256sum | cut -c1-16)
store=$cache/vm/kernel-$release-$key
if [ ! -d "$store" ]; then
	work=$(mktemp -d "$cache/vm/.kernel.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	make_kernel
	mv "$work/store" "$store"
fi

# --- the disk --------------------------------------------------------------------------------------------------

if [ "$arch" = "$host" ]; then
	disk=$cache/vm/root-$(sha256sum <"$here/mkroot.sh" | cut -c1-16).ext4
	if [ ! -s "$disk" ] || [ ${#refresh[@]} -gt 0 ]; then
		say "making the guest's disk (about a minute, once)"
		nice "$here/mkroot.sh" "$disk"
	fi
	ln -sfn "$disk" "$dir/root.ext4"
fi

ln -sfn "$store/vmlinuz" "$dir/vmlinuz"
ln -sfn "$store/busybox" "$dir/busybox"
ln -sfn "$store/base.cpio" "$dir/base.cpio"
[ -z "$module" ] || ln -sfn "$(basename "$module")" "$dir/lime.ko"
echo "$release" >"$dir/release"
echo "$dir"
