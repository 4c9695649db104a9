#!/bin/bash
# Runs a command of the object server's root, which sees the server's directory as /s3.
# usage: inroot.sh ROOT DIR COMMAND...
# The mounts are in a namespace that ends with the command: nothing is left mounted.
set -euo pipefail

export LC_ALL=C CEPH_CONF=/s3/ceph.conf PATH=/usr/sbin:/usr/bin:/sbin:/bin
unset CEPH_ARGS PYTHONPATH PYTHONHOME
# shellcheck disable=SC2016
exec unshare --mount --propagation private sh -euc '
	root=$1 dir=$2
	shift 2
	mount --bind "$dir" "$root/s3"
	mount -t proc proc "$root/proc"
	exec chroot "$root" "$@"' sh "$@"
