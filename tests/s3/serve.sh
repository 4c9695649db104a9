#!/bin/bash
# The object server itself: a Ceph monitor, one OSD that stores in memory, and the S3 gateway. up.sh starts it.
# usage: serve.sh ROOT DIR
# It is the first process of a PID namespace: when it ends, or one of its daemons does, all of them are gone.
set -euo pipefail

root=$1 dir=$2
here=$(cd "$(dirname "$0")" && pwd)

run() { "$here/inroot.sh" "$root" "$dir" "$@"; }

# Held by everything that runs here: who can take it knows that the server is gone.
exec 8>"$dir/lock"
flock 8
rm -rf "$dir/mon" "$dir/osd" "$dir/run"
mkdir "$dir/mon" "$dir/osd" "$dir/run"

monitor=$(sed -n 's/^mon_host = //p' "$dir/ceph.conf")
fsid=$(sed -n 's/^fsid = //p' "$dir/ceph.conf")
run monmaptool --create --clobber --fsid "$fsid" --addv a "$monitor" /s3/monmap
run ceph-mon --mkfs -i a --monmap /s3/monmap
run ceph-mon -f -i a &
uuid=$(cat /proc/sys/kernel/random/uuid)
run ceph --connect-timeout 30 osd new "$uuid" 0
run ceph-osd -i 0 --mkfs --osd-uuid "$uuid"
run ceph-osd -f -i 0 &
run radosgw -f -n client.rgw &
wait -n
echo "serve.sh: a daemon has ended"
exit 1
