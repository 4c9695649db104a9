#!/usr/bin/env bash
# Goal: a collection that an attacker made, with a key of his own and hostile names in it, writes nothing outside.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
need minisign age zstd tar sha256sum mknod
make_key
make_signer
ID=20261124T093000Z-7f3a
outside=$WORK/outside
mkdir "$outside" "$WORK/src" "$WORK/coll"
cp "$WORK/signer.pub" "$WORK/coll/evac.pub"
tarball=$WORK/hostile.tar

# add NAME FILE OPTIONS...: FILE of the current directory, under another name.
add() {
	local name=$1 file=$2
	shift 2
	tar -rPf "$tarball" --transform="s,^$file\$,$name,rSh" "$@" -- "$file"
}

pack() {
	cd "$WORK/src"
	echo evil >evil
	echo good >good
	ln -s "$outside" way
	ln -s good inner
	ln good hard
	mkfifo pipe
	mknod null c 1 3
	mkdir dir
	tar -cf "$tarball" -- good
	add "$outside/absolute" evil
	add "../../outside/dotdot" evil
	add "a/../../../outside/middle" evil
	add "a/.." evil
	add "./dot" evil
	add "a//double" evil
	# A link that leads out, and then a file through it.
	tar -rPf "$tarball" -- way
	add "way/through" evil
	tar -rPf "$tarball" -- inner
	# A hard link to what is outside, and its content written anew.
	tar -rPf "$tarball" -- good hard
	add pipe-entry pipe
	add device-entry null
	tar -rPf "$tarball" --no-recursion -- dir
	# A name twice: the second must not take the first one's place.
	add twice good
	add twice evil
	# Over what evac open itself writes.
	add "SHA256SUMS.d/0000-logs" evil
	add memory.lime evil
	# A file where a directory is, and below a file.
	add "good/below" evil
	# Pieces that overlap, and one that is far away.
	add "joined@000000000000.part" good
	add "joined@000000000002.part" evil
	add "far@9223372036854775807.part" evil
	add "../../outside/cut@000000000000.part" evil
	sha256sum good >SHA256SUMS
	tar -rf "$tarball" SHA256SUMS
}
(pack) >"$WORK/pack.log" 2>&1 || { sed 's/^/# /' "$WORK/pack.log"; not_ok "the archive is made"; }

segment=0000-logs.tar.zst.age
zstd -q <"$tarball" | age -r "$RECIPIENT" >"$WORK/coll/$segment"
sign "$WORK/coll/$segment" 0
printf '{"evac_manifest":1,"collection":"%s","case":"C","host":"h","path":"C/h/%s","public_key":"%s","complete":true,%s"lost":[],"segments":[{"number":0,"group":"logs","name":"%s","size":%d,"sha256":"%s","entries":99,"entry_bytes":100000}]}\n' \
	"$ID" "$ID" "$SIGNER" '"collectors":[],"notes":[],' "$segment" "$(stat -c %s "$WORK/coll/$segment")" \
	"$(sha256sum <"$WORK/coll/$segment" | cut -d ' ' -f 1)" >"$WORK/coll/manifest.json"
sign "$WORK/coll/manifest.json"
run "$EVAC" verify "$WORK/coll" --signer "$SIGNER"
check "its signatures are all right" test "$status" = 0
check "the archive has what it should: $(tar -tPf "$tarball" | wc -l) entries" \
	test "$(tar -tPf "$tarball" | grep -c outside)" -ge 4

mkdir "$WORK/place"
run "$EVAC" open "$WORK/coll" --identity "$KEY" --out "$WORK/place/out" --signer "$SIGNER"
check "open exits 1" test "$status" = 1
check "nothing is outside" test -z "$(find "$outside" -mindepth 1)"
check "nothing is beside" test "$(ls "$WORK/place")" = out
check "only plain files and directories were made" test -z "$(find "$WORK/place/out" ! -type f ! -type d)"
check "no file has two names" test -z "$(find "$WORK/place/out" -type f -links +1)"
check "none has an owner, a mode or bits of the archive" test -z "$(find "$WORK/place/out" -type f -perm /7077)"
check "what is harmless is there" test "$(cat "$WORK/place/out/good")" = good
check "the first of a name stays" test "$(cat "$WORK/place/out/twice")" = good
check "an overlapping piece changes nothing" test "$(cat "$WORK/place/out/joined")" = good
check "a name below a link that was refused is one like any other" grep -q evil "$WORK/place/out/way/through"
rm "$WORK/place/out/way/through"
check "evil is nowhere else" test -z "$(grep -rl evil "$WORK/place/out" --exclude-dir=SHA256SUMS.d)"
for name in "$outside/absolute" ../../outside/dotdot a/../../../outside/middle a/.. ./dot a//double way \
	inner hard pipe-entry device-entry dir/ twice SHA256SUMS.d/0000-logs memory.lime good/below \
	joined@000000000002.part far@9223372036854775807.part ../../outside/cut@000000000000.part; do
	check "named: $name" grep -qE "^${name//./\\.}: " "$WORK/stderr"
done
check "SHA256SUMS that does not agree is named" says "$WORK/stderr" "SHA256SUMS differ"
finish
