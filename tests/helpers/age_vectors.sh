#!/bin/bash
# Goal: build/age-vectors/ holds the published test vectors of the age format (C2SP/CCTV), plain files ready to read.
#
# They come in a Debian package of the suite that the sources of the build come from. Vectors that are marked as
# compressed are inflated, their mark removed, so that the test needs no zlib.
set -euo pipefail
cd "$(dirname "$0")/../.."
package=golang-github-c2sp-cctv-dev
target=build/age-vectors

[ ! -e "$target/x25519" ] || exit 0
# shellcheck source-path=SCRIPTDIR/../.. source=packaging/deps/common.sh
. packaging/deps/common.sh
mkdir -p build "$cache/age-vectors"
work=$(mktemp -d build/age-vectors.XXXXXX)
trap 'rm -rf "$work"' EXIT

exec 9>"$cache/age-vectors/lock"
flock 9
if ! compgen -G "$cache/age-vectors/*.deb" >/dev/null; then
	packaging/deps/fetch.sh
	mkdir "$work/deb"
	(cd "$work/deb" && APT_CONFIG=$cache/apt/apt.conf apt-get -qq download "$package")
	mv "$work"/deb/*.deb "$cache/age-vectors/"
fi
dpkg-deb -x "$cache"/age-vectors/*.deb "$work/files"

python3 - "$work/files/usr/share/gocode/src/c2sp.org/CCTV/age/testdata" "$work/out" <<'PY'
import os, sys, zlib
source, out = sys.argv[1:]
os.mkdir(out)
for name in sorted(os.listdir(source)):
    with open(os.path.join(source, name), "rb") as f:
        head, body = f.read().split(b"\n\n", 1)
    lines = head.split(b"\n")
    if b"compressed: zlib" in lines:
        lines.remove(b"compressed: zlib")
        body = zlib.decompress(body)
    with open(os.path.join(out, name), "wb") as f:
        f.write(b"\n".join(lines) + b"\n\n" + body)
PY
rm -rf "$target"
mv "$work/out" "$target"
