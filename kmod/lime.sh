# shellcheck shell=bash
# What all builders of LiME modules share: which LiME is good, one compilation, and what is recorded of its result.
#
#   lime_check VERSION           fails, and says why, for a LiME that must not be used
#   lime_version DIR             prints the version of LiME's sources
#   lime_compile TREE WORK ARGS  compiles WORK/src in the kernel's build tree TREE, with more arguments for make; sets
#                                WORK/lime.ko, stripped. $strip is the program that strips
#   lime_info FILE KEY           prints a value of the module's .modinfo; $objcopy is the program that reads it
#   lime_describe FILE NAME ARCH LIME PACKAGE COMPILER   prints the module's record, JSON

lime_oldest=1.12

# Versions of upstream that must not be used, each with its reason: it goes to whoever asks for one.
lime_bad() {
	case $1 in
	1.10.0) echo "it does not compile: its init function's name is misspelt" ;;
	*) return 1 ;;
	esac
}

# Debian's suffix does not count.
lime_check() {
	local version=${1%%-*} why
	[[ $version =~ ^[0-9]+(\.[0-9]+)+$ ]] || { say "LiME $1: this is no version"; return 1; }
	if why=$(lime_bad "$version"); then
		say "LiME $1 is refused: $why"
		return 1
	fi
	if [ "$(printf '%s\n' "$lime_oldest" "$version" | sort -V | head -n 1)" != "$lime_oldest" ]; then
		say "LiME $1 is refused: before $lime_oldest it reads pages that are not there, and misses nested ranges"
		return 1
	fi
}

lime_version() {
	local version
	version=$(sed -n 's/^PACKAGE_VERSION="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$1/dkms.conf" 2>/dev/null) || true
	[ -n "$version" ] || { say "$1 does not say which LiME it is (no dkms.conf): use --lime-version"; return 1; }
	echo "$version"
}

# CONFIG_DEBUG_INFO_BTF_MODULES would need the kernel's image and pahole; the module works without.
lime_compile() {
	local tree=$1 work=$2
	shift 2
	if ! nice make -s -C "$tree" M="$work/src" CONFIG_DEBUG_INFO_BTF_MODULES= KCFLAGS="-ffile-prefix-map=$work=." \
		"$@" modules >"$work/log" 2>&1; then
		cat "$work/log" >&2
		return 1
	fi
	"${strip:-strip}" --strip-unneeded -o "$work/lime.ko" "$work/src/lime.ko"
}

# modinfo without kmod: NUL-separated `key=value` of the module's .modinfo section.
lime_info() {
	"${objcopy:-objcopy}" -O binary --only-section=.modinfo "$1" /dev/stdout | tr '\0' '\n' | sed -n "s/^$2=//p"
}

lime_text() { printf '"%s"' "$(printf %s "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')"; }

lime_describe() {
	cat <<-JSON
	{
	  "file": $(lime_text "$2"),
	  "module": $(lime_text "$(lime_info "$1" name)"),
	  "arch": $(lime_text "$3"),
	  "release": $(lime_text "$(lime_info "$1" vermagic | cut -d' ' -f1)"),
	  "vermagic": $(lime_text "$(lime_info "$1" vermagic)"),
	  "licence": $(lime_text "$(lime_info "$1" license)"),
	  "size": $(stat -c %s "$1"),
	  "sha256": "$(sha256sum <"$1" | cut -d' ' -f1)",
	  "lime": $(lime_text "$4"),
	  "kernel_package": $(lime_text "$5"),
	  "compiler": $(lime_text "$6")
	}
	JSON
}
