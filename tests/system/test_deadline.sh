#!/usr/bin/env bash
# Goal: a run with a deadline ends within a second of it, whatever hangs, and what was stored is genuine.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
need unshare jq fsfreeze mkfs.ext4 mkfifo
make_key

frozen=
thaw() { [ -z "$frozen" ] || fsfreeze -u "$frozen" 2>/dev/null || :; frozen=; }
tidy() {
	thaw
	umount "$WORK"/disk* 2>/dev/null || :
	cleanup
}
trap tidy EXIT

# disk NAME: a file system that can be frozen: every write into it then waits in the kernel, where no signal gets through.
disk() {
	truncate -s 300M "$WORK/$1.image"
	mkfs.ext4 -q "$WORK/$1.image"
	mkdir "$WORK/$1"
	mount -o loop "$WORK/$1.image" "$WORK/$1"
}
# freeze_when DIR: as soon as two segments lie there.
freeze_when() {
	until [ "$(find "$1" -name '*.age' 2>/dev/null | wc -l)" -ge 2 ]; do sleep 0.02; done
	fsfreeze -f "$2"
}
# take SECONDS WORDS...: a run with that deadline; the time that it took, start to end, in $took (ms).
take() {
	local begun deadline=$1
	shift
	begun=$(date +%s%3N)
	run "$EVAC" collect --case CASE --recipient "$RECIPIENT" --deadline "${deadline}s" --segment-size 1M --workers 2 "$@"
	took=$(($(date +%s%3N) - begun))
}
# in_time SECONDS: not more than a second late.
in_time() { echo "took $took ms"; [ "$took" -le $(($1 * 1000 + 1000)) ]; }
told() { jq -r "select(.result) | .$1" "$WORK/stdout"; }
# shellcheck disable=SC2054 # evac's commas
some=(--only process,socket,kernel,memory --memory process)
# shellcheck disable=SC2054 # the same
few=(--only process,socket,kernel)

if ! disk disk 2>/dev/null; then
	skip "no loop device to freeze"
	finish
	exit
fi

# ---- the vault's file system hangs
fsfreeze -f "$WORK/disk"
frozen=$WORK/disk
take 5 --to "$WORK/disk/v" "${few[@]}"
check "a vault that hangs from the start: ended after $took ms" in_time 5
check "  exit status 2, and one line says why" test "$status" = 2
check "  which is that" says "$WORK/stderr" "the directory's file system hangs"
take 9 --to "$WORK/disk/v" --spool "$WORK/spool" "${few[@]}"
check "with a spool: ended after $took ms" in_time 9
check "  exit status 1, nothing lost, all of it in the spool" test "$status $(told lost)" = "1 0" -a "$(told spooled)" -ge 2
thaw
freeze_when "$WORK/disk/v" "$WORK/disk" &
frozen=$WORK/disk
take 6 --to "$WORK/disk/v" "${some[@]}"
check "a vault that hangs in the middle: ended after $took ms" in_time 6
check "  exit status 1: $(told segments) segments safe, $(told lost) lost" test "$status" = 1
check "  at most the child is left, which the kernel holds" test "$(pgrep -f "^$EVAC collect .*--to $WORK/disk/v" | wc -l)" -le 1
thaw
run "$EVAC" verify "$WORK/disk/v"
check "  what is there is genuine: $(tail -n 1 "$WORK/stdout" | sed 's/.*: //')" test "$status" = 3 -o "$status" = 0
freeze_when "$WORK/disk/w" "$WORK/disk" &
frozen=$WORK/disk
take 12 --to "$WORK/disk/w" --spool "$WORK/spool2" "${some[@]}"
check "the same with a spool: ended after $took ms" in_time 12
check "  nothing of what was collected is lost, the spool has $(told spooled) segments" test "$(told lost)" = 0 -a "$(told spooled)" -gt 2
thaw

# ---- the spool's file system hangs, and the vault takes nothing
disk disk2
mkdir "$WORK/full"
mount -t tmpfs -o size=64k evac-test "$WORK/full"
fsfreeze -f "$WORK/disk2"
frozen=$WORK/disk2
take 6 --to "$WORK/full" --spool "$WORK/disk2" "${few[@]}"
umount "$WORK/full"
check "a spool that hangs: ended after $took ms" in_time 6
check "  exit status 1 or 2" test "$status" = 1 -o "$status" = 2
thaw

# ---- nobody reads what evac says
mkfifo "$WORK/mute"
(
	# shellcheck disable=SC2094 # both ends, that neither waits for the other
	exec 8<>"$WORK/mute" 9>"$WORK/mute"
	timeout 0.5 cat /dev/zero >&9 || :
	begun=$(date +%s%3N)
	status=0
	"$EVAC" collect --case CASE --recipient "$RECIPIENT" --deadline 5s --to "$WORK/mute.vault" "${few[@]}" >&9 2>&9 || status=$?
	echo "$status $(($(date +%s%3N) - begun))" >"$WORK/mute.said"
)
read -r status took <"$WORK/mute.said"
check "a reader that has stopped: ended after $took ms" in_time 5
check "  with status $status" test "$status" = 2

# ---- a server that accepts and never answers
python3 -c 'import socket, sys, time
s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1], flush=True); time.sleep(600)' >"$WORK/port" &
until [ -s "$WORK/port" ]; do sleep 0.02; done
export AWS_ACCESS_KEY_ID=K AWS_SECRET_ACCESS_KEY=S
take 6 --to s3://bucket --endpoint-url "https://127.0.0.1:$(cat "$WORK/port")" "${few[@]}"
check "a server that says nothing: ended after $took ms" in_time 6
take 6 --to s3://bucket --endpoint-url "https://127.0.0.1:$(cat "$WORK/port")" --spool "$WORK/spool3" "${few[@]}"
check "  with a spool: ended after $took ms, $(told spooled) segments in it" in_time 6
check "  nothing is lost" test "$(told lost)" = 0 -a "$(told spooled)" -ge 2
# The role's credentials are asked for, of a service that says nothing.
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
take 5 --to s3://bucket --imds-endpoint "http://127.0.0.1:$(cat "$WORK/port")" "${few[@]}"
check "a metadata service that says nothing: ended after $took ms" in_time 5

# ---- a busy machine: eight who compute for each processor
for ((i = 0; i < 8 * $(nproc); i++)); do
	sh -c 'while :; do :; done' &
done
take 8 --to "$WORK/busy" "${some[@]}"
check "a machine with 8 times as much to do: ended after $took ms" in_time 8
run "$EVAC" verify "$WORK/busy"
# So busy, a segment may be too late: then the manifest says so.
check "  with a manifest, and all of it genuine: $(tail -n 1 "$WORK/stdout" | sed 's/.*: //')" \
	test "$status" = 0 -o "$(grep -c 'never stored, says the manifest' "$WORK/stdout")" -gt 0
check "  it took more than the usual part of the processors" jq -e '.notes[] | select(.key == "nice" and .text == "-10")' "$(found "$WORK/busy")/manifest.json"

# ---- the parent is killed: its child goes with it
"$EVAC" collect --case CASE --recipient "$RECIPIENT" --deadline 60s --to "$WORK/killed" --segment-size 1M "${some[@]}" >/dev/null 2>&1 &
pid=$!
until child=$(pgrep -P "$pid" -x evac) && [ -n "$(found "$WORK/killed")" ]; do sleep 0.02; done
kill -9 "$pid"
wait "$pid" 2>/dev/null || :
gone() { for ((i = 0; i < 250; i++)); do kill -0 "$child" 2>/dev/null || return 0; sleep 0.02; done; return 1; }
check "SIGKILL for the parent ends the child too" gone
finish
