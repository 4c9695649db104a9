#!/bin/bash
# Brings the third-party sources of one Debian suite into the cache: the newest version of each that can be had.
# usage: fetch.sh [refresh]
# Result: $EVAC_CACHE/sources/NAME/VERSION/*, and $EVAC_CACHE/sources/versions with a line `NAME VERSION` each.
# With a complete cache nothing is asked of the network, except by `refresh`.
# apt checks all signatures. It runs with a configuration of its own: the machine's sources and lists are not touched.
set -euo pipefail

suite=trixie
sources="musl openssl curl zstd libarchive libsodium yyjson"
binaries="ca-certificates linux-libc-dev"

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"
versions=$cache/sources/versions
mkdir -p "$cache/sources" "$cache/apt"

exec 9>"$cache/sources/lock"
flock 9

# Debian's name of a source package where it is not the project's name for it.
package_of() { case $1 in zstd) echo libzstd ;; *) echo "$1" ;; esac; }

complete() {
	local name version
	[ -s "$versions" ] || return 1
	for name in $sources $binaries; do
		version=$(sed -n "s/^$name //p" "$versions")
		[ -n "$version" ] && [ -s "$cache/sources/$name/$version/SHA256SUMS" ] || return 1
	done
}

[ "${1-}" = refresh ] || ! complete || exit 0

# --- the private apt -------------------------------------------------------------------------------------------

# Where this machine gets Debian from, as `BASE SUITE` lines: apt itself reads both formats of its configuration.
machine_mirrors() {
	env -u APT_CONFIG apt-get update --print-uris 2>/dev/null |
		sed -n "s|^'\(.*\)/dists/\([^/ ]*\)/InRelease'.*|\1 \2|p" | sort -u
}

apt_configure() {
	local a=$cache/apt
	rm -rf "$a/sources.d" "$a/main.d"
	mkdir -p "$a/sources.d" "$a/main.d" "$a/lists/partial" "$a/archives/partial"
	cat >"$a/apt.conf" <<-CONF
	Dir::Etc::sourcelist "/dev/null";
	Dir::Etc::sourceparts "$a/sources.d";
	Dir::Etc::preferences "/dev/null";
	Dir::Etc::preferencesparts "/dev/null";
	Dir::State::lists "$a/lists";
	Dir::Cache "$a";
	Acquire::Languages "none";
	Acquire::Retries "2";
	Acquire::Check-Valid-Until "false";
	APT::Sandbox::User "root";
	APT::Update::Error-Mode "any";
	#clear APT::Update::Pre-Invoke;
	#clear APT::Update::Post-Invoke;
	#clear APT::Update::Post-Invoke-Success;
	CONF
	export APT_CONFIG=$a/apt.conf
}

# apt_add BASE SUITE: adds one source; takes it away again when it cannot be fetched or its signature is wrong.
apt_add() {
	local file=$cache/apt/sources.d/$2.sources keyring=/usr/share/keyrings/debian-archive-keyring
	[ -e "$keyring.gpg" ] && keyring=$keyring.gpg || keyring=$keyring.pgp
	printf '%s\n' "Types: deb deb-src" "URIs: $1" "Suites: $2" "Components: main" "Signed-By: $keyring" >"$file"
	apt-get -qq update >"$cache/apt/update.log" 2>&1 && return 0
	rm -f "$file"
	return 1
}

apt_start() {
	local base name mirrors have=""
	mirrors=$(machine_mirrors)
	apt_configure
	while read -r base name; do
		[[ -n $base && $name != *-* && $name != */* ]] || continue
		apt_add "$base" "$suite" || continue
		have=yes
		apt_add "$base" "$suite-updates" || say "no $suite-updates"
		break
	done <<<"$mirrors"
	[ -n "$have" ] || return 1
	cp "$cache"/apt/sources.d/* "$cache/apt/main.d/"
	have=
	while read -r base name; do
		[[ $name == *-security ]] && apt_add "$base" "$suite-security" && { have=yes; break; }
	done <<<"$mirrors"
	[ -n "$have" ] || say "no $suite-security: only what the point releases bring"
}

# --- one package -----------------------------------------------------------------------------------------------

# publish NAME VERSION DIR: the finished directory appears in the cache at once.
publish() {
	(cd "$3" && sha256sum -- * >"$work/sums" && mv "$work/sums" SHA256SUMS)
	mkdir -p "$cache/sources/$1"
	rm -rf "$cache/sources/${1:?}/$2"
	mv "$3" "$cache/sources/$1/$2"
}

cached() { [ -s "$cache/sources/$1/$2/SHA256SUMS" ]; }

index_versions() {
	apt-cache showsrc --only-source "$1" 2>/dev/null | sed -n 's/^Version: //p' | sort -rVu
}

# The .orig.tar of PACKAGE VERSION as `SHA256 FILE`, from the signed index.
index_orig() {
	apt-cache showsrc --only-source "$1" | awk -v want="$2" '
		/^Version: / { right = ($2 == want) }
		/^[^ ]/ { sums = /^Checksums-Sha256:/ }
		right && sums && $3 ~ /\.orig\.tar\.[a-z0-9]+$/ && !n++ { print $1 "  " $3 }'
}

# The same version may be in two pools, and a mirror may have its files in the second only.
download_source() {
	apt-get -qq source --download-only --only-source "$1" ||
		apt-get -qq -o Dir::Etc::sourceparts="$cache/apt/main.d" source --download-only --only-source "$1"
}

# A mirror may lack files of the newest version: the newest complete one is taken.
fetch_source() {
	local name=$1 package version d first=""
	package=$(package_of "$name")
	for version in $(index_versions "$package"); do
		first=${first:-$version}
		d=$work/$name-$version
		mkdir "$d"
		if cached "$name" "$version" ||
			(cd "$d" && download_source "$package=$version") >>"$work/log" 2>&1; then
			[ "$version" = "$first" ] || say "$name $first cannot be had, taking $version"
			cached "$name" "$version" || publish "$name" "$version" "$d"
			found=$version
			return 0
		fi
	done
	fetch_orig "$name" "$package"
}

# Nothing complete: the upstream tarball alone, without Debian's patches. The signed index vouches for it.
fetch_orig() {
	local name=$1 package=$2 version sum upstream d
	for version in $(index_versions "$package"); do
		d=$work/$name-$version
		sum=$(index_orig "$package" "$version")
		upstream=${version%-*}
		upstream=${upstream#*:}
		(cd "$d" && [ -n "$sum" ] && sha256sum --quiet -c <<<"$sum") >>"$work/log" 2>&1 || continue
		find "$d" -type f ! -name "${sum#*  }" -delete
		say "$name: only the upstream tarball of $version can be had"
		publish "$name" "$upstream" "$d"
		found=$upstream
		return 0
	done
	return 1
}

fetch_binary() {
	local name=$1 version d
	for version in $(apt-cache madison "$name" | awk '/ Packages$/ { print $3 }' | sort -rVu); do
		d=$work/$name-$version
		mkdir "$d"
		cached "$name" "$version" && found=$version && return 0
		(cd "$d" && apt-get -qq download "$name=$version") >>"$work/log" 2>&1 || continue
		publish "$name" "$version" "$d"
		found=$version
		return 0
	done
	return 1
}

# The newest version of NAME that an earlier run left in the cache.
newest_cached() {
	local version
	for version in $(cd "$cache/sources/$1" 2>/dev/null && printf '%s\n' * | sort -rV); do
		cached "$1" "$version" && found=$version && return 0
	done
	return 1
}

# --- all of them -----------------------------------------------------------------------------------------------

work=$(mktemp -d "$cache/sources/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

online=yes
apt_start || { online=; say "$suite cannot be reached, using what the cache has"; }

for name in $sources $binaries; do
	kind=source
	[[ " $binaries " != *" $name "* ]] || kind=binary
	found=
	{ [ -n "$online" ] && "fetch_$kind" "$name"; } || newest_cached "$name" || {
		cat "$cache/apt/update.log" "$work/log" >&2 2>/dev/null || true
		say "$name: cannot be fetched, and the cache has none"
		exit 1
	}
	echo "$name $found"
done >"$work/versions"
mv "$work/versions" "$versions"
