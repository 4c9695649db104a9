#!/bin/bash
# Installs the Debian packages of the named groups (packages.txt); silent, and no apt call, when all are there.
# usage: packages.sh GROUP...
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
table=$here/packages.txt

[ $# -gt 0 ] || { echo "usage: packages.sh GROUP..." >&2; exit 64; }

arch=$(dpkg --print-architecture)
wanted=()
for group; do
	rows=$(sed -n "s/^$group://p" "$table")
	[ -n "$rows" ] || { echo "packages.sh: no group $group in packages.txt" >&2; exit 64; }
	for package in $rows; do
		case $package in
		*"[$arch]") wanted+=("${package%%\[*}") ;;
		*\[*) ;;
		*) wanted+=("$package") ;;
		esac
	done
done

# One query for all: a package that dpkg has never heard of is an error line, so it is missing too.
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
	grep -qxF "installed $package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || { echo "packages.sh: need root to install: ${missing[*]}" >&2; exit 1; }
	as_root=(sudo)
fi

apt() {
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 "$@"
}
install_missing() {
	apt update && apt install -y --no-install-recommends "${missing[@]}"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "packages.sh: installing ${missing[*]}" >&2
install_missing >"$log" 2>&1 || install_missing >"$log" 2>&1 || {
	cat "$log" >&2
	echo "packages.sh: could not install: ${missing[*]}" >&2
	exit 1
}
