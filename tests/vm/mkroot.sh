#!/bin/bash
# Makes the guest's disk: a small Debian, with logs that have something to lose, as an ext4 image.
# usage: mkroot.sh OUT.ext4      (root only; the packages come from Debian's mirror, nothing of the host gets in)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=kmod/apt.sh
. "$here/../../kmod/apt.sh"

[ $# -eq 1 ] || { echo "usage: mkroot.sh OUT.ext4" >&2; exit 64; }
[ "$(id -u)" -eq 0 ] || { say "only root can make a root file system"; exit 1; }
out=$1

apt_open "$(dpkg --print-architecture)"
work=$(mktemp -d "$(dirname "$out")/.root.XXXXXX")
root=$work/root
# Never into something that is mounted below: /proc/kcore has no end.
trap 'rm -rf --one-file-system "$work"' EXIT

bootstrap() {
	mapfile -t sources < <(compgen -G "$apt_dir/sources.d/bookworm*.sources")
	env -u APT_CONFIG mmdebstrap --quiet --mode=root --variant=essential --include=systemd --format=directory \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --aptopt='Acquire::Check-Valid-Until "false"' \
		bookworm "$root" "${sources[@]}" >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }
	echo guest >"$root/etc/hostname"
	printf '127.0.0.1 localhost\n127.0.1.1 guest\n' >"$root/etc/hosts"
	echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
	: >"$root/etc/resolv.conf"
}

# at DATE OWNER:GROUP MODE FILE: the file's last touch.
at() {
	chown -h "$2" "$4"
	chmod "$3" "$4"
	touch -h -d "$1" "$4"
}

# What a machine that was broken into may have in /var/log: odd owners and times, names that are no text, and things
# that a careless copy would follow or wait for.
logs() {
	local log=$root/var/log name
	mkdir -p "$log/nginx" "$log/app"
	for i in $(seq 400); do
		printf 'Nov 20 03:%02d:%02d guest sshd[%d]: Failed password for root from 198.51.100.%d port 4%04d ssh2\n' \
			$((i / 60 % 60)) $((i % 60)) $((900 + i)) $((i % 250)) $((i * 7 % 9999))
	done >"$log/auth.log"
	echo 'Nov 20 03:07:01 guest sshd[1301]: Accepted password for root from 198.51.100.7 port 40999 ssh2' >>"$log/auth.log"
	at '2026-11-20 03:07:01.250000000 UTC' 0:4 0640 "$log/auth.log"
	seq -f 'Nov 19 10:00:00 guest app[77]: request %06g' 20000 >"$log/app/app.log"
	at '2026-11-19 10:00:00 UTC' 1234:5678 0600 "$log/app/app.log"
	printf '198.51.100.7 - - "GET /../../etc/passwd" 404\n\033[31mred\033[0m \377\376\n' >"$log/nginx/access.log"
	at '1999-12-31 23:59:59 UTC' 33:4 0644 "$log/nginx/access.log"
	gzip -9nc "$log/auth.log" >"$log/auth.log.1.gz"
	at '2026-11-13 00:00:00 UTC' 0:4 0640 "$log/auth.log.1.gz"
	head -c 3840 /dev/zero >"$log/wtmp"
	at '2026-11-20 03:07:01 UTC' 0:43 0664 "$log/wtmp"
	truncate -s 12M "$log/lastlog"
	at '2026-11-20 03:07:01 UTC' 0:43 0664 "$log/lastlog"
	: >"$log/app/empty.log"
	name=$(printf 'line\nbreak \377.log')
	echo odd >"$log/app/$name"
	ln -s /etc/shadow "$log/app/link.log"
	mkfifo -m 0600 "$log/app/fifo"
	ln "$log/app/app.log" "$log/app/hard.log"
	at '2026-11-20 04:00:00 UTC' 0:0 0755 "$log/app"
}

# journald itself writes the journal, in namespaces of its own. Its kernel log is an empty one, not this machine's.
journal() {
	local ok=yes
	mkdir -p "$root/var/log/journal"
	# shellcheck disable=SC2016
	unshare --mount --pid --uts --fork --kill-child bash -euc '
		cd "$1"
		hostname guest
		mount -t proc proc proc
		mount --rbind /dev dev
		mount --bind /dev/null dev/kmsg
		mount -t sysfs sys sys
		mount -t cgroup2 cgroup sys/fs/cgroup || mount --rbind /sys/fs/cgroup sys/fs/cgroup
		mount -t tmpfs run run
		mkdir -p run/systemd/journal
		: >run/systemd/journal/flushed
		exec timeout 20 chroot . bash -euc "
			/lib/systemd/systemd-journald &
			until [ -S /run/systemd/journal/stdout ]; do kill -0 \$!; done
			for i in \$(seq 40); do
				echo \"Accepted password for root from 198.51.100.7 port 4\$i ssh2\"
			done | systemd-cat -t sshd
			journalctl --sync
			kill \$!
			wait \$! || true"
	' bash "$root" >"$work/log" 2>&1 || ok=
	if [ -z "$ok" ] || ! compgen -G "$root/var/log/journal/*/system.journal" >/dev/null; then
		cat "$work/log" >&2
		say "no journal in the guest: systemd-journald does not run here"
	fi
}

bootstrap
logs
journal
mkdir -p "$root/evidence"
# Everything is laid out now: a kernel that initialises tables later would write to the disk during the measurement.
mke2fs -q -t ext4 -b 4096 -d "$root" -F -E lazy_itable_init=0,lazy_journal_init=0 "$work/root.ext4" 400M
mv "$work/root.ext4" "$out"
