#!/bin/bash
# Shows that two builds from scratch, in different directories and surroundings, give the same bytes.
# usage: reproduce.sh [ARCH]   (x86_64 when not named; takes two full builds)
# The builds share nothing but the downloaded sources. Exit 0 same, 1 different.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"
arch=${1:-x86_64}

"$here/fetch.sh"
sources=$cache/sources
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build_in DIR VARIABLE=VALUE...
build_in() {
	local d=$work/$1
	shift
	mkdir -p "$d/cache"
	ln -s "$sources" "$d/cache/sources"
	env "$@" EVAC_CACHE="$d/cache" EVAC_DEPS_OUT="$d/out" "$here/build.sh" "$arch"
}

build_in one TZ=UTC LC_ALL=C EVAC_JOBS=1
umask 077
build_in another-and-a-longer-name TZ=Asia/Tokyo LC_ALL=C.UTF-8 EVAC_JOBS=2

one=$work/one/out/$arch another=$work/another-and-a-longer-name/out/$arch
[ -s "$one/lib/libcurl.a" ] || { say "$arch: nothing was built"; exit 1; }
diff -r --no-dereference "$one/" "$another/" || { say "$arch: the two builds differ"; exit 1; }
say "$arch: $(find "$one/lib/" -name '*.a' | wc -l) archives, the same bytes twice"
