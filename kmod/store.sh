#!/bin/bash
# Makes a store of LiME modules that evac takes the right one from: builds, indexes and signs them.
# usage: store.sh --kernels LIST --key FILE --out DIR [--add DIR]... [--mok KEY:CERT] [--refresh] [--keep-going]
#   LIST   a file of lines ARCH DISTRO KERNEL: see kernels.txt
#   FILE   a signing key without a password, from evac keygen --signing or minisign -G -W; FILE.pub is its public half
#   --add  modules that were built elsewhere, each with its .json beside it (tree.sh); without --kernels, these alone
#   --mok  signs them for Secure Boot too (mok.sh)
# DIR is a new store, or one that is brought up to date: what it has stays, unless it is built anew. Last of all its
# index is replaced, so that a store that is being read is never without one.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=packaging/deps/common.sh
. "$here/../packaging/deps/common.sh"

usage() { sed -n '3s/^# //p' "$0" >&2; exit 64; }

kernels='' key='' out='' mok='' keep_going='' add=() refresh=()
while [ $# -gt 0 ]; do
	case $1 in
	--kernels | --key | --out | --mok) [ $# -ge 2 ] || usage; declare "${1#--}=$2"; shift 2 ;;
	--add) [ $# -ge 2 ] || usage; add+=("$2"); shift 2 ;;
	--refresh) refresh=(--refresh); shift ;;
	--keep-going) keep_going=yes; shift ;;
	*) usage ;;
	esac
done
if [ -z "$key" ] || [ -z "$out" ] || { [ -z "$kernels" ] && [ ${#add[@]} -eq 0 ]; }; then
	usage
fi
for program in jq minisign; do
	command -v "$program" >/dev/null || { say "$program is missing"; exit 1; }
done
for file in "$key" "$key.pub"; do
	[ -r "$file" ] || { say "$file cannot be read"; exit 1; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/new" "$out"

# --- the modules -----------------------------------------------------------------------------------------------

# released ARCH DISTRO PATTERN: the releases that match; in a process of its own, for what apt.sh sets.
released() (
	# shellcheck source=kmod/apt.sh
	. "$here/apt.sh"
	apt_open "$1" "$2"
	[ ${#refresh[@]} -eq 0 ] || apt_refresh
	apt_kernels "$3" "$1"
)

# Lines ARCH DISTRO RELEASE, patterns replaced by what there is.
expand() {
	local cpu system kernel
	while read -r cpu system kernel; do
		case $kernel in
		newest:*) released "$cpu" "$system" "${kernel#newest:}" | tail -n 1 ;;
		*[*?[]*) released "$cpu" "$system" "$kernel" ;;
		*) echo "$kernel" ;;
		esac | sed "s/^/$cpu $system /"
	done < <(sed 's/#.*//; /^[[:space:]]*$/d' "$kernels")
}

build_all() {
	local arch distro kernel
	expand >"$work/list"
	[ -s "$work/list" ] || { say "no kernel matches $kernels"; return 1; }
	while read -r arch distro kernel; do
		say "$arch $kernel"
		"$here/build.sh" --arch "$arch" --distro "$distro" --kernel "$kernel" --out "$work/new" "${refresh[@]}" \
			</dev/null >/dev/null && continue
		[ -n "$keep_going" ] || { say "no module for $arch $kernel"; return 1; }
		echo "$arch $kernel" >>"$work/failed"
	done <"$work/list"
}

[ -z "$kernels" ] || build_all
for dir in "${add[@]}"; do
	cp "$dir"/lime-*.ko "$dir"/lime-*.json "$work/new/"
done

# --- index and signatures --------------------------------------------------------------------------------------

# The record must be this file's: it is what will be signed.
check_record() {
	jq -e --arg file "$(basename "$1")" --arg sha256 "$(sha256sum <"$1" | cut -d' ' -f1)" --argjson size "$(stat -c %s "$1")" \
		'.file == $file and .sha256 == $sha256 and .size == $size and .file == "lime-\(.arch)-\(.release).ko" and
		 .module == "lime" and (.release as $r | .vermagic | startswith($r + " "))' "${1%.ko}.json" >/dev/null ||
		{ say "$(basename "$1"): its .json is not about this file"; return 1; }
}

sign() { minisign -S -W -s "$key" -m "$1" -x "$1.minisig" -c "signature of an evac module store" -t "$2"; }

sign_all() {
	local file now
	now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	for file in "$work"/new/*.ko; do
		sign "$file" "evac kmod module=$(basename "$file") size=$(stat -c %s "$file") utc=$now"
	done
	sign "$work/index.json" "evac kmod index modules=$(jq '.modules | length' "$work/index.json") utc=$now"
}

# Its file is another one then, and the record says whose certificate it was.
add_mok() {
	local file signer
	signer=$(openssl x509 -in "${mok#*:}" -noout -subject -nameopt RFC2253 | sed 's/^subject=//')
	for file in "$work"/new/*.ko; do
		"$here/mok.sh" sign --key "${mok%%:*}" --cert "${mok#*:}" "$file"
		jq --arg signer "$signer" --arg sha256 "$(sha256sum <"$file" | cut -d' ' -f1)" --argjson size "$(stat -c %s "$file")" \
			'.size = $size | .sha256 = $sha256 | .signer = $signer' "${file%.ko}.json" >"$work/record"
		mv "$work/record" "${file%.ko}.json"
	done
}

make_index() {
	local now old=()
	now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	[ ! -s "$out/index.json" ] || old=("$out/index.json")
	jq -s --arg now "$now" '(map(select(.evac_kmod) | .modules[]) + map(select(.evac_kmod | not)))
		| {evac_kmod: 1, made: $now, modules: (map({key: .file, value: .}) | from_entries | [.[]] | sort_by(.file))}' \
		"${old[@]}" "$work"/new/*.json >"$work/index.json"
}

# An index that somebody else wrote must not become signed by being merged.
check_old() {
	[ -s "$out/index.json" ] || return 0
	minisign -V -q -p "$key.pub" -m "$out/index.json" ||
		{ say "$out/index.json is not signed by this key"; return 1; }
}

check_old
[ -z "$mok" ] || add_mok
for file in "$work"/new/*.ko; do
	check_record "$file"
done
make_index
sign_all >"$work/log" 2>&1 </dev/null || { cat "$work/log" >&2; exit 1; }
cp "$work"/new/*.ko "$work"/new/*.minisig "$out/"
cp "$work/index.json.minisig" "$out/index.json.minisig.new"
cp "$work/index.json" "$out/index.json.new"
mv "$out/index.json.minisig.new" "$out/index.json.minisig"
mv "$out/index.json.new" "$out/index.json"
[ ! -s "$work/failed" ] || { sed 's/^/no module: /' "$work/failed" >&2; exit 1; }
echo "$out: $(jq '.modules | length' "$out/index.json") modules"
