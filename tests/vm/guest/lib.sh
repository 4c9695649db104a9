# shellcheck shell=bash
# What the scripts in the guest share. All programs are busybox's, from memory: one that starts from the disk gets a
# new access time, and that would be a write to the disk.
mkdir -p /run/guest/bin
/run/guest/busybox --install -s /run/guest/bin
PATH=/run/guest/bin

# plant OPTIONS KIND...: mkstate with its output in /evidence/planted.ndjson; returns when everything is there.
plant() {
	mkfifo /run/guest/hold
	sleep 100000 >/run/guest/hold &
	./mkstate "$@" </run/guest/hold >/evidence/planted.ndjson 2>/evidence/planted.err &
	until grep -q '"ready"' /evidence/planted.ndjson; do
		kill -0 $! || return 1
		sleep 0.05
	done
	grep -q '"failed":false' /evidence/planted.ndjson
}

# truth: pid and name of each planted process, the name in hex, to /evidence/truth.
truth() {
	local pid
	sed 's/.*"pid":\([0-9]*\).*/\1/' /evidence/planted.ndjson | sort -un | while read -r pid; do
		echo "$pid $(od -An -v -tx1 "/proc/$pid/comm" | tr -d ' \n' | sed 's/0a$//')"
	done >/evidence/truth
}

# hide PID: an empty directory over its /proc/PID, as an intruder does it who has no rootkit.
hide() {
	mkdir -p /run/empty
	mount --bind /run/empty "/proc/$1"
}

# written: the bytes that have been written to the root disk since the start.
written() {
	local sectors
	sync
	read -r _ _ _ _ _ _ sectors _ </sys/block/vda/stat
	echo $((sectors * 512))
}

# settle: waits until the disk is quiet.
settle() {
	local now before=-1
	while now=$(written) && [ "$now" != "$before" ]; do
		before=$now
		sleep 0.3
	done
}
