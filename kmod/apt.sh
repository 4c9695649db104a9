# shellcheck shell=bash
# Debian packages of any suite, fetched into the cache and never installed; sourced by the scripts that need kernels.
# apt checks all signatures. It runs with a configuration of its own: the machine's sources and lists are not touched.
#
#   apt_open [ARCH [DISTRO]]    start with the index of this machine's architecture, and of ARCH as well, of debian or ubuntu
#   apt_close              let the next one have the packages
#   apt_refresh            fetch the index again
#   apt_newest PACKAGE     prints the newest version there is
#   apt_fetch PACKAGE VERSION   prints the path of the .deb, downloading it if the cache lacks it
#   apt_kernel SERIES ARCH prints the newest cloud kernel of SERIES (6.1, 6.12) whose tools run on this machine
#   apt_kernels PATTERN ARCH    prints the releases that match, such as 6.1.0-*-cloud-amd64
#   apt_suite PACKAGE VERSION   prints the suite that has it, without -security and the like

# shellcheck source=packaging/deps/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../packaging/deps/common.sh"

# Kernels come from the stable suites. The testing suite is there for LiME only: see the preferences below.
apt_stable="bookworm trixie"
apt_testing=forky
# Ubuntu's kernels come from this machine's own mirror, or from $EVAC_UBUNTU_MIRROR, which other systems set.
apt_ubuntu="jammy noble"
debs=$cache/kmod/debs

apt_mirrors() {
	env -u APT_CONFIG apt-get update --print-uris 2>/dev/null |
		sed -n "s|^'\(.*\)/dists/\([^/ ]*\)/InRelease'.*|\1 \2|p" | sort -u
}

# apt_source BASE SUITE [KEYRING]: one file per suite, so that one that cannot be had can be taken away.
apt_source() {
	local keyring=${3:-/usr/share/keyrings/debian-archive-keyring}
	[ -e "$keyring.gpg" ] && keyring=$keyring.gpg || keyring=$keyring.pgp
	printf '%s\n' "Types: deb" "URIs: $1" "Suites: $2" "Components: main" \
		"Architectures: $apt_archs" "Signed-By: $keyring" >"$apt_dir/sources.d/$2.sources"
}

# Debian has Ubuntu's keys as a package, so that its signatures can be checked here.
apt_sources_ubuntu() {
	local keyring=$cache/kmod/ubuntu-keyring/usr/share/keyrings/ubuntu-archive-keyring suite deb
	local dir=$apt_dir archs=$apt_archs mirror=${EVAC_UBUNTU_MIRROR-}
	[ -n "$mirror" ] || mirror=$(apt_mirrors | sed -nE "s/ (${apt_ubuntu// /|})\$//p" | head -n 1)
	[ -n "$mirror" ] || { say "no Ubuntu mirror: set EVAC_UBUNTU_MIRROR to the address of one"; return 1; }
	if ! compgen -G "$keyring.*" >/dev/null; then
		apt_open "$(dpkg --print-architecture)"
		deb=$(apt_fetch ubuntu-keyring "$(apt_newest ubuntu-keyring)") || return 1
		dpkg-deb -x "$deb" "$cache/kmod/ubuntu-keyring"
		apt_dir=$dir apt_archs=$archs apt_distro=ubuntu
		export APT_CONFIG=$apt_dir/apt.conf
	fi
	for suite in $apt_ubuntu; do
		apt_source "$mirror" "$suite" "$keyring"
		apt_source "$mirror" "$suite-updates" "$keyring"
		apt_source "$mirror" "$suite-security" "$keyring"
	done
	: >"$apt_dir/preferences"
}

apt_sources_debian() {
	local base name main='' security='' suite
	while read -r base name; do
		case $name in
		*-security) security=${security:-$base} ;;
		*-* | */* | nodistro) ;;
		*) main=${main:-$base} ;;
		esac
	done < <(apt_mirrors | grep -E ' (bookworm|trixie|forky|sid|stable|testing|unstable)(-security)?$')
	[ -n "$main" ] || { say "no Debian mirror in this machine's apt configuration"; return 1; }
	for suite in $apt_stable $apt_testing; do
		apt_source "$main" "$suite"
	done
	for suite in $apt_stable; do
		[ -z "$security" ] || apt_source "$security" "$suite-security"
	done
	printf '%s\n' "Package: *" "Pin: release n=$apt_testing" "Pin-Priority: 100" "" \
		"Package: lime-forensics-dkms" "Pin: release n=$apt_testing" "Pin-Priority: 900" >"$apt_dir/preferences"
}

apt_configure() {
	local arch
	rm -rf "$apt_dir/sources.d"
	mkdir -p "$apt_dir/sources.d" "$apt_dir/lists/partial" "$apt_dir/archives/partial"
	"apt_sources_$apt_distro" || return 1
	{
		cat <<-CONF
		Dir::Etc::sourcelist "/dev/null";
		Dir::Etc::sourceparts "$apt_dir/sources.d";
		Dir::Etc::preferences "$apt_dir/preferences";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::State::lists "$apt_dir/lists";
		Dir::Cache "$apt_dir";
		Acquire::Languages "none";
		Acquire::Retries "2";
		Acquire::Check-Valid-Until "false";
		APT::Sandbox::User "";
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		CONF
		for arch in $apt_archs; do
			echo "APT::Architectures:: \"$arch\";"
		done
	} >"$apt_dir/apt.conf"
}

# A machine's own settings are read after a private file, so what they may set has to be said again on the command line.
apt_run() {
	local program=$1
	shift
	"$program" -qq -o Dir::Cache::pkgcache=pkgcache.bin -o Dir::Cache::srcpkgcache=srcpkgcache.bin \
		-o Acquire::GzipIndexes=false "$@"
}

apt_refresh() {
	local file
	apt_configure || return 1
	export APT_CONFIG=$apt_dir/apt.conf
	if apt_run apt-get -o APT::Update::Error-Mode=any update >"$apt_dir/update.log" 2>&1; then
		touch "$apt_dir/indexed"
		return 0
	fi
	# One of them cannot be had or is not signed by a key that this machine knows: do without it.
	for file in "$apt_dir"/sources.d/*.sources; do
		mkdir -p "$apt_dir/one"
		cp "$file" "$apt_dir/one/"
		apt_run apt-get -o Dir::Etc::sourceparts="$apt_dir/one" -o APT::Update::Error-Mode=any \
			-o APT::Get::List-Cleanup=false update >"$apt_dir/update.log" 2>&1 || {
			say "no $(basename "$file" .sources)"
			rm "$file"
		}
		rm -r "$apt_dir/one"
	done
	compgen -G "$apt_dir/sources.d/*.sources" >/dev/null || return 1
	touch "$apt_dir/indexed"
}

apt_open() {
	apt_archs=$(dpkg --print-architecture)
	apt_distro=${2:-debian}
	[ -z "${1-}" ] || [ "$1" = "$apt_archs" ] || apt_archs="$apt_archs $1"
	# Its main mirror has the others' packages nowhere.
	[ "$apt_distro" = debian ] || apt_archs=${1:-$apt_archs}
	apt_dir=$cache/kmod/apt/${apt_archs// /+}
	[ "$apt_distro" = debian ] || apt_dir=$cache/kmod/apt/$apt_distro-$apt_archs
	mkdir -p "$apt_dir" "$debs"
	exec 8>"$cache/kmod/lock"
	flock 8
	export APT_CONFIG=$apt_dir/apt.conf
	[ -e "$apt_dir/indexed" ] || apt_refresh
}

apt_close() { exec 8>&-; }

apt_newest() {
	apt_run apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p' | grep -v '(none)'
}

# The version is in the file's name, as apt writes it: an epoch's colon becomes %3a.
apt_deb() {
	local file=$debs/${1%:*}_${2//:/%3a}_ arch
	[[ $1 == *:* ]] && arch=${1##*:} || arch=$(dpkg --print-architecture)
	compgen -G "${file}*.deb" | grep -E "_($arch|all)\.deb$" | head -n 1
}

apt_fetch() {
	local dir file
	file=$(apt_deb "$1" "$2") || file=
	if [ -z "$file" ]; then
		dir=$(mktemp -d "$debs/.get.XXXXXX")
		if ! (cd "$dir" && apt_run apt-get download "$1=$2") >"$apt_dir/download.log" 2>&1; then
			cat "$apt_dir/download.log" >&2
			rm -r "$dir"
			return 1
		fi
		mv "$dir"/*.deb "$debs/"
		rm -r "$dir"
		file=$(apt_deb "$1" "$2")
	fi
	echo "$file"
}

# Kernels of a later Debian than this machine's are left out: their build tools need its C library.
apt_kernel() {
	local release tag host
	host=$(sed -n 's/^VERSION_ID="*\([0-9]*\).*/\1/p' /etc/os-release)
	apt_run apt-cache pkgnames "linux-image-$1." | sed -n "s/^linux-image-\(.*-cloud-$2\)$/\1/p" | sort -rV |
		while read -r release; do
			tag=$(sed -n 's/.*+deb\([0-9]*\).*/\1/p' <<<"$release")
			[ "${tag:-0}" -le "${host:-99}" ] || continue
			[ -n "$(apt_newest "linux-headers-$release:$2")" ] || continue
			[ -n "$(apt_newest "linux-image-$release:$2")" ] || continue
			echo "$release"
			break
		done
}

# Patterns are the shell's; only what has headers and can be downloaded counts.
apt_kernels() {
	local release
	apt_run apt-cache pkgnames linux-headers- | sed 's/^linux-headers-//' | sort -V |
		while read -r release; do
			# shellcheck disable=SC2053 # it is a pattern
			[[ $release == $1 ]] || continue
			[ -z "$(apt_newest "linux-headers-$release:$2")" ] || echo "$release"
		done
}

apt_suite() {
	apt_run apt-cache madison "$1" | awk -F ' *[|] *' -v version="$2" '$2 == version { split($3, word, " ");
		sub("[-/].*", "", word[2]); print word[2]; exit }'
}
