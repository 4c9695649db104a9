#!/bin/bash
# Builds evac's third-party libraries as static archives, or takes them from the cache.
# usage: build.sh x86_64|aarch64|native|ca-roots
# Result below build/deps/ (or $EVAC_DEPS_OUT): ARCH/{bin/{cc,ar,strip,...},include,lib/*.a,versions}, ARCH being a link
# into the cache; ca-roots.pem and ca-roots.version. README.md beside this file says more.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"
result=${EVAC_DEPS_OUT:-$here/../../build/deps}
umask 022
export EVAC_JOBS=${EVAC_JOBS:-$(nproc)}
libraries="openssl curl zstd libarchive libsodium yyjson"

# Which gcc builds for ARCH.
compiler() { if [ "$1" = native ]; then echo gcc; else echo "$1-linux-gnu-gcc"; fi; }

# All that the archives depend on.
inputs() {
	local gcc
	gcc=$(compiler "$1")
	echo "$1 $(uname -m)"
	"$gcc" --version | sed -n 1p
	"${gcc%gcc}ld" --version | sed -n 1p
	cat "$cache/sources/versions" "$here"/{build,common,toolchain,library}.sh
}

# logged NAME COMMAND...: output goes to a log, which is shown and kept only when the command fails.
logged() {
	local name=$1 start=$SECONDS
	shift
	if "$@" >"$work/$name.log" 2>&1; then
		say "$arch $name: $((SECONDS - start)) s"
		return 0
	fi
	cp "$work/$name.log" "$result/failed-$arch-$name.log"
	tail -n 30 "$work/$name.log" >&2
	say "$arch $name failed; all of its output: build/deps/failed-$arch-$name.log"
	return 1
}

library() { logged "$1" "$here/library.sh" "$1" "$arch" "$out" "$work"; }

native_tools() {
	local tool
	mkdir -p "$out/bin"
	ln -s "$(command -v gcc)" "$out/bin/cc"
	for tool in ar ranlib nm strip objcopy objdump readelf size; do ln -s "$(command -v $tool)" "$out/bin/$tool"; done
}

# Fills $out. OpenSSL and curl take as long as all the others together, so these run beside them.
build() {
	local pid rc=0
	mkdir -p "$out/lib" "$out/include"
	if [ "$arch" = native ]; then native_tools; else logged toolchain "$here/toolchain.sh" "$arch" "$out" "$work"; fi
	(library openssl && library curl) &
	pid=$!
	library zstd && library libarchive && library libsodium && library yyjson || rc=1
	wait $pid || rc=1
	[ $rc -eq 0 ] || return 1
	find "$out" -name '*.la' -delete
	rm -rf "$out/lib/pkgconfig" "$out/share"
	if [ "$arch" != native ]; then
		# What the assembly still has of unwind tables.
		find "$out/lib" -name '*.a' -exec "$out/bin/objcopy" -D -R .eh_frame -R .rela.eh_frame -R .comment {} \;
	fi
	write_versions >"$out/versions"
}

write_versions() {
	local name
	for name in $libraries; do echo "$name $(source_version "$name")"; done
	if [ "$arch" != native ]; then
		echo "musl $(source_version musl)"
		echo "linux-libc-dev $(source_version linux-libc-dev)"
	fi
	echo "gcc $("$(compiler "$arch")" -dumpfullversion) $("$(compiler "$arch")" --version | sed -n '1s/.*(\(.*\)).*/\1/p')"
}

# link_result KEY: build/deps/ARCH points at the cache entry; replaced in one step.
link_result() {
	local new=$result/.$arch.$$
	ln -sfn "$cache/deps/$1" "$new"
	mv -T "$new" "$result/$arch"
}

build_arch() {
	local key
	arch=$1
	command -v "$(compiler "$arch")" >/dev/null || { say "no $(compiler "$arch"): run packages.sh build"; exit 1; }
	key=$(inputs "$arch" | sha256sum | cut -c1-32)
	mkdir -p "$cache/deps"
	exec 8>"$cache/deps/.$arch.lock"
	flock 8
	if [ ! -e "$cache/deps/$key/versions" ]; then
		rm -rf "$cache/deps/.$arch".build.* # a killed run's: nobody else has the lock
		work=$(mktemp -d "$cache/deps/.$arch.build.XXXXXX")
		trap 'rm -rf "$work"' EXIT
		out=$work/out
		build
		mv -T "$out" "$cache/deps/$key"
		chmod 755 "$cache/deps/$key"
	fi
	link_result "$key"
}

# Mozilla's roots in one file, in the order of their names.
ca_roots() {
	local version
	version=$(source_version ca-certificates)
	[ -s "$result/ca-roots.pem" ] && [ "$(cat "$result/ca-roots.version")" = "$version" ] && return 0
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	unpack_binary ca-certificates "$work/files"
	(cd "$work/files/usr/share/ca-certificates/mozilla" && LC_ALL=C && cat ./*.crt) >"$work/pem"
	cp "$work/pem" "$result/.ca-roots.$$"
	mv "$result/.ca-roots.$$" "$result/ca-roots.pem"
	echo "$version" >"$result/ca-roots.version"
}

mkdir -p "$result"
result=$(cd "$result" && pwd)
"$here/fetch.sh"
case ${1-} in
x86_64 | aarch64 | native) build_arch "$1" ;;
ca-roots) ca_roots ;;
*) sed -n '2,3s/^# //p' "$0" >&2; exit 64 ;;
esac
