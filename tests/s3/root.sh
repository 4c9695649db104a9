#!/bin/bash
# Makes the root directory that the test object server runs in: Ceph's monitor, OSD and S3 gateway, beside the system.
# usage: root.sh [SUITE...]
# Prints the root's path. The first suite that can be had is taken; by default Debian's newest, the stable one, and
# whatever this machine runs. Kept in the cache. No maintainer script runs and nothing outside the cache changes.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${EVAC_CACHE:-/var/cache/evac}
key=$(sha256sum "$here/root.sh" | cut -c1-12)-$(dpkg --print-architecture)

say() { echo "root.sh: $*" >&2; }

own_suite() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

# Where this machine gets its packages from; its own suite's source first. apt reads its own configuration.
mirrors() {
	apt-get update --print-uris 2>/dev/null |
		sed -n "s|^'\(.*\)/dists/\([^/ ]*\)/\(In\)\?Release'.*|\2 \1|p" |
		awk -v own="$(own_suite)" '$1 == own { first[$2] } { all[$2] }
			END { for (m in first) print m; for (m in all) if (!(m in first)) print m }'
}

# How this machine's apt reaches the network (a proxy, say), and what it thinks of old snapshots.
apt_options() {
	apt-config dump 2>/dev/null | grep -iE '^Acquire::(https?::|Check-Valid-Until|Check-Date)' |
		sed 's/^/--aptopt=/' || true
}

# unpack SUITE MIRROR DIR: signatures are checked; the newest suite is no release, so its index may be out of date.
unpack() {
	local options
	mapfile -t options < <(apt_options)
	mmdebstrap --quiet --mode=root --variant=extract "${options[@]}" \
		--aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Apt::Install-Recommends "false"' \
		--include=radosgw,ceph-mon,ceph-osd "$1" "$3" "$2"
}

# Nothing ran in it, so what the packages' scripts would have made is made here; what no test needs goes.
finish() {
	local link
	for link in bin sbin lib lib64; do
		[ -e "$1/$link" ] || ln -s "usr/$link" "$1/$link"
	done
	mkdir -p "$1/proc" "$1/run" "$1/tmp" "$1/s3"
	rm -rf "$1"/usr/share/{doc,man,locale,info} "$1"/usr/bin/{radosgw-es,cephfs-*,ceph-monstore-tool,ceph-osdomap-tool} \
		"$1"/var/{cache,lib}/apt
	LC_ALL=C chroot "$1" /usr/bin/radosgw --version >"$1/version"
}

# make SUITE: the finished root appears in the cache at once.
make_root() {
	local mirror new=$cache/.s3root-$1.$$
	for mirror in $(mirrors); do
		rm -rf "$new"
		if unpack "$1" "$mirror" "$new" >"$log" 2>&1 && finish "$new" >>"$log" 2>&1; then
			mv -T "$new" "$cache/s3root-$1-$key"
			return 0
		fi
	done
	rm -rf "$new"
	return 1
}

[ "$(id -u)" -eq 0 ] || { say "this needs root"; exit 1; }
command -v mmdebstrap >/dev/null || { say "no mmdebstrap: run packaging/deps/packages.sh s3"; exit 1; }
[ $# -gt 0 ] || set -- forky trixie "$(own_suite)"

mkdir -p "$cache"
exec 9>"$cache/.s3root.lock"
flock 9
log=$(mktemp)
trap 'rm -rf "$log" "$cache"/.s3root-*."$$"' EXIT
for suite; do
	root=$cache/s3root-$suite-$key
	if [ -e "$root/version" ] || make_root "$suite"; then
		echo "$root"
		exit 0
	fi
	say "no Ceph from $suite: $(grep -E '^E: ' "$log" | tail -n 1)"
done
tail -n 20 "$log" >&2
exit 1
