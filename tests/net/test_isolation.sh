#!/bin/bash
# A host is isolated at a random moment of its collection, in each way that a network can die: what is in the bucket is
# genuine and opens, no more is missing than was in memory, and with a spool nothing is once evac push has run.
# SEEDS says how many runs (default 12), SEED which is the first, LANES how many at once, KEEP where a failed run is kept.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/net/lib.sh
. "$top/tests/net/lib.sh"
[ -n "${EVAC_NET_INSIDE-}" ] || "$top/tests/s3/root.sh" >/dev/null
enter_network "$0"
ip link set lo up
# shellcheck source=tests/s3/lib.sh
. "$top/tests/s3/lib.sh"

seeds=${SEEDS:-12} first=${SEED:-1} lanes=${LANES:-6}
workers=2
start_evidence

# Somebody in the middle, with a certificate of their own for the right address.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=s3.localhost \
	-addext "subjectAltName=IP:$bucket_address" -keyout "$work/middle.key" -out "$work/middle.pem" 2>/dev/null
middle_port=$((S3_PORT + 100))
"$net/middle.py" "$middle_port" "$work/middle.pem" "$work/middle.key" "$work/middle" &
pids+=("$!")

# choose SEED: what happens in this run.
choose() {
	local kinds=(silent answers reset link once middle)
	kind=${kinds[$1 % 6]} spool=$(($1 / 6 % 2))
	# A certificate that is not trusted is no passing failure: without a spool, evidence is not held back for it.
	[ "$kind" != middle ] || spool=1
	RANDOM=$1
	noise=$((3 + RANDOM % 5))
	# At 2 MiB/s: from the first object to the last.
	cut_ms=$((RANDOM % (500 * noise + 300)))
	back_ms=$((RANDOM % 2 * (500 + RANDOM % 5000))) # 0: never
	# Sooner than tries are used up. With a spool, which takes a while to be turned to, a run ends by itself too.
	deadline=$((8 + RANDOM % 5))
	[ $spool = 0 ] || deadline=$((deadline + 14))
	[ $spool = 0 ] || [ $((RANDOM % 3)) != 0 ] || deadline=0
}

wrong_mac=02:00:00:00:00:99
# Frames to an address that nobody has vanish: nothing says so, and the link stays up.
isolate() {
	case $kind in
	silent)
		ip neigh replace "$address" lladdr $wrong_mac nud permanent dev "$cable"
		on_host ip neigh replace "$bucket_address" lladdr $wrong_mac nud permanent dev host
		;;
	answers) ip neigh replace "$address" lladdr $wrong_mac nud permanent dev "$cable" ;;
	reset) kill -USR1 "$relay" ;;
	link) on_host ip link set host down ;;
	once) kill -HUP "$relay" ;;
	middle) kill -URG "$relay" ;;
	esac
}
come_back() {
	ip neigh del "$address" dev "$cable" 2>/dev/null || true
	on_host ip neigh del "$bucket_address" dev host 2>/dev/null || true
	[ "$kind" != reset ] || kill -USR2 "$relay"
	[ "$kind" != middle ] || kill -URG "$relay"
	# The route over the link went with it.
	[ "$kind" != link ] || on_host sh -c "ip link set host up"
}

pause() { sleep "$(awk -v ms="$1" 'BEGIN { print ms / 1000 }')"; }

# start DIR: evac, on a host with a small /var/log; $run is its process here.
start() {
	local options=()
	[ "$spool" = 0 ] || options+=(--spool "$1/spool")
	[ "$deadline" = 0 ] || options+=(--deadline "${deadline}s")
	# shellcheck disable=SC2016
	as WRITER on_host unshare --mount --pid --fork --kill-child --mount-proc bash -ec '
		mount -t tmpfs evac-test /var/log
		cp "$0/noise" /var/log/noise
		exec "$@"' "$1" "$evac" collect --case CASE --recipient "$recipient" --to "s3://evidence/$seed" \
		--endpoint-url "https://$bucket_address:$port" --ca-file "$S3_CA" --imds-endpoint none --only process,log \
		--memory none --segment-size 1M --workers $workers --limit-rate 2M "${options[@]}" >"$1/out" 2>"$1/err" &
	run=$!
}

# The phase of the run when the network is cut.
phase() {
	if [ ! -d "/proc/$run" ]; then echo end
	elif grep -q ' log: ' "$dir/err"; then echo sending
	elif grep -q ' process: ' "$dir/err"; then echo log
	else echo process; fi
}

told() { sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"]*\).*/\1/p" "$dir/out" | head -n 1; }

bad() { echo "seed $seed: $*" >>"$dir/bad"; }

numbers() { find "$1" -name '*.age' -printf '%f\n' 2>/dev/null | cut -d - -f 1 | sort; }

signatures() { find "$1" -name '*.age.minisig' -printf '%f\n' | cut -d - -f 1 | sort; }

# examine DIR: a collection as it is in the bucket; anything but what is plainly said to be missing is wrong.
examine() {
	local rc=0
	"$evac" verify "$1" --signer "$(told public_key)" >"$1.verify" 2>&1 || rc=$?
	case $rc in
	0 | 3) ;;
	1)
		! grep -vE ': (never stored, says the manifest: .*|missing: .*|no segment has this number)$|: WRONG: ' "$1.verify" ||
			bad "verify: $(tail -n 3 "$1.verify")"
		;;
	*) bad "verify: exit status $rc" ;;
	esac
	rc=0
	"$evac" open "$1" --signer "$(told public_key)" --identity "$work/identity" --out "$1.opened" >"$1.open" 2>&1 || rc=$?
	[ "$rc" = 0 ] || [ "$rc" = 1 ] || [ "$rc" = 3 ] || bad "open: exit status $rc: $(tail -n 1 "$1.open")"
	[ "$(find "$1" -name '*.age' | wc -l)" = "$(sed -n 's/^total: \([0-9]*\) segments\{0,1\},.*/\1/p' "$1.open")" ] ||
		bad "open: $(tail -n 3 "$1.open")"
}

fetch() { # fetch DIR: what is in the bucket now
	mkdir "$1"
	s3 pull evidence "$seed/" "$1"
}

whole_noise() { find "$1.opened" -name noise -exec cmp {} "$dir/noise" \; | grep -q . && bad "the log that came differs"; return 0; }

# Each number that was given out is there or said to be lost. All that was sent before the cut is there: but for one
# segment in flight for each worker, of which only the signature came, or, where nothing came later, a hole below the
# highest number.
without_spool() {
	local missing lost there half holes
	there=$(numbers "$dir/bucket")
	missing=$(comm -23 <(seq -f %04.0f 0 $((segments + lost_count - 1))) <(grep . <<<"$there" || true))
	lost=$(sed -n 's/.* segment \([0-9]*\)-[^ ]* lost: .*/\1/p' "$dir/err" | sort)
	half=$(comm -23 <(signatures "$dir/bucket") <(grep . <<<"$there" || true) | wc -l)
	holes=$(awk -v last="$(tail -n 1 <<<"$there")" '$1 < last' <<<"$missing" | wc -w)
	wc -w <<<"$missing" >"$dir/missing"
	echo "$half" >"$dir/in_flight"
	[ -z "$(comm -23 <(grep . <<<"$missing" || true) <(grep . <<<"$lost" || true))" ] || bad "missing and not said to be lost: $missing"
	[ "$half" -le $workers ] || bad "$half came by half"
	[ "$back_ms" != 0 ] || [ "$holes" -le $workers ] || bad "$holes are missing below the highest"
}

with_spool() {
	local before after rc=0
	[ "$lost_count" = 0 ] || bad "$lost_count lost though there is a spool"
	before=$(numbers "$dir/bucket" | wc -l)
	if [ -n "$(find "$dir/spool" -type f 2>/dev/null)" ]; then
		as WRITER on_host "$evac" push "$dir/spool" --to "s3://evidence/$seed" --signer "$(told public_key)" \
			--endpoint-url "https://$bucket_address:$port" --ca-file "$S3_CA" --imds-endpoint none >"$dir/push" 2>&1 || rc=$?
		[ "$rc" = 0 ] || bad "push: exit status $rc: $(tail -n 2 "$dir/push")"
	fi
	fetch "$dir/after"
	examine "$dir/after"
	grep -q 'whole and genuine' "$dir/after.verify" || bad "after push: $(tail -n 3 "$dir/after.verify")"
	after=$(numbers "$dir/after" | wc -l)
	[ "$after" = "$segments" ] || bad "$after of $segments segments are there after push"
	echo $((after - before)) >"$dir/pushed"
	[ "$kind" != middle ] || [ "$after" = "$before" ] || grep -qE 'SSL (peer )?certificate' "$dir/err" || bad "nobody was in the middle"
	! grep -q ' log: complete' "$dir/err" || whole_noise "$dir/after"
}

judge() {
	segments=$(told segments) lost_count=$(told lost)
	# It ended before it could store the first object.
	[ -n "$segments" ] || segments=0 lost_count=0
	[ "$status" = 0 ] || [ "$status" = 1 ] || [ "$status" = 2 ] || bad "exit status $status"
	fetch "$dir/bucket"
	numbers "$dir/bucket" | wc -l >"$dir/objects"
	if [ "$(cat "$dir/objects")" != 0 ]; then
		examine "$dir/bucket"
	elif [ "$status" = 0 ]; then
		bad "exit status 0, and nothing is there"
	fi
	if [ "$segments" != 0 ] && whole "$status" "$dir/out" >/dev/null; then
		grep -q 'whole and genuine' "$dir/bucket.verify" || bad "nothing is missing, but it is not whole"
		! grep -q ' log: complete' "$dir/err" || whole_noise "$dir/bucket"
	fi
	if [ "$spool" = 1 ]; then with_spool; else without_spool; fi
}

one_run() {
	local seed=$1 dir=$work/run$1 kind cut_ms back_ms spool noise deadline run status=0 segments lost_count begun
	choose "$seed"
	mkdir "$dir"
	head -c "${noise}M" /dev/urandom >"$dir/noise"
	start "$dir"
	until grep -q public_key "$dir/out" 2>/dev/null || [ ! -d "/proc/$run" ]; do sleep 0.02; done
	begun=$(date +%s%3N)
	pause "$cut_ms"
	phase >"$dir/phase"
	isolate
	if [ "$back_ms" != 0 ]; then
		pause "$back_ms"
		come_back
	fi
	wait "$run" || status=$?
	echo $(($(date +%s%3N) - begun)) >"$dir/took"
	[ "$back_ms" != 0 ] || come_back
	judge
	echo "$kind, cut in '$(cat "$dir/phase")' after $cut_ms ms, back after $back_ms ms, deadline $deadline s," \
		"spool $spool: exit $status after $(cat "$dir/took") ms, $(cat "$dir/objects") objects, missing" \
		"$(cat "$dir/missing" 2>/dev/null || echo 0), pushed $(cat "$dir/pushed" 2>/dev/null || echo 0)" >"$dir/said"
	rm -rf "$dir"/*.opened "$dir"/{bucket,after,spool,noise}
	if [ -n "${KEEP-}" ] && [ -s "$dir/bad" ]; then cp -r "$dir" "$KEEP/"; fi
	: >"$dir/done"
}

# lane NUMBER: every so many-th seed, on a host of its own.
lane() {
	local seed address=10.0.2.$((10 + $1)) cable=vault$1
	trap - EXIT
	make_host "$1"
	start_relay "$middle_port"
	for ((seed = first + $1; seed < first + seeds; seed += lanes)); do
		one_run "$seed" || bad "the test itself failed"
	done
	kill "$relay" "$host"
}

lane_pids=()
for ((i = 0; i < lanes && i < seeds; i++)); do
	lane "$i" >"$work/lane$i" 2>&1 &
	lane_pids+=("$!")
	pids+=("$!")
done
for pid in "${lane_pids[@]}"; do
	wait "$pid" || true
done

judged() {
	cat "$work/run$1/bad" "$work/run$1/err" 2>/dev/null || true
	[ -e "$work/run$1/done" ] || { cat "$work"/lane*; return 1; }
	[ ! -s "$work/run$1/bad" ]
}
for ((seed = first; seed < first + seeds; seed++)); do
	check "seed $seed: $(cat "$work/run$seed/said" 2>/dev/null || echo 'it did not end')" judged "$seed"
done
check "somebody in the middle heard nothing" [ ! -s "$work/middle" ]
sum() { cat "$work"/run*/"$1" 2>/dev/null | awk '{ n += $1 } END { print n + 0 }'; }
echo "# $seeds runs, cut during: $(cat "$work"/run*/phase | sort | uniq -c | tr -s ' \n' ' ')"
echo "# $(sum objects) objects were in the bucket, $(sum missing) missing without a spool, of which $(sum in_flight) were in flight, $(sum pushed) pushed from spools"
done_testing
