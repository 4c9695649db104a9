# shellcheck shell=bash
# lib.sh - what the system tests share: a scratch directory, a key, collections, forgeries, TAP.
#
# shellcheck disable=SC2034 # what is set here is for the tests
# A test sources it from the project's root. All that is made lies below $WORK and goes with it.
# shellcheck source=tests/helpers/whole.sh
. tests/helpers/whole.sh
EVAC=$(realpath "${EVAC:-build/$(uname -m)/evac}")
WORK=$(mktemp -d "${TMPDIR:-/tmp}/evac-system.XXXXXX")
WORK=$(realpath "$WORK")
tests=0 failures=0

# Children first, then their files.
cleanup() {
	local pids
	pids=$(jobs -p)
	# shellcheck disable=SC2086 # one word a process
	[ -z "$pids" ] || kill -9 $pids 2>/dev/null || :
	wait 2>/dev/null || :
	rm -rf "$WORK"
}
trap cleanup EXIT

ok() {
	tests=$((tests + 1))
	echo "ok $tests - $*"
}

not_ok() {
	tests=$((tests + 1)) failures=$((failures + 1))
	echo "not ok $tests - $*"
}

skip() { # skip WHY
	tests=$((tests + 1))
	echo "ok $tests # SKIP $*"
}

# check WHAT COMMAND...: a command that must succeed; what it prints is shown when it does not.
check() {
	local what=$1
	shift
	if "$@" >"$WORK/check.out" 2>&1; then
		ok "$what"
	else
		not_ok "$what"
		head -n 30 "$WORK/check.out" | sed 's/^/# /'
	fi
}

finish() {
	echo "1..$tests"
	[ "$failures" = 0 ] && [ "$tests" -gt 0 ]
}

# need PROGRAM...: skip the whole test without them, or without root.
need() {
	local p
	[ "$(id -u)" = 0 ] || { skip "must run as root"; finish; exit; }
	for p; do
		command -v "$p" >/dev/null || { skip "$p is not installed"; finish; exit; }
	done
}

# run COMMAND...: sets $status; output in $WORK/stdout and $WORK/stderr.
run() {
	status=0
	"$@" >"$WORK/stdout" 2>"$WORK/stderr" || status=$?
}

# says FILE PATTERN: (fixed text) or shows what it says instead.
says() {
	grep -qF -- "$2" "$1" || { sed 's/^/says: /' "$1"; return 1; }
}

# make_key: the responder's, $KEY and $RECIPIENT.
make_key() {
	KEY=$WORK/responder.key
	RECIPIENT=$("$EVAC" keygen -o "$KEY" 2>&1 | grep -o 'age1[0-9a-z]*' | head -n 1)
	[ -n "$RECIPIENT" ]
}

# collect DIR OPTIONS...: into DIR; $COLLECTION is where it went. The exit status is in $status.
collect() {
	local to=$1
	shift
	run "$EVAC" collect --case CASE --recipient "$RECIPIENT" --to "$to" "$@"
	COLLECTION=$(found "$to")
}

# found DIR: the one collection below it.
found() {
	find "$1" -mindepth 3 -maxdepth 3 -type d
}

# in_own_host COMMAND...: its own mounts and processes, an empty /var/log, whatever else runs here.
in_own_host() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount --pid --fork --kill-child --mount-proc bash -ec '
		mount -t tmpfs -o size=2g evac-test /var/log
		"$@"' - "$@"
}

# ---- forgeries: collections whose signing key is ours
make_signer() {
	minisign -G -W -f -p "$WORK/signer.pub" -s "$WORK/signer.sec" >/dev/null
	SIGNER=$(sed -n 2p "$WORK/signer.pub")
}

# sign FILE [NUMBER]: as evac would, for the collection in $ID.
sign() {
	local name=${1##*/} number=${2:+ segment=$2}
	rm -f "$1.minisig"
	minisign -S -s "$WORK/signer.sec" -m "$1" -x "$1.minisig" -c 'signature by evac' \
		-t "evac collection=$ID$number name=$name size=$(stat -c %s "$1") utc=2026-11-24T09:30:00Z" >/dev/null
}

# take_over DIR: sign all of the collection DIR with our key in place of its own.
take_over() {
	local object number
	ID=${1##*/}
	cp "$WORK/signer.pub" "$1/evac.pub"
	sed -i "s|\"public_key\":\"[^\"]*\"|\"public_key\":\"$SIGNER\"|" "$1/manifest.json"
	for object in "$1"/*.age; do
		number=${object##*/}
		sign "$object" "$((10#${number%%-*}))"
	done
	[ ! -e "$1/volatile.done" ] || sign "$1/volatile.done"
	sign "$1/manifest.json"
}
