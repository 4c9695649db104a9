#!/bin/bash
# Builds the LiME module in a kernel's build tree, on the system that the kernel is for: Amazon Linux, RHEL, any other.
# usage: tree.sh --lime DIR --out DIR [--tree DIR] [--release RELEASE] [--lime-version VERSION]
#   --lime    LiME's sources, 1.12 or newer; --lime-version where they do not say which they are
#   --tree    the build tree, by default /lib/modules/RELEASE/build, and RELEASE is by default the kernel that runs
# Needs make, binutils and the compiler of that system, and nothing of this project but this folder's lime.sh. Writes
# lime-ARCH-RELEASE.ko and its .json, which store.sh --add takes.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
say() { echo "${0##*/}: $*" >&2; }
# shellcheck source=kmod/lime.sh
. "$here/lime.sh"

usage() { sed -n '3s/^# //p' "$0" >&2; exit 64; }

lime='' out='' tree='' release='' version=''
while [ $# -gt 0 ]; do
	case $1 in
	--lime | --out | --tree | --release) [ $# -ge 2 ] || usage; declare "${1#--}=$2"; shift 2 ;;
	--lime-version) [ $# -ge 2 ] || usage; version=$2; shift 2 ;;
	*) usage ;;
	esac
done
if [ -z "$lime" ] || [ -z "$out" ]; then
	usage
fi
tree=${tree:-/lib/modules/${release:-$(uname -r)}/build}
[ -e "$tree/Makefile" ] || { say "$tree is no build tree: install the kernel's headers (kernel-devel)"; exit 1; }
version=${version:-$(lime_version "$lime")}
lime_check "$version"

# The package that the tree came with, where one of the package managers knows.
package() {
	rpm -qf --qf '%{NAME} %{VERSION}-%{RELEASE}' "$1" 2>/dev/null && return 0
	dpkg-query -S "$1" 2>/dev/null | sed 's/:.*//; q'
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$lime" "$work/src"
# A kernel that was built by another compiler than the system's names it in its configuration.
cc=$(sed -n 's/^CONFIG_GCC_VERSION=\([0-9]*\)[0-9]\{4\}$/gcc-\1/p' "$tree/include/config/auto.conf" | head -n 1)
command -v "${cc:-gcc-0}" >/dev/null || cc="gcc$(sed -n 's/^CONFIG_GCC_VERSION=\([0-9]*\)[0-9]\{4\}$/\1/p' "$tree/include/config/auto.conf")-gcc"
command -v "$cc" >/dev/null || cc=gcc
lime_compile "$(realpath "$tree")" "$work" CC="$cc"
built=$(lime_info "$work/lime.ko" vermagic | cut -d' ' -f1)
[ -z "$release" ] || [ "$built" = "$release" ] || { say "the module is for $built, not for $release"; exit 1; }
case $(LC_ALL=C readelf -h "$work/lime.ko" | sed -n 's/^ *Machine: *//p') in
*X86-64*) arch=amd64 ;;
*AArch64*) arch=arm64 ;;
*) say "the tree is of an architecture that evac does not know"; exit 1 ;;
esac
mkdir -p "$out"
name=lime-$arch-$built
lime_describe "$work/lime.ko" "$name.ko" "$arch" "$version" "$(package "$(realpath "$tree")/Makefile" || echo unknown)" \
	"$("$cc" --version | head -n 1)" >"$out/$name.json"
cp "$work/lime.ko" "$out/$name.ko"
echo "$out/$name.ko"
