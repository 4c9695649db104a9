#!/usr/bin/env bash
# Goal: a full vault or spool, a hanging read, a lack of memory: what is there is genuine, and what is missing is said.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
need unshare jq
make_key
export EVAC RECIPIENT WORK

told() { jq -r "select(.result) | .$1" "$WORK/stdout"; }
noted() { jq -re '.notes[] | select(.key == "oom_score_adj").text' "$COLLECTION/manifest.json"; }

# with_noise MIB COMMAND...: with so many MiB that do not compress in /var/log, and mounts of its own below $WORK.
# shellcheck disable=SC2016 # expanded by the inner shell
with_noise() {
	in_own_host bash -ec 'head -c "$1M" /dev/urandom >/var/log/noise; shift; "$@"' - "$@"
}
# shellcheck disable=SC2054 # evac's commas
take=("$EVAC" collect --case CASE --recipient "$RECIPIENT" --only process,log --segment-size 1M --workers 2)

# ---- the kernel ends others first
oom() { # oom NAME WANTED COMMAND...: what the manifest says about oom_score_adj, when evac was started by COMMAND
	local name=$1 wanted=$2
	shift 2
	run "$@" "$EVAC" collect --case CASE --recipient "$RECIPIENT" --to "$WORK/$name" --only kernel
	COLLECTION=$(found "$WORK/$name")
	noted
	[ "$status" = 0 ] && [ "$(noted)" = "$wanted" ]
}
before=$(cat /proc/self/oom_score_adj)
check "evac goes on where it may not change its oom_score_adj" oom unable "not changed: EACCES" \
	setpriv --bounding-set -sys_resource --inh-caps -sys_resource
if (echo -950 >/proc/self/oom_score_adj) 2>/dev/null; then
	check "it is not the first that the kernel ends, and says so" oom asks "-900, was $before" env
	# shellcheck disable=SC2016 # expanded by the inner shell
	check "it does not ask for less than it has" oom lower "-950, not changed" \
		bash -c 'echo -950 >/proc/self/oom_score_adj; exec "$@"' -
else
	skip "a lower oom_score_adj: no right to one here"
fi

# ---- the vault's directory is full
mkdir "$WORK/small"
# What is in the file system is gone with it: copied out.
# shellcheck disable=SC2016 # expanded by the inner shell
run with_noise 12 bash -c 'mount -t tmpfs -o size=6m evac-test "$WORK/small"
	rc=0
	"$@" --to "$WORK/small" || rc=$?
	cp -a "$WORK/small" "$WORK/full"
	exit $rc' - "${take[@]}"
COLLECTION=$(found "$WORK/full")
check "a full vault: exit status 1" test "$status" = 1
check "  it says what was lost" says "$WORK/stderr" "lost: "
check "  and why" says "$WORK/stderr" "No space left on device"
check "  and has what was stored before" test "$(find "$COLLECTION" -name '*.age' | wc -l)" -ge 3
run "$EVAC" verify "$COLLECTION"
check "  all of which is genuine: verify says $(tail -n 1 "$WORK/stdout")" test "$status" = 3 -o "$status" = 1
check "  nothing is half there" test -z "$(find "$COLLECTION" -name '.*' -type f)"
run "$EVAC" open "$COLLECTION" --identity "$KEY" --out "$WORK/full.out"
check "  it opens, with the processes, which go first" grep -qs '"pid"' "$WORK/full.out/processes.ndjson"

# ---- the vault is gone and the spool has a limit
mkdir "$WORK/gone"
# shellcheck disable=SC2016 # expanded by the inner shell
run with_noise 12 bash -c 'mount -t tmpfs -o size=1m evac-test "$WORK/gone"
	"$@" --to "$WORK/gone" --spool "$WORK/spool,max=5M"' - "${take[@]}"
COLLECTION=$(found "$WORK/spool")
check "a spool with a limit: exit status 1" test "$status" = 1
check "  the limit is kept: $(du -sb "$COLLECTION" | cut -f 1) bytes" test "$(du -sb "$COLLECTION" | cut -f 1)" -le $((5 << 20 | 8192))
check "  what did not fit is said: $(told lost) lost" says "$WORK/stderr" "the spool has reached its limit"
check "  what is there waits: $(told spooled) segments" test "$(told spooled)" -ge 3

# ---- the spool's disk is full
# shellcheck disable=SC2016 # expanded by the inner shell
run with_noise 12 bash -c 'mount -t tmpfs -o size=1m evac-test "$WORK/gone"
	mkdir "$WORK/disk"
	mount -t tmpfs -o size=6m evac-test "$WORK/disk"
	rc=0
	"$@" --to "$WORK/gone" --spool "$WORK/disk" || rc=$?
	df --output=avail -B 1 "$WORK/disk" | tail -n 1 >"$WORK/left"
	cp -a "$WORK/disk" "$WORK/disk.copy"
	exit $rc' - "${take[@]}"
COLLECTION=$(found "$WORK/disk.copy")
check "a spool on a full disk: exit status 1" test "$status" = 1
check "  what did not fit is said" says "$WORK/stderr" "the spool's disk is full but for its reserve"
check "  the reserve of a fiftieth is there: $(cat "$WORK/left") bytes" test "$(cat "$WORK/left")" -ge $((100 << 10))
run "$EVAC" verify "$COLLECTION"
check "  what is there is genuine: $(tail -n 1 "$WORK/stdout")" test "$status" = 3 -o "$status" = 1

# ---- not enough memory: a control group with a limit, where this machine has them
group=$(awk -F : '$2 == "memory" { print "/sys/fs/cgroup/memory" $3 }' /proc/self/cgroup)
limited() { # limited BYTES OPTIONS...: a run with 64 MiB of logs, in so much memory; where it went is in $COLLECTION
	mkdir "$group/evac-test"
	echo "$1" >"$group/evac-test/memory.limit_in_bytes"
	shift
	rm -rf "$WORK/tight"
	# shellcheck disable=SC2016 # expanded by the inner shell
	run with_noise 64 bash -c 'rc=0
		(echo "$BASHPID" >"$0/cgroup.procs"; exec "$@") || rc=$?
		exit $rc' "$group/evac-test" "$EVAC" collect --case CASE \
		--recipient "$RECIPIENT" --to "$WORK/tight" --only process,log "$@"
	COLLECTION=$(found "$WORK/tight")
	until rmdir "$group/evac-test" 2>/dev/null; do sleep 0.05; done
}
if [ -w "${group:-/none}/memory.limit_in_bytes" ]; then
	limited 24M --segment-size 1M --workers 1
	check "24 MiB are enough with small segments: nothing is missing" whole "$status" "$WORK/stdout"
	limited 24M --segment-size 32M --workers 1
	check "too little for large ones: the kernel ends it, exit status $status" test "$status" = 137
	run "$EVAC" verify "$COLLECTION"
	check "  and what is there is genuine" test "$status" = 3
	check "  with the processes, which go first" test -e "$COLLECTION/0000-volatile.tar.zst.age"
else
	skip "a limit on memory: no control group of the first version here"
fi
# shellcheck disable=SC2016 # expanded by the inner shell
run bash -c 'ulimit -v 200000; exec "$@"' - "$EVAC" collect --case CASE --recipient "$RECIPIENT" --to "$WORK/address" \
	--only process --segment-size 48M --workers 8
check "no memory for the workers is said at the start: exit status 2" test "$status" = 2
check "  in one line" says "$WORK/stderr" "no memory for"
check "  and nothing was stored" test -z "$(find "$WORK/address" -name '*.age' 2>/dev/null)"
finish
