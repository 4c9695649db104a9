#!/bin/bash
# Builds the LiME module for one Debian kernel from Debian's packages; nothing is installed.
# usage: build.sh --kernel RELEASE|SERIES --out DIR [--arch amd64|arm64] [--refresh]
# Result: DIR/lime-ARCH-RELEASE.ko, and DIR/lime-ARCH-RELEASE.json which says what it is. The last line printed is the
# module's path. A module that the cache has costs no network; --refresh looks for newer packages first.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=kmod/apt.sh
. "$here/apt.sh"

usage() { sed -n '3s/^# //p' "$0" >&2; exit 64; }

kernel='' out='' arch=$(dpkg --print-architecture) refresh=''
while [ $# -gt 0 ]; do
	case $1 in
	--kernel | --out | --arch) [ $# -ge 2 ] || usage; declare "${1#--}=$2"; shift 2 ;;
	--refresh) refresh=yes; shift ;;
	*) usage ;;
	esac
done
if [ -z "$kernel" ] || [ -z "$out" ]; then
	usage
fi

case $arch in
amd64) triple=x86_64-linux-gnu ;;
arm64) triple=aarch64-linux-gnu ;;
*) usage ;;
esac
cross=
[ "$arch" = "$(dpkg --print-architecture)" ] || cross=$triple-

apt_open "$arch"
[ -z "$refresh" ] || apt_refresh

# --- which packages --------------------------------------------------------------------------------------------

resolved=$cache/kmod/resolved/$arch-$kernel

# Lines `RELEASE r` and `PACKAGE VERSION`. Written once, so that tomorrow's point release changes nothing by itself.
resolve() {
	local release=$kernel package version
	[[ $kernel == *-* ]] || release=$(apt_kernel "$kernel" "$arch")
	version=$([ -n "$release" ] && apt_newest "linux-headers-$release:$arch") ||
		{ say "no kernel $kernel for $arch in Debian"; return 1; }
	echo "release $release"
	echo "linux-headers-$release:$arch $version"
	for package in $(apt_run apt-cache show "linux-headers-$release:$arch=$version" | sed -n 's/^Depends: //p' |
		grep -oE 'linux-(kbuild|headers)-[^ ,]+'); do
		echo "$package $(apt_newest "$package")"
	done
	echo "lime-forensics-dkms $(apt_newest lime-forensics-dkms)"
}

if [ ! -s "$resolved" ] || [ -n "$refresh" ]; then
	mkdir -p "$(dirname "$resolved")"
	resolve >"$resolved.new" || { apt_refresh && resolve >"$resolved.new"; } || { rm -f "$resolved.new"; exit 1; }
	mv "$resolved.new" "$resolved"
fi
release=$(sed -n 's/^release //p' "$resolved")
headers_version=$(sed -n "s/^linux-headers-$release:$arch //p" "$resolved")
lime_version=$(sed -n 's/^lime-forensics-dkms //p' "$resolved")

# The kernel's own compiler where this machine has it.
compiler() {
	local wanted
	wanted=$cross$(grep -oE 'gcc-[0-9]+' "$1/.kernelvariables" | head -n 1)
	command -v "$wanted" >/dev/null && echo "$wanted" || echo "${cross}gcc"
}

# --- the module ------------------------------------------------------------------------------------------------

unpack_all() {
	local package version deb
	mkdir -p "$work/root"
	while read -r package version; do
		[ "$package" != release ] || continue
		deb=$(apt_fetch "$package" "$version") || return 1
		dpkg-deb -x "$deb" "$work/root"
	done <"$resolved"
}

build() {
	local headers=$work/root/usr/src/linux-headers-$release cc
	# The one absolute path in the packages.
	sed -i "s|include /usr/src/|include $work/root/usr/src/|" "$headers/Makefile"
	cc=$(compiler "$headers")
	if [[ $("$headers/scripts/basic/fixdep" 2>&1 || true) != Usage* ]]; then
		say "the build tools of $release do not run here: they are made for a newer Debian"
		return 1
	fi
	cp -r "$work"/root/usr/src/lime-forensics-* "$work/src"
	# CONFIG_DEBUG_INFO_BTF_MODULES would need the kernel image and pahole; the module works without.
	nice make -s -C "$headers" M="$work/src" CC="$cc" CROSS_COMPILE="$cross" CONFIG_DEBUG_INFO_BTF_MODULES= \
		KCFLAGS="-ffile-prefix-map=$work=." modules >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }
	"${cross}strip" --strip-unneeded -o "$work/lime.ko" "$work/src/lime.ko"
	"$cc" --version | head -n 1 >"$work/compiler"
}

# modinfo without kmod: NUL-separated `key=value` of the module's .modinfo section.
modinfo() {
	"${cross}objcopy" -O binary --only-section=.modinfo "$1" "$work/modinfo"
	tr '\0' '\n' <"$work/modinfo" | sed -n "s/^$2=//p"
}

describe() {
	cat <<-JSON
	{
	  "file": "$name.ko",
	  "module": "lime",
	  "arch": "$arch",
	  "release": "$release",
	  "vermagic": "$(modinfo "$1" vermagic)",
	  "licence": "$(modinfo "$1" license)",
	  "size": $(stat -c %s "$1"),
	  "sha256": "$(sha256sum <"$1" | cut -d' ' -f1)",
	  "lime": "$lime_version",
	  "kernel_package": "linux-headers-$release $headers_version",
	  "compiler": "$(cat "$work/compiler")"
	}
	JSON
}

name=lime-$arch-$release
key=$(cat "$resolved" "$here/build.sh" | sha256sum | cut -c1-16)
store=$cache/kmod/built/$name-$key
if [ ! -s "$store/$name.json" ]; then
	work=$(mktemp -d "$cache/kmod/.build.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	if ! unpack_all; then
		# The mirror has dropped what was resolved: it has something newer.
		say "looking for newer packages"
		rm "$resolved"
		apt_close
		rm -rf "$work"
		[ -z "$refresh" ] || exit 1
		exec "$0" --kernel "$kernel" --out "$out" --arch "$arch" --refresh
	fi
	build
	mkdir "$work/store"
	mv "$work/lime.ko" "$work/store/$name.ko"
	describe "$work/store/$name.ko" >"$work/store/$name.json"
	mkdir -p "$cache/kmod/built"
	rm -rf "$store"
	mv "$work/store" "$store"
fi

mkdir -p "$out"
cp "$store/$name.ko" "$store/$name.json" "$out/"
echo "$out/$name.ko"
