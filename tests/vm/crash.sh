#!/bin/bash
# Opens an image in crash, the kernel developers' own tool, which finds everything by itself: banner, processes, modules, log.
# usage: crash.sh VM OPENED SHARE MARKER   VM is prepare.sh's folder, OPENED has memory.elf, SHARE truth and modules
# The newest crash and the kernel's vmlinux with debug symbols come from Debian's packages, once, into the cache.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=kmod/apt.sh
. "$here/../../kmod/apt.sh"

[ $# -eq 4 ] || { sed -n '3s/^# //p' "$0" >&2; exit 64; }
release=$(cat "$1/release") image=$2/memory.elf share=$3 marker=$4
vmlinux=$cache/vm/vmlinux-$release
root=$cache/vm/crash
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Unpacked and not installed; it runs with the C library that it came with.
get_crash() {
	apt_open "$(dpkg --print-architecture)"
	rm -rf "$root.new"
	env -u APT_CONFIG mmdebstrap --quiet --mode=root --variant=extract --include=crash --format=directory \
		--aptopt='Acquire::Check-Valid-Until "false"' "$apt_testing" "$root.new" "$apt_dir/sources.d/$apt_testing.sources" \
		>"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }
	apt_close
	mv "$root.new" "$root"
}

get_vmlinux() {
	local deb name
	apt_open "$(dpkg --print-architecture)"
	deb=$(apt_fetch "linux-image-$release-dbg" "$(apt_newest "linux-image-$release-dbg")")
	apt_close
	# A file at one of two places, the other is a link to it. tar leaves when it has it, which dpkg-deb calls an error.
	for name in boot/vmlinux-"$release" lib/modules/"$release"/vmlinux; do
		dpkg-deb --fsys-tarfile "$deb" 2>/dev/null | tar -xO --occurrence=1 "./usr/lib/debug/$name" >"$vmlinux.new" 2>/dev/null || true
		[ ! -s "$vmlinux.new" ] || break
	done
	[ -s "$vmlinux.new" ] || { say "no vmlinux in $deb"; return 1; }
	rm "$deb"
	mv "$vmlinux.new" "$vmlinux"
}

[ -x "$root/usr/bin/crash" ] || get_crash
[ -s "$vmlinux" ] || get_vmlinux

printf '%s\n' sys mod ps log quit >"$work/commands"
lib=$root/usr/lib/x86_64-linux-gnu
run_crash() {
	status=0
	timeout 300 "$lib/ld-linux-x86-64.so.2" --library-path "$lib" "$root/usr/bin/crash" -s --no_kmem_cache "$@" -i "$work/commands" \
		"$vmlinux" "$image" >"$work/out" 2>"$work/err" </dev/null || status=$?
}
mapfile -t modules <"$share/modules"
run_crash
# A kernel newer than crash: everything else it can.
if grep -q 'invalid structure member offset: module_' "$work/err"; then
	echo "this crash does not know this kernel's struct module"
	modules=()
	run_crash --no_modules
fi
missing=0
must() {
	grep -qaE -- "$1" "$work/out" || { echo "crash does not show: $1"; missing=1; }
}
must "RELEASE: ${release//+/\\+}\$"
for name in "${modules[@]}"; do
	must "^ *[0-9a-f]{16} +$name "
done
while read -r pid name; do
	# Up to what a terminal would obey.
	name=$(xxd -r -p <<<"$name" | sed '1!d; s/[^[:alnum:]_/:].*//')
	must " $pid +[0-9]+ .*$name"
done <"$share/truth"
must "$marker is in the log"
if [ "$missing" -ne 0 ] || [ "$status" -ne 0 ]; then
	tail -n 60 "$work/out" "$work/err"
	exit 1
fi
sed -n '/RELEASE/p' "$work/out"
