# shellcheck shell=bash
# Shared by the scripts beside it: where the cache is, and how they speak.

# Never inside the project: a fresh clone then finds what an earlier one built.
if [ -n "${EVAC_CACHE-}" ]; then
	cache=$EVAC_CACHE
elif [ "$(id -u)" -eq 0 ]; then
	cache=/var/cache/evac
else
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/evac
fi
export EVAC_CACHE=$cache

say() { echo "${0##*/}: $*" >&2; }

# source_version NAME, source_dir NAME: what fetch.sh has chosen, and where its files are.
source_version() { sed -n "s/^$1 //p" "$cache/sources/versions"; }
source_dir() { echo "$cache/sources/$1/$(source_version "$1")"; }

# unpack NAME DIR: a source package with Debian's patches, or the upstream tarball where there was nothing else.
# All files get one time, else make would run autotools again because a patch touched configure.ac.
unpack() {
	local d
	d=$(source_dir "$1")
	(cd "$d" && sha256sum --quiet -c SHA256SUMS)
	if compgen -G "$d/*.dsc" >/dev/null; then
		# apt has checked it against the signed index, and no keyring of maintainers is needed here.
		dpkg-source --no-check -x "$d"/*.dsc "$2"
	else
		mkdir "$2"
		tar -C "$2" --strip-components=1 -xf "$d"/*.orig.tar.*
	fi
	find "$2" -type f -exec touch -h -d @1700000000 {} +
}

# unpack_binary NAME DIR: the files of a binary package.
unpack_binary() {
	local d
	d=$(source_dir "$1")
	(cd "$d" && sha256sum --quiet -c SHA256SUMS)
	dpkg-deb -x "$d"/*.deb "$2"
}
