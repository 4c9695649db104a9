#!/bin/bash
# Kernels, architectures, lockdown, module signatures and page tables: which way evac takes memory, and that what it took
# analyses, with an independent reader and with gdb.
# usage: matrix.sh short|full [WORDS]   short: a few cells of the full table; WORDS: only cells whose line has these words
# A run of the full table writes tests/vm/RESULTS.md, any other build/vm/RESULTS.md. JOBS guests run side by side (2).
set -euo pipefail
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# kernel arch setting module paging shape; a setting is a word of the kernel's command line.
full="6.1 arm64 none yes 4 plain
6.1 arm64 none no 4 plain
6.1 arm64 lockdown=integrity yes 4 plain
6.1 arm64 lockdown=confidentiality yes 4 plain
6.1 arm64 module.sig_enforce=1 yes 4 plain
newest arm64 none no 4 plain
newest arm64 lockdown=integrity no 4 plain
newest arm64 lockdown=confidentiality no 4 plain
newest arm64 module.sig_enforce=1 no 4 plain
6.1 amd64 none yes 4 plain
6.1 amd64 none no 5 plain
6.1 amd64 lockdown=integrity yes 4 plain
6.1 amd64 lockdown=confidentiality yes 4 plain
6.1 amd64 module.sig_enforce=1 yes 5 plain
6.12 amd64 none yes 5 plain
6.12 amd64 none no 4 plain
6.12 amd64 lockdown=integrity yes 5 plain
6.12 amd64 lockdown=confidentiality yes 5 plain
6.12 amd64 module.sig_enforce=1 yes 4 plain
6.12 amd64 none yes 4 holes
6.12 amd64 lockdown=integrity no 5 holes
6.12 amd64 none yes 4 virtio-mem
6.12 amd64 none no 5 virtio-mem
newest amd64 none no 4 plain
newest amd64 none no 5 plain
newest amd64 lockdown=integrity no 5 plain
newest amd64 lockdown=confidentiality no 4 plain
newest amd64 module.sig_enforce=1 no 4 plain"
short="6.12 amd64 lockdown=integrity yes 5 plain
newest amd64 none no 4 plain
6.1 amd64 lockdown=confidentiality yes 4 plain"

# What must be: the method, and why LiME is refused.
expect() {
	method=kcore why=
	case $setting in
	lockdown=confidentiality) method=process why="EPERM: lockdown=confidentiality" ;;
	lockdown=integrity) why="EPERM: lockdown=integrity and module not signed" ;;
	module.sig_enforce=1) why="EKEYREJECTED: kernel wants signed modules, this is not" ;;
	none) [ "$module" = no ] || method=lime ;;
	esac
	[ "$module" = yes ] || why="no module"
}

# The guest's side: an intruder's processes, one of them behind an empty directory; then what evac says and takes; at
# last the kernel itself is asked for what evac was refused.
guest_script() {
	cat <<-GUEST
		. ./lib.sh
		plant -d /tmp -m $marker -p 127.0.0.1:4443 marker deleted memfd names zombie peer implant || exit 9
		truth
		hide "\$(sed -n 's/.*"kind":"memfd","pid":\([0-9]*\).*/\1/p' /evidence/planted.ndjson)"
		[ $shape != virtio-mem ] || until grep -q 'System RAM (virtio_mem)' /proc/iomem; do sleep 0.2; done
		cat /proc/iomem >/evidence/iomem
		cut -d ' ' -f 1 /proc/modules >/evidence/modules
		cat /sys/kernel/security/lockdown >/evidence/lockdown
		echo "$marker is in the log" >/dev/kmsg
		./evac preflight ${lime[*]} --json >/evidence/preflight.json 2>/evidence/preflight.err
		echo \$? >/evidence/preflight.status
		./evac collect --case cell --recipient "\$(cat recipient)" --to /evidence/vault --only memory ${lime[*]} \
			>/evidence/cell.out 2>/evidence/cell.err
		echo \$? >/evidence/status
		{
			[ ! -e lime.ko ] || [ $method = lime ] || insmod ./lime.ko path=/tmp/out format=lime timeout=0
			dd if=/proc/kcore of=/dev/null bs=4096 count=1
			dd if=/dev/mem of=/dev/null bs=4096 count=1 skip=$((${high_mib:-64} * 256))
		} 2>&1 | grep -v records >/evidence/kernel-says
		[ -e /dev/crash ] || echo "/dev/crash: No such file or directory" >>/evidence/kernel-says
		exit 0
	GUEST
}

run_guest() {
	local cpu='' program=$top/build/x86_64/evac options=()
	case $arch-$paging in
	amd64-4) cpu=qemu64 ;;
	amd64-5) cpu=qemu64,+la57 ;;
	arm64-4) cpu=cortex-a57 program=$top/build/aarch64/evac high_mib=$((1024 + 64)) ;;
	esac
	case $shape in
	plain) options=(-m 128M) ;;
	holes) options=(-m 192M) append="memmap=1M\$48M memmap=68K\$80M memmap=4K\$97M memmap=12M\$140M" ;;
	virtio-mem) options=(-m 128M -q "-m maxmem=2G -object memory-backend-memfd,share=on,id=more,size=512M -device virtio-mem-pci,memdev=more,requested-size=96M,block-size=2M") ;;
	esac
	[ "$module" = no ] || options+=(-f "$vm/lime.ko")
	[ "$setting" = none ] || append+=" $setting"
	guest_script | evac=$program boot -n -A "$arch" -k "$kernel" -c "$cpu" -a "$append" -t "$limit" "${options[@]}"
}

py() { python3 "$here/$1" "${@:2}"; }
open_as() {
	rm -rf "${work:?}/$1"
	"$evac" open "$(collection cell)" --signer "$key" --identity "$work/identity" --image "$1" --out "$work/$1"
}

# The ELF form with gdb: kernel's banner at its own address.
gdb_banner() {
	local address
	address=$(py kernel.py address "$work/elf" linux_banner)
	gdb-multiarch -q -batch -nx -ex 'set print elements 512' -core "$work/elf/memory.elf" -ex "x/s $address" 2>&1 |
		tee "$work/gdb" | grep -qF "$(cut -c1-80 "$work/elf/memory/proc/version")" || { cat "$work/gdb"; return 1; }
}

physical() {
	check "$name: the image has every range of /proc/iomem to the byte" py lime.py coverage "$work/lime/memory.lime" "$share/iomem"
	check "$name: the task list in the image has each planted process" py kernel.py planted "$work/lime" "$share/truth"
	sed -n 's/^ok .*//; s/ planted.*//p' "$work/check" | tail -n 1 >"$work/found"
	check "$name: page tables of $paging levels were walked for it" py kernel.py paging "$work/lime" "$paging"
	check "$name: it opens as an ELF core" open_as elf
	for query in "planted $work/elf $share/truth" "banner $work/elf" "modules $work/elf $(paste -sd ' ' "$share/modules")" \
		"log $work/elf $marker"; do
		# shellcheck disable=SC2086
		check "$name: from the ELF core: ${query%% *}" py kernel.py $query
	done
	check "$name: gdb shows the kernel's banner" gdb_banner
	if [ "$crash" = yes ] && [ "$arch $setting $shape" = "amd64 none plain" ]; then
		check "$name: crash shows banner, processes, modules and log" "$here/crash.sh" "$vm" "$work/elf" "$share" "$marker"
	fi
}

processes() {
	check "$name: the ELF cores have each planted process and its secret, and gdb reads them" \
		py cores.py "$work/lime/memory/process" "$share/truth" "$share/planted.ndjson"
	tail -n 1 "$work/check" | sed 's/ planted.*//' >"$work/found"
}

run_cell() {
	local kernel=$1 arch=$2 setting=$3 module=$4 paging=$5 shape=$6 row=$7 vm lime=() limit=600 append='' high_mib=64
	local method why release begun=$SECONDS name key query marker=EVAC-MATRIX
	expect
	vm=$("$here/prepare.sh" "$kernel" --arch "$arch")
	release=$(cat "$vm/release")
	name="$release $setting, module $module, $paging levels, $shape"
	[ "$module" = no ] || lime=(--lime lime.ko)
	helper_for "$arch"
	make_keys
	echo 0 >"$work/found"
	check "$name: the guest ran" run_guest
	[ -s "$share/status" ] || return 0
	key=$(sed -n 's/.*"public_key":"\([^"]*\)".*/\1/p' "$share/cell.out")
	check "$name: the ladder is as it must be, and the kernel says the same" \
		py cell.py ladder "$share" "$(collection cell)/manifest.json" "$method" "$why"
	check "$name: it verifies and opens" open_as lime
	if [ "$method" = process ]; then processes; else physical; fi
	py cell.py row "$share" "$(collection cell)/manifest.json" "$release" "$arch" "$setting" "$module" "$paging" "$shape" \
		"$(cat "$work/found")" "$((count - failed)) of $count" $((SECONDS - begun)) >"$row"
}

# Each cell is a program of its own; what they say is one test when all have ended.
run_all() {
	local number=0 running=0 line
	while read -r line; do
		number=$((number + 1))
		if [ "$running" -ge "${JOBS:-2}" ]; then
			wait -n || true
			running=$((running - 1))
		fi
		# shellcheck disable=SC2086
		"$here/matrix.sh" cell "$crash" $line "$work/$(printf %03d $number).row" </dev/null >"$work/$(printf %03d $number).tap" 2>&1 ||
			echo "not ok 1 - $line" >"$work/$(printf %03d $number).bad" &
		running=$((running + 1))
	done
	wait
}

report() {
	local results=$top/build/vm/RESULTS.md tap
	[ "$which $only" != "full " ] || results=$here/RESULTS.md
	for tap in "$work"/*.tap; do
		grep -v '^1\.\.' "$tap" || true
		# One that ended without a word of what failed.
		[ ! -e "${tap%.tap}.bad" ] || grep -q '^not ok' "$tap" || cat "${tap%.tap}.bad"
	done | awk '/^(not )?ok [0-9]+/ { sub(/ok [0-9]+/, "ok " ++n) } { print }' >"$work/all"
	cat "$work/all"
	cat "$work"/*.row >"$work/rows"
	py cell.py table "$work/rows" >"$work/table"
	sed 's/^/# /' "$work/table"
	echo "1..$(grep -cE '^(not )?ok ' "$work/all")"
	cp "$work/table" "$results"
	! grep -q '^not ok' "$work/all"
}

case ${1-} in
cell)
	crash=$2
	run_cell "${@:3}"
	done_testing
	exit
	;;
short) which=short cells=$short crash=no ;;
full) which=full cells=$full crash=yes ;;
*) sed -n '4s/^# //p' "$0" >&2; exit 64 ;;
esac
only=${2-}
[ -x "$top/build/aarch64/evac" ] || [ $which = short ] || { echo "no build/aarch64/evac: make ARCH=aarch64" >&2; exit 1; }
grep -F -- "$only" <<<"$cells" >"$work/cells"
run_all <"$work/cells"
report
