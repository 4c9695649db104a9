#!/bin/bash
# Builds the LiME module for one kernel of Debian or Ubuntu from packages; nothing is installed.
# usage: build.sh --kernel RELEASE|SERIES --out DIR [--arch amd64|arm64] [--distro debian|ubuntu] [--lime DIR] [--refresh]
# Result: DIR/lime-ARCH-RELEASE.ko, and DIR/lime-ARCH-RELEASE.json which says what it is. The last line printed is the
# module's path. A module that the cache has costs no network; --refresh looks for newer packages first; --lime has
# other sources of LiME than Debian's newest.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=kmod/apt.sh
. "$here/apt.sh"
# shellcheck source=kmod/lime.sh
. "$here/lime.sh"

usage() { sed -n '3s/^# //p' "$0" >&2; exit 64; }

kernel='' out='' lime='' arch=$(dpkg --print-architecture) distro=debian refresh=''
while [ $# -gt 0 ]; do
	case $1 in
	--kernel | --out | --arch | --distro | --lime) [ $# -ge 2 ] || usage; declare "${1#--}=$2"; shift 2 ;;
	--refresh) refresh=yes; shift ;;
	*) usage ;;
	esac
done
if [ -z "$kernel" ] || [ -z "$out" ]; then
	usage
fi

case $distro in debian | ubuntu) ;; *) usage ;; esac
case $arch in
amd64) triple=x86_64-linux-gnu ;;
arm64) triple=aarch64-linux-gnu ;;
*) usage ;;
esac
cross=
[ "$arch" = "$(dpkg --print-architecture)" ] || cross=$triple-
strip=${cross}strip objcopy=${cross}objcopy

# --- which packages --------------------------------------------------------------------------------------------

resolved=$cache/kmod/resolved/$arch-${distro/debian/}$kernel

# Lines `release R`, `suite S` and `PACKAGE VERSION`. Written once, so that tomorrow's point release changes nothing by
# itself. LiME is Debian's, whose newest is the newest there is.
resolve() {
	local release=$kernel package version
	[[ $kernel == *-* ]] || release=$(apt_kernel "$kernel" "$arch")
	version=$([ -n "$release" ] && apt_newest "linux-headers-$release:$arch") ||
		{ say "no kernel $kernel for $arch in ${distro^}"; return 1; }
	echo "release $release"
	echo "suite $(apt_suite "linux-headers-$release:$arch" "$version")"
	echo "linux-headers-$release:$arch $version"
	for package in $(apt_run apt-cache show "linux-headers-$release:$arch=$version" | sed -n 's/^Depends: //p' |
		grep -oE 'linux-(kbuild|([a-z0-9.]+-)*headers)-[^ ,]+'); do
		echo "$package $(apt_newest "$package")"
	done
}

resolve_lime() {
	local version
	version=$(apt_newest lime-forensics-dkms) || { say "no LiME in Debian"; return 1; }
	lime_check "$version" && echo "lime-forensics-dkms $version"
}

resolve_all() {
	apt_open "$arch"
	resolve_lime >"$resolved.new" || { apt_refresh && resolve_lime >"$resolved.new"; } || return 1
	[ "$distro" = debian ] || apt_open "$arch" "$distro"
	[ -z "$refresh" ] || apt_refresh
	resolve >"$resolved.kernel" || { apt_refresh && resolve >"$resolved.kernel"; } || return 1
	cat "$resolved.kernel" >>"$resolved.new"
	rm "$resolved.kernel"
	mv "$resolved.new" "$resolved"
}

if ! grep -qs "^suite " "$resolved" || [ -n "$refresh" ]; then
	mkdir -p "$(dirname "$resolved")"
	resolve_all || { rm -f "$resolved.new" "$resolved.kernel"; exit 1; }
fi
release=$(sed -n 's/^release //p' "$resolved")
suite=$(sed -n 's/^suite //p' "$resolved")
headers_version=$(sed -n "s/^linux-headers-$release:$arch //p" "$resolved")
lime_version=$(sed -n 's/^lime-forensics-dkms //p' "$resolved")

# --- the module ------------------------------------------------------------------------------------------------

unpack_all() {
	local package version deb of=debian
	apt_open "$arch"
	mkdir -p "$work/root"
	while read -r package version; do
		case $package in release | suite) continue ;; esac
		if [ "$package" != lime-forensics-dkms ] && [ "$of" != "$distro" ]; then
			of=$distro
			apt_open "$arch" "$distro"
		fi
		deb=$(apt_fetch "$package" "$version") || return 1
		dpkg-deb -x "$deb" "$work/root"
	done <"$resolved"
}

# The compiler of the kernel itself, as its configuration has it: 130200 is gcc-13.
compiler_name() {
	sed -n 's/^CONFIG_GCC_VERSION=\([0-9]*\)[0-9]\{4\}$/gcc-\1/p' "$1/include/config/auto.conf" | head -n 1
}

# here_by WANTED: this machine's compiler that will do: the same, or a later one. An earlier one lacks options.
here_by() {
	local cc=$cross$1
	command -v "$cc" >/dev/null && { echo "$cc"; return 0; }
	cc=${cross}gcc
	command -v "$cc" >/dev/null && [ "$("$cc" -dumpversion | cut -d. -f1)" -gt "${1#gcc-}" ] && echo "$cc"
}

# Here, with this machine's compiler.
build_here() {
	lime_compile "$1" "$work" CC="$2" CROSS_COMPILE="$cross" || return 1
	"$2" --version | head -n 1 >"$work/compiler"
}

# In a root of the kernel's own release, with its compiler and the C library that its build tools need.
build_in_root() {
	local wanted=$2 root cc
	root=$("$here/root.sh" "$distro" "$suite" "$wanted" ${cross:+"$wanted-${triple/_/-}"}) || return 1
	cc=$cross$wanted
	# shellcheck disable=SC2016
	unshare --mount --propagation private bash -euc '
		mount --bind "$2" "$1/work"
		mount -t proc proc "$1/proc"
		mount --bind /dev/null "$1/dev/null" 2>/dev/null || mount --bind /dev "$1/dev"
		exec chroot "$1" /bin/bash -euc "
			export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C TMPDIR=/tmp
			say() { echo \"\$*\" >&2; }
			strip=$5
			. /work/lime.sh
			lime_compile \"\${0}\" /work CC=\"\$1\" CROSS_COMPILE=\"\$2\"
			\"\$1\" --version | head -n 1 >/work/compiler" "$3" "$4" "$6"' \
		sh "$root" "$work" "${1/#$work//work}" "$cc" "$strip" "$cross"
}

# fixdep says how it is used where it runs at all.
runs_here() { [[ $("$1/scripts/basic/fixdep" 2>&1 || true) == Usage* ]]; }

build() {
	local headers=$work/root/usr/src/linux-headers-$release place=$work wanted cc
	[ -n "$lime" ] || lime=$(compgen -G "$work/root/usr/src/lime-forensics-*")
	cp -r "$lime" "$work/src"
	lime_check "$(lime_version "$work/src")" || return 1
	cp "$here/lime.sh" "$work/"
	wanted=$(compiler_name "$headers")
	wanted=${wanted:-gcc-0}
	runs_here "$headers" && cc=$(here_by "$wanted") || place=/work
	# The absolute paths in Debian's packages.
	sed -i -E "s,^(include |KBUILD_OUTPUT=)/usr/src/,\1$place/root/usr/src/," "$headers/Makefile"
	if [ "$place" = /work ]; then
		build_in_root "$headers" "$wanted"
	else
		build_here "$headers" "$cc"
	fi
}

name=lime-$arch-$release
[ -z "$lime" ] || lime_version=$(lime_version "$lime")
key=$(cat "$resolved" "$here/build.sh" "$here/lime.sh" ${lime:+"$lime"/*} | sha256sum | cut -c1-16)
store=$cache/kmod/built/$name-$key
if [ ! -s "$store/$name.json" ]; then
	work=$(mktemp -d "$cache/kmod/.build.XXXXXX")
	trap 'rm -rf --one-file-system "$work"' EXIT
	if ! unpack_all; then
		# The mirror has dropped what was resolved: it has something newer.
		say "looking for newer packages"
		rm "$resolved"
		apt_close
		rm -rf "$work"
		[ -z "$refresh" ] || exit 1
		exec "$0" --kernel "$kernel" --out "$out" --arch "$arch" --distro "$distro" ${lime:+--lime "$lime"} --refresh
	fi
	apt_close
	build
	mkdir "$work/store"
	lime_describe "$work/lime.ko" "$name.ko" "$arch" "$lime_version" "linux-headers-$release $headers_version" \
		"$(cat "$work/compiler")" >"$work/store/$name.json"
	grep -qF "\"release\": \"$release\"" "$work/store/$name.json" ||
		{ say "the module is not for $release: $(lime_info "$work/lime.ko" vermagic)"; exit 1; }
	mv "$work/lime.ko" "$work/store/$name.ko"
	mkdir -p "$cache/kmod/built"
	rm -rf "$store"
	mv "$work/store" "$store"
fi

mkdir -p "$out"
cp "$store/$name.ko" "$store/$name.json" "$out/"
echo "$out/$name.ko"
