#!/usr/bin/env bash
# Goal: killed at any moment, what is in the vault is whole: every object verifies and opens, and verify says cut short.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
need minisign age zstd unshare pgrep
make_key
export EVAC RECIPIENT WORK

# start DIR: evac takes the memory of a process that has 150 MB of it; its pid as this host sees it in $WORK/pid.
# shellcheck disable=SC2016 # expanded by the inner shell
start() { # start DIR OPTIONS...
	in_own_host bash -ec '
		mkfifo "$1.hold"
		{ head -c 150M /dev/urandom; read -r _ <"$1.hold"; } | tail -c 150M >/dev/null &
		while [ "$(awk "/VmRSS/ { print \$2 }" "/proc/$!/status")" -lt 150000 ]; do sleep 0.05; done
		to=$1
		shift
		setsid -w "$EVAC" collect --case CASE --recipient "$RECIPIENT" --to "$to" --only process,memory,log \
			--memory process --segment-size 1M --workers 3 "$@" >"$to.stdout" 2>"$to.stderr"
		' - "$@" 2>/dev/null &
	runner=$!
}

segments() { # segments DIR
	find "$1" -name '*.age' 2>/dev/null | wc -l
}

# kill_at DIR COUNT: once there are so many segments, kill evac, its whole group; nothing may be left running.
kill_at() {
	local pid
	while [ "$(segments "$1")" -lt "$2" ]; do
		kill -0 "$runner" 2>/dev/null || { echo "it ended too early"; cat "$1.stderr"; return 1; }
	done
	pid=$(pgrep -o -f "^$EVAC collect .*--to $1 ")
	kill -9 "-$pid"
	wait "$runner" || :
	! pgrep -f "^$EVAC collect .*--to $1 "
}

each_opens() { # each_opens COLLECTION: by tools that are not ours
	local o
	for o in "$1"/*.age; do
		echo "$o"
		minisign -V -q -p "$1/evac.pub" -m "$o" || return 1
		age -d -i "$KEY" "$o" | zstd -tq || return 1
	done
}

for count in 1 2 $((RANDOM % 20 + 3)) $((RANDOM % 50 + 25)) $((RANDOM % 40 + 80)); do
	dir=$WORK/kill$count
	# With a deadline there are two processes.
	deadline=()
	[ $((count % 2)) = 0 ] || deadline=(--deadline 10m)
	start "$dir" "${deadline[@]}"
	check "killed when $count segments are there ${deadline[*]}" kill_at "$dir" "$count"
	COLLECTION=$(found "$dir")
	check "  at least so many are there" test "$(segments "$dir")" -ge "$count"
	check "  no manifest" test ! -e "$COLLECTION/manifest.json"
	check "  every object verifies and opens with minisign and age" each_opens "$COLLECTION"
	run "$EVAC" verify "$COLLECTION"
	check "  verify exits 3" test "$status" = 3
	check "  says cut short, and how many are genuine" says "$WORK/stdout" \
		"cut short: no manifest; $(segments "$dir") segments verify"
	run "$EVAC" open "$COLLECTION" --identity "$KEY" --out "$WORK/out"
	check "  it opens" test "$status" = 3
	[ "$status" = 3 ] || head -n 20 "$WORK/stderr" | sed 's/^/# /'
	check "  with the processes, which go first" grep -rqs '"pid"' "$WORK/out"
	rm -rf "$WORK/out" "$dir"
done
finish
