#!/bin/bash
# Signatures that kernels check themselves (Secure Boot, module.sig_enforce): makes a key to enrol, signs, verifies.
# usage: mok.sh make --out DIR [--name NAME]
#        mok.sh sign --key FILE --cert FILE MODULE...
#        mok.sh verify --cert FILE MODULE...
# make writes mok.key (keep it offline), mok.pem and mok.der (what is enrolled). sign uses the kernel's own sign-file:
# $SIGN_FILE, else one of this machine's kernel headers, else Debian's linux-kbuild, unpacked in the cache.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=packaging/deps/common.sh
. "$here/../packaging/deps/common.sh"

usage() { sed -n '3,5s/^# //p' "$0" >&2; exit 64; }

[ $# -ge 1 ] || usage
verb=$1 out='' name="evac LiME modules" key='' cert=''
shift
while [ $# -gt 0 ]; do
	case $1 in
	--out | --name | --key | --cert) [ $# -ge 2 ] || usage; declare "${1#--}=$2"; shift 2 ;;
	-*) usage ;;
	*) break ;;
	esac
done

# The kernel wants a key that may sign, in a certificate that is for signing code.
make_key() {
	[ -n "$out" ] || usage
	mkdir -p "$out"
	(
		umask 077
		cd "$out"
		[ ! -e mok.key ] || { say "$out/mok.key exists"; exit 1; }
		openssl req -new -x509 -newkey rsa:2048 -sha256 -nodes -days 3650 -subj "/CN=${name//\//_}" \
			-addext basicConstraints=critical,CA:FALSE -addext keyUsage=digitalSignature \
			-addext extendedKeyUsage=codeSigning -addext subjectKeyIdentifier=hash \
			-keyout mok.key -out mok.pem 2>/dev/null
		openssl x509 -in mok.pem -outform DER -out mok.der
	)
	echo "$out/mok.der is to be enrolled: mokutil --import, or the UEFI variable db of an AMI"
}

find_sign_file() {
	local file deb
	for file in ${SIGN_FILE:+"$SIGN_FILE"} /usr/lib/linux-kbuild-*/scripts/sign-file /lib/modules/*/build/scripts/sign-file \
		"$cache"/kmod/sign-file/usr/lib/linux-kbuild-*/scripts/sign-file; do
		[ ! -x "$file" ] || { echo "$file"; return 0; }
	done
	# shellcheck source=kmod/apt.sh
	. "$here/apt.sh"
	apt_open "$(dpkg --print-architecture)"
	deb=$(apt_fetch linux-kbuild-6.1 "$(apt_newest linux-kbuild-6.1)") || { say "no sign-file: set SIGN_FILE"; return 1; }
	apt_close
	mkdir -p "$cache/kmod/sign-file"
	dpkg-deb -x "$deb" "$cache/kmod/sign-file"
	compgen -G "$cache/kmod/sign-file/usr/lib/linux-kbuild-*/scripts/sign-file"
}

# At the end of the file: the signature, 12 bytes of which the last four are its length, and a line that says so.
mark='~Module signature appended~'
verify() {
	local size end length
	[ "$(tail -c 28 "$1")" = "$mark" ] || { say "$1 is not signed"; return 1; }
	size=$(stat -c %s "$1")
	end=$((size - 28 - 12))
	length=$((16#$(tail -c 32 "$1" | head -c 4 | od -An -tx1 | tr -d ' \n')))
	[ "$length" -lt "$end" ] || { say "$1 is cut"; return 1; }
	head -c $((end - length)) "$1" >"$work/content"
	tail -c $((28 + 12 + length)) "$1" | head -c "$length" >"$work/signature"
	openssl cms -verify -binary -inform DER -in "$work/signature" -content "$work/content" -certfile "$cert" -nointern \
		-noverify -out /dev/null 2>"$work/log" || { say "$1: the signature is not by $cert"; return 1; }
	echo "$1: signed by $(openssl x509 -in "$cert" -noout -subject -nameopt RFC2253 | sed 's/^subject=//')"
}

case $verb in
make) make_key ;;
sign | verify)
	if [ -z "$cert" ] || [ $# -eq 0 ]; then
		usage
	fi
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	if [ "$verb" = verify ]; then
		for file; do
			verify "$file"
		done
		exit
	fi
	[ -n "$key" ] || usage
	sign_file=$(find_sign_file)
	for file; do
		[ "$(tail -c 28 "$file")" != "$mark" ] || { say "$file is signed already"; exit 1; }
		"$sign_file" sha256 "$key" "$cert" "$file"
		verify "$file" >/dev/null
	done
	;;
*) usage ;;
esac
