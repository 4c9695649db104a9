#!/usr/bin/env bash
# Run groups of tests and count what they say: tests/run.sh GROUP...; GROUP/NAME is one of its tests.
#
# A test is a program that prints TAP ("ok N - what", "not ok N - what",
# "ok N - what # SKIP why").  One that exits non-zero without a "not ok" counts
# as one failure, and so does one that says nothing.  What a test prints is kept
# in build/tests/; a failure's output is shown.  Tests that ask nothing of the
# machine's network get one of their own, with a loopback: whatever evac tries,
# nothing leaves this machine.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
ARCH=$(uname -m)
export EVAC=${EVAC:-$PWD/build/$ARCH/evac}
LOGS=build/tests
mkdir -p "$LOGS"
passed=0 failed=0 skipped=0
alone=()
failures=() skips=()

# one NAME COMMAND...: run it, count its lines
one() {
	local name=$1 log begin took ok notok skip rc
	shift
	log=$LOGS/$(tr '/ ' '__' <<<"$name").log
	begin=$(date +%s.%N)
	timeout -k 10 "${TEST_LIMIT_S:-900}" "${alone[@]}" "$@" >"$log" 2>&1 </dev/null
	rc=$?
	took=$(awk -v a="$begin" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }')
	skip=$(grep -cE '^ok [0-9]+.*# SKIP' "$log")
	ok=$(($(grep -cE '^ok [0-9]+' "$log") - skip))
	notok=$(grep -cE '^not ok [0-9]+' "$log")
	if [ "$notok" = 0 ] && { [ "$rc" != 0 ] || [ $((ok + skip)) = 0 ]; }; then
		notok=1
		echo "not ok - exit status $rc" >>"$log"
	fi
	passed=$((passed + ok)) failed=$((failed + notok)) skipped=$((skipped + skip))
	printf '%-44s %4d passed' "$name" "$ok"
	[ "$notok" = 0 ] || printf ', %d FAILED' "$notok"
	[ "$skip" = 0 ] || printf ', %d skipped' "$skip"
	printf '  %ss\n' "$took"
	if [ "$notok" != 0 ]; then
		failures+=("$name")
		grep -nE '^not ok' "$log" | head -20 | sed 's/^/    /'
		echo "    --- end of $log:"
		tail -n 25 "$log" | sed 's/^/    /'
	fi
	while IFS= read -r line; do skips+=("$name: $line"); done < \
		<(grep -E '^ok [0-9]+.*# SKIP' "$log" | sed 's/^ok [0-9]* *-* *//')
}

# each PREFIX WITH FILE...: those that exist, by the program WITH ("" is none)
each() {
	local prefix=$1 f
	local with=()
	[ -z "$2" ] || with=("$2")
	shift 2
	for f; do
		[ -f "$f" ] && one "$prefix/$(basename "$f" .sh)" "${with[@]}" "$f"
	done
	return 0
}

group() {
	local found runner=""
	alone=()
	# What a test would download is there before its network is taken.
	case $1 in
	unit*) tests/helpers/age_vectors.sh >&2 || true ;; # the test says what is missing
	s3*) tests/s3/root.sh >/dev/null || exit 2 ;;
	esac
	# shellcheck disable=SC2016  # the inner shell's words
	case $1 in
	static | net* | vm*) ;; # guests and networks of their own
	*) [ "$(id -u)" != 0 ] || alone=(unshare --net -- sh -c 'ip link set lo up && exec "$@"' -) ;;
	esac
	case $1 in
	static) each static bash tests/check/*.sh ;;
	unit)
		mapfile -t found < <(find build/asan/unit -name 'test_*' -type f -executable | sort)
		each unit "" "${found[@]}"
		;;
	unit-aarch64)
		[ "$ARCH" = aarch64 ] || runner=qemu-aarch64-static
		mapfile -t found < <(find build/aarch64/unit -name 'test_*' -type f -executable | sort)
		each unit-aarch64 "$runner" "${found[@]}"
		;;
	fuzz)
		local f
		for f in build/fuzz/fuzz/fuzz_*; do
			case $f in *.d | *.o) continue ;; esac
			one "fuzz/$(basename "$f")" tests/fuzz/run.sh "$f" "${FUZZ_S:-5}"
		done
		;;
	interop) each interop bash tests/interop.sh ;;
	system) each system bash tests/system/test_*.sh ;;
	s3) each s3 bash tests/s3/test_*.sh ;;
	net) each net bash tests/net/test_*.sh ;;
	vm) each vm bash tests/vm/test_*.sh ;;
	vm-full)
		one vm/store bash tests/vm/store.sh
		one vm/lime_faults env STOP_S=180 bash tests/vm/lime_faults.sh
		one vm/matrix bash tests/vm/matrix.sh full
		;;
	*/*) each "${1%/*}" bash "tests/${1%/*}/test_${1#*/}.sh" ;;
	*)
		echo "run.sh: no group '$1'" >&2
		exit 2
		;;
	esac
}

for g; do
	echo "== $g"
	group "$g"
done
echo
for s in "${skips[@]}"; do echo "skipped: $s"; done
for f in "${failures[@]}"; do echo "failed:  $f"; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ $((passed + skipped)) -gt 0 ]
