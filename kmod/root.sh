#!/bin/bash
# Makes a root directory with the compilers of one release, for kernels whose build tools do not run on this machine.
# usage: root.sh DISTRO SUITE COMPILER...     such as: root.sh debian trixie gcc-14 gcc-14-aarch64-linux-gnu
# Prints the root's path. Kept in the cache. Only root can make one; nothing outside the cache changes.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=kmod/apt.sh
. "$here/apt.sh"

[ $# -ge 3 ] || { echo "usage: root.sh DISTRO SUITE COMPILER..." >&2; exit 64; }
[ "$(id -u)" -eq 0 ] || { say "only root can make a root directory for $2's compilers"; exit 1; }
distro=$1 suite=$2
shift 2
root=$cache/kmod/root-$distro-$suite-$(echo "$*" "$(cat "$here/root.sh")" | sha256sum | cut -c1-12)
if [ ! -e "$root/ready" ]; then
	packages=make,perl-base,$(IFS=,; echo "$*")
	# objtool's libraries; they changed their names once.
	case $suite in
	bookworm | jammy) packages+=,libelf1,libssl3 ;;
	*) packages+=,libelf1t64,libssl3t64 ;;
	esac
	apt_open "$(dpkg --print-architecture)" "$distro"
	work=$(mktemp -d "$cache/kmod/.root.XXXXXX")
	trap 'rm -rf --one-file-system "$work"' EXIT
	mapfile -t sources < <(compgen -G "$apt_dir/sources.d/$suite*.sources")
	say "making a root with the compilers of $distro $suite (a minute, once)"
	env -u APT_CONFIG mmdebstrap --quiet --mode=root --variant=essential --include="$packages" --format=directory \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --aptopt='Acquire::Check-Valid-Until "false"' \
		--aptopt='Apt::Install-Recommends "false"' \
		"$suite" "$work/root" "${sources[@]}" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
	mkdir -p "$work/root/work"
	: >"$work/root/ready"
	[ -e "$root" ] || mv -T "$work/root" "$root"
fi
echo "$root"
