# shellcheck shell=bash
# What the tests in a virtual machine share: keys, the helper, a folder for both sides, and TAP.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
evac=${EVAC:-$top/build/$(uname -m)/evac}
work=$(mktemp -d)
share=$work/share
mkdir "$share"
count=0 failed=0
trap 'rm -rf "$work"' EXIT

# mkstate, static, as small as it goes: it runs in the guest. helper_for ARCH: the one of Debian's architecture ARCH.
helper_for() {
	local cc machine
	case $1 in
	amd64) machine=x86_64 ;;
	arm64) machine=aarch64 ;;
	esac
	cc=$top/build/deps/$machine/bin/cc
	[ -x "$cc" ] || cc=$machine-linux-gnu-gcc
	mkdir -p "$top/build/vm/$machine"
	mkstate=$top/build/vm/$machine/mkstate
	[ "$mkstate" -nt "$top/tests/helpers/mkstate.c" ] || {
		"$cc" -std=c17 -D_GNU_SOURCE -Os -s -static -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla \
			-o "$work/mkstate" "$top/tests/helpers/mkstate.c"
		mv "$work/mkstate" "$mkstate"
	}
}
build_helper() { helper_for "$(dpkg --print-architecture)"; }

make_keys() {
	(umask 077 && "$evac" keygen >"$work/identity" 2>"$work/keygen")
	sed -n 's/^# public key: //p' "$work/identity" >"$work/recipient"
}

# boot OPTIONS: the guest runs the script on standard input, with evac, its key, LiME and mkstate beside it.
boot() {
	cat >"$work/script"
	"$here/run.sh" -s "$share" -f "$evac" -f "$mkstate" -f "$work/recipient" "$@" "$work/script"
}

# collection CASE: its only collection in the shared folder; CASE may be a pattern.
collection() { dirname "$(find "$share/vault" -path "$share/vault/$1/*" -name evac.pub)"; }

# opened CASE: verifies it against the key that the guest's evac printed, opens it as $work/CASE.
opened() {
	local key
	key=$(sed -n 's/.*"public_key":"\([^"]*\)".*/\1/p' "$share/$1.out")
	"$evac" verify "$(collection "$1")" --signer "$key" &&
		"$evac" open "$(collection "$1")" --signer "$key" --identity "$work/identity" --out "$work/$1"
}

# check WHAT COMMAND...: one line of TAP; what the command says is shown when it fails.
check() {
	local what=$1
	shift
	count=$((count + 1))
	if "$@" >"$work/check" 2>&1; then
		echo "ok $count - $what"
	else
		failed=$((failed + 1))
		echo "not ok $count - $what"
		printf '# %s\n' "$*"
		sed 's/^/# /' "$work/check"
	fi
}

done_testing() {
	echo "1..$count"
	[ "$failed" -eq 0 ]
}
