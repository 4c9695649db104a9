#!/bin/bash
# Shows the main job: evac evacuates a compromised Debian guest, then the responder verifies, opens and looks.
# usage: demo.sh [KERNEL]
# No set-up but `make demo`'s. Leaves build/demo: the sealed evidence, the responder's key, and what was opened.
# Exit status 1 when anything of what is promised is not in the evidence.
set -euo pipefail
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

kernel=${1:-6.1}
demo=$top/build/demo
marker=EVAC-DEMO-MARKER

bold='' dim='' plain=''
if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then
	bold=$'\033[1m' dim=$'\033[2m' plain=$'\033[0m'
fi
now() { date +%s%N; }
begun=$(now)
step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; step_begun=$(now); }
note() { printf '  %s\n' "$*"; }
took() { printf '  %s%s%s\n' "$dim" "$(awk -v ns=$(($(now) - ${1:-$step_begun})) 'BEGIN { printf "%.1f s", ns / 1e9 }')" "$plain"; }
failed() {
	printf '\nThe demo failed: %s\n' "$*" >&2
	[ ! -s "$share/evac.err" ] || tail -n 20 "$share/evac.err" >&2
	exit 1
}

step "1. A guest and a key"
[ -x "$evac" ] || failed "there is no $evac: make builds it"
build_helper
vm=$("$here/prepare.sh" "$kernel") || failed "the guest could not be prepared"
make_keys || failed "evac keygen"
rm -rf "$demo"
mkdir -p "$demo"
mv "$share" "$demo/evidence"
share=$demo/evidence
cp "$work/identity" "$demo/responder.key"
note "Debian, Linux $(cat "$vm/release"), 256 MiB of memory, QEMU without KVM"
note "LiME $(sed -n 's/.*"lime": "\(.*\)",/\1/p' "$vm"/lime-*"$(cat "$vm/release").json"), built for this kernel from Debian's sources"
note "the key that opens the evidence stays here: build/demo/responder.key"
took

# The guest writes lines `# TEXT` for people; what evac says there goes through as it comes.
show() {
	local line
	while IFS= read -r line; do
		case $line in
		'# '*) note "${line#\# }" ;;
		*' evac info: '*) printf '    %s%s%s\n' "$dim" "${line#* evac info: }" "$plain" ;;
		evac:*) printf '    %s%s%s\n' "$dim" "${line#evac: }" "$plain" ;;
		*) printf '    %s\n' "$line" ;;
		esac
	done
}

step "2. The guest boots, an intruder settles, evac evacuates"
boot -k "$kernel" -m 256M -t 240 -f "$vm/lime.ko" <<-GUEST | show || failed "in the guest"
	. ./lib.sh
	ip addr add 198.51.100.7/24 dev dummy0
	ip addr add 10.0.2.15/24 dev dummy0
	ip link set dummy0 up
	plant -d /var/tmp -m $marker -p 198.51.100.7:443 -f 10.0.2.15 peer implant || exit 1
	echo "# an intruder's program runs from a file that it has deleted, and is connected to 198.51.100.7:443"
	cat /proc/iomem >/evidence/iomem
	settle
	before=\$(written)
	read -r start _ </proc/uptime
	echo "# evac collect --case DEMO --recipient age1... --to /evidence/vault --memory lime --lime lime.ko"
	./evac collect --case DEMO --recipient "\$(cat recipient)" --to /evidence/vault --memory lime --lime lime.ko \
		2>&1 >/evidence/evac.out | tee /evidence/evac.err
	echo \$((\$(written) - before)) >/evidence/written
	grep -q '"exit":0' /evidence/evac.out
GUEST
took

key=$(sed -n 's/.*"public_key":"\([^"]*\)".*/\1/p' "$share/evac.out")
vault=$(collection "*") || failed "no collection"
relative=${vault#"$top/"}

step "3. The responder verifies"
note "evac verify ${relative%/*}/... --signer ${key:0:12}..."
"$evac" verify "$vault" --signer "$key" >"$work/verify" 2>&1 || { cat "$work/verify" >&2; failed "verify"; }
note "$(sed "s|.*: whole and genuine|whole and genuine|" "$work/verify" | tail -n 1)"
took

step "4. The responder opens"
note "evac open ${relative%/*}/... --signer ${key:0:12}... --identity build/demo/responder.key --out build/demo/opened"
"$evac" open "$vault" --signer "$key" --identity "$demo/responder.key" --out "$demo/opened" >"$work/open" 2>&1 ||
	{ cat "$work/open" >&2; failed "open"; }
sed -n '/^[a-z.]*: /s/^/  /p' "$work/open"
took

step "5. What came out"
python3 "$here/summary.py" "$demo/opened" "$vault/manifest.json" "$share" "$marker" ||
	failed "the evidence does not have all that was promised"
printf '\n%sAll of it was found.%s' "$bold" "$plain"
took "$begun"
