#!/bin/bash
# Out of a store of six modules, evac takes the one for the guest's kernel by itself, from a directory, the web or a
# bucket, by option or by ticket; it refuses one whose signature is broken, and a store that hangs holds nothing up.
set -euo pipefail
# shellcheck source=tests/s3/lib.sh
. "$(dirname "$0")/../s3/lib.sh"
vm=$top/tests/vm

start_evidence
s3 make-public-bucket modules
"$evac" keygen --signing -o "$work/kmod.key" 2>/dev/null
"$evac" keygen --signing -o "$work/responder.key" 2>/dev/null
mkdir "$work/share"
cp "$S3_CA" "$work/ca.pem"

# --- the store -------------------------------------------------------------------------------------------------

store=$work/store
make_store() { "$top/kmod/store.sh" --kernels "$top/kmod/kernels.txt" --key "$work/kmod.key" --out "$store"; }
check "one command makes the store" make_store
six() { jq -e '(.modules | length >= 6) and ([.modules[].arch] | unique == ["amd64", "arm64"])' "$store/index.json"; }
check "it has six modules at least, of two architectures" six
genuine() {
	local file
	for file in "$store"/index.json "$store"/*.ko; do
		minisign -V -q -p "$work/kmod.key.pub" -m "$file" || return 1
	done
}
check "minisign: all of it is signed" genuine
listed() {
	jq -r '.modules[] | "\(.sha256)  \(.file)"' "$store/index.json" >"$work/sums"
	(cd "$store" && sha256sum -c --quiet --strict "$work/sums") && [ "$(wc -l <"$work/sums")" -eq "$(find "$store" -name '*.ko' | wc -l)" ]
}
check "the index has the digest of each" listed
again() { cp -r "$store" "$work/again" && "$top/kmod/store.sh" --add "$work/other" --key "$work/kmod.key" --out "$work/again"; }
mkdir "$work/other"
cp "$(find "$store" -name 'lime-amd64-6.1.*-cloud-amd64.ko')" "$work/other/"
jq '.modules[] | select(.file == "'"$(cd "$work/other" && echo lime-*.ko)"'")' "$store/index.json" >"$work/other/$(cd "$work/other" && basename lime-*.ko .ko).json"
check "a module that was built elsewhere is added" again
not_ours() { ! "$top/kmod/store.sh" --add "$work/other" --key "$work/responder.key" --out "$work/again"; }
check "but not to a store that another key signed" not_ours
old_lime() {
	mkdir "$work/lime"
	echo 'PACKAGE_VERSION="1.9.1"' >"$work/lime/dkms.conf"
	! "$top/kmod/tree.sh" --lime "$work/lime" --tree "$top" --out "$work/old" 2>"$work/said" && grep -q 'refused' "$work/said"
}
check "LiME before 1.12 is refused" old_lime

# The same with one byte of the guest's module changed, and with one of the index changed.
release=$(cat "$("$vm/prepare.sh")/release")
for kind in module index; do
	cp -r "$store" "$work/bad-$kind"
done
printf x | dd of="$work/bad-module/lime-amd64-$release.ko" bs=1 seek=9000 conv=notrunc status=none
sed -i 's/"size": 2/"size": 3/' "$work/bad-index/index.json"
tar -C "$work" -cf "$work/stores.tar" store bad-module bad-index
for file in "$store"/*; do
	s3 put modules "kmod/$(basename "$file")" "$file"
done

# --- the guest -------------------------------------------------------------------------------------------------

key=$(tail -n 1 "$work/kmod.key.pub")
ticket() {
	as WRITER "$evac" ticket --case "$1" --recipient "$(cat "$work/recipient")" --to s3://evidence/vm --sign-key "$work/responder.key" \
		--endpoint-url "https://10.0.2.2:$S3_PORT" --path-style --ca-file "$S3_CA" --only kernel,memory --checksum sha256 \
		--lime-store "$2" --lime-key "$work/kmod.key.pub" -o "$work/$1.ticket" 2>/dev/null
}
ticket by-bucket s3://modules/kmod
ticket by-web "https://10.0.2.2:$S3_PORT/modules/kmod"

cat >"$work/script" <<GUEST
. ./lib.sh
tar -xf stores.tar
remote="--endpoint-url https://10.0.2.2:$S3_PORT --path-style --ca-file ca.pem"
look() { ./evac preflight --json --lime-key $key "\${@:2}" >/evidence/\$1.json 2>/evidence/\$1.err; }
look store --lime-store /run/guest/store
look bad-module --lime-store /run/guest/bad-module
look bad-index --lime-store /run/guest/bad-index
look bucket --lime-store s3://modules/kmod --imds-endpoint none \$remote
look web --lime-store https://10.0.2.2:$S3_PORT/modules/kmod --ca-file ca.pem
look missing --lime-store https://10.0.2.2:$S3_PORT/modules/nothing --ca-file ca.pem
collect() {
	local name=\$1
	shift
	./evac collect "\$@" >/evidence/\$name.out 2>/evidence/\$name.err
	echo \$? >/evidence/\$name.status
	cut -d ' ' -f 1 /proc/modules | grep -x lime >>/evidence/left || :
}
here() {
	collect \$1 --case \$1 --recipient "\$(cat recipient)" --to /evidence/vault --only kernel,memory --lime-key $key "\${@:2}"
}
here dir --lime-store /run/guest/store
[ \$1 != brief ] || exit 0
here broken --lime-store /run/guest/bad-module
ip route add 192.0.2.1 dev eth0
here hung --lime-store https://192.0.2.1/kmod
for way in bucket web; do
	collect by-\$way --ticket by-\$way.ticket --responder responder.key.pub
done
GUEST
guest() {
	"$vm/run.sh" -k "$1" -m 160M -t 600 -s "$work/share" -p "$S3_PORT" -f "$evac" -f "$work/recipient" -f "$work/ca.pem" -f "$work/stores.tar" \
		-f "$work/by-bucket.ticket" -f "$work/by-web.ticket" -f "$work/responder.key.pub" "$work/script.$1"
}
sed "s/\\\$1 != brief/x != brief/" "$work/script" >"$work/script.6.1"
sed "s/\\\$1 != brief/x != x/" "$work/script" >"$work/script.6.12"
check "a guest with Linux $release runs" guest 6.1

taken() {
	cat "$work/share/$1.json" "$work/share/$1.err"
	jq -e --arg name "lime-amd64-$release.ko" '.lime_module.found and .lime_module.verified and .lime_module.name == $name and
		.memory.would_use == "lime"' "$work/share/$1.json"
}
refused() {
	cat "$work/share/$1.json" "$work/share/$1.err"
	jq -e --arg why "$2" '(.lime_module.found | not) and (.lime_module.why | contains($why)) and .memory.would_use == "kcore"' \
		"$work/share/$1.json"
}
check "preflight: the right one out of a directory" taken store
check "out of a bucket" taken bucket
check "out of the web" taken web
check "a module that was changed is refused" refused bad-module "signature does not match"
check "and so is an index" refused bad-index "signature does not match"
check "a store that is not there is said to be so" refused missing "index.json.minisig"

# came CASE METHOD FROM: whole, and the manifest says how, and which module that was.
came() {
	local manifest
	manifest=$(find "$work/share/vault/$1" "$work/pulled/$1" -name manifest.json 2>/dev/null | head -n 1)
	cat "$work/share/$1.err"
	[ "$(cat "$work/share/$1.status")" = 0 ] || return 1
	jq '.collectors[] | select(.name == "memory").notes' "$manifest"
	jq -e --arg method "$2" --arg from "$3" '.collectors[] | select(.name == "memory").notes |
		.method == $method and ((."lime.module" // "") + .lime | contains($from))' "$manifest"
}
for way in bucket web; do
	s3 pull evidence "vm/by-$way" "$work/pulled/by-$way"
done
check "collect: by LiME, out of a directory" came dir lime "store /run/guest/store, signature good"
check "with a broken signature: kcore, and why" came broken kcore "refused: module's signature"
check "by a ticket that names a bucket" came by-bucket lime "store s3://modules/kmod, signature good"
check "by a ticket that names a place of the web" came by-web lime "store https://10.0.2.2:$S3_PORT/modules/kmod, signature good"
check "from a store that hangs: kcore, and why" came hung kcore "refused: module store"
# When each of the two was stored: the store was still being waited for.
not_held_up() {
	local one other
	one=$(find "$work/share/vault/hung" -name volatile.done -printf '%T@\n')
	other=$(find "$work/share/vault/hung" -name '*-memory.tar.zst.age' -printf '%T@\n' | sort -n | head -n 1)
	echo "volatile.done at $one, memory from $other on"
	awk -v one="$one" -v other="$other" 'BEGIN { exit !(one > 0 && other - one > 4 && other - one < 20) }'
}
check "volatile state was safe before that, and memory ten seconds later" not_held_up
check "LiME is unloaded each time" [ ! -s "$work/share/left" ]

release=$(cat "$("$vm/prepare.sh" 6.12)/release")
rm -rf "$work/share"/{dir,store}*  "$work/share/vault"
check "a guest with Linux $release runs" guest 6.12
check "preflight: another module for another kernel" taken store
check "collect: by LiME" came dir lime "store /run/guest/store, signature good"
done_testing
