#!/bin/bash
# Builds one third-party library as a static archive: its switches are what evac uses and nothing more.
# usage: library.sh NAME ARCH OUT WORK   (build.sh calls it)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"
name=$1 arch=$2 out=$3 work=$4

export SOURCE_DATE_EPOCH=1700000000 TZ=UTC LC_ALL=C PKG_CONFIG=/bin/false
# By PATH, not by a full name: OpenSSL puts the compiler's name into its archive.
export PATH=$out/bin:$PATH CC=cc AR=ar RANLIB=ranlib NM=nm STRIP=strip
export EVAC_CC_FLAGS="-ffile-prefix-map=$work=." ARFLAGS=crD

cpu=$arch
[ "$arch" != native ] || cpu=$(uname -m)
flags="-pipe -fPIE -ffunction-sections -fdata-sections -fstack-protector-strong -fstack-clash-protection"
case $cpu in
x86_64) flags+=" -fcf-protection" ;;
aarch64) flags+=" -mbranch-protection=standard" ;;
esac
triplet=()
if [ "$arch" != native ]; then
	# Nothing unwinds in evac, and the tables are 0.3 MB. The sanitizers of the native tests do want them.
	flags+=" -fno-asynchronous-unwind-tables -fno-unwind-tables"
	triplet=(--host="$arch-linux-musl")
fi
export CFLAGS="-O2 $flags"

autotools() {
	./configure "${triplet[@]}" --prefix="$out" --enable-static --disable-shared --disable-dependency-tracking "$@"
}

build_zstd() {
	make -C lib -j"$EVAC_JOBS" libzstd.a CFLAGS="$CFLAGS -O3" \
		ZSTD_LEGACY_SUPPORT=0 ZSTD_LIB_DICTBUILDER=0 ZSTD_LIB_DEPRECATED=0
	cp lib/libzstd.a "$out/lib/"
	cp lib/zstd.h lib/zstd_errors.h "$out/include/"
}

build_libsodium() {
	[ -x configure ] || autoreconf -fi
	autotools --disable-pie --enable-minimal
	make -j"$EVAC_JOBS"
	make install
}

# --disable-xattr is about reading them from files: evac puts them into entries by itself.
build_libarchive() {
	autotools --disable-bsdtar --disable-bsdcat --disable-bsdcpio --disable-bsdunzip --disable-acl --disable-xattr \
		--disable-rpath --disable-posix-regex-lib --with-zstd \
		--without-{zlib,bz2lib,libb2,iconv,lz4,lzma,cng,mbedtls,nettle,openssl,xml2,expat,lzo2} \
		CPPFLAGS="-I$out/include" LDFLAGS="-L$out/lib"
	make -j"$EVAC_JOBS" libarchive.la
	make install-libLTLIBRARIES install-includeHEADERS
}

build_yyjson() {
	# shellcheck disable=SC2086
	cc -std=c11 $CFLAGS -c src/yyjson.c -o yyjson.o
	ar crD "$out/lib/libyyjson.a" yyjson.o
	cp src/yyjson.h "$out/include/"
}

# The AVX-512 code for AES-GCM, AES-XTS and private RSA is 0.8 MB; without it AES-GCM is the AES-NI code, still faster
# than any network. There is no switch, but each generator writes a stub for an assembler that is too old.
openssl_without_avx512() {
	local s
	for s in modes/aes-gcm-avx512 aes/aesni-xts-avx512 bn/rsaz-{2,3,4}k-{avx512,avxifma}; do
		CC='echo GNU assembler version 2.20 #' perl "crypto/${s%/*}/asm/${s#*/}.pl" elf "crypto/$s.s"
	done
}

# A TLS 1.2/1.3 client, and EVP's AES-GCM, ChaCha20-Poly1305, SHA-2, HKDF. Bulk speed is in the assembly, so -Os
# costs nothing that can be measured. --prefix=/usr: other paths would end up in the archive. It reads no file.
build_openssl() {
	local no="shared module dso legacy engine apps tests docs ui-console comp autoload-config multiblock async
		ssl3 tls1 tls1-method tls1_1 tls1_1-method dtls quic nextprotoneg weak-ssl-ciphers srp psk srtp ssl-trace
		ct cms ts ocsp cmp http rfc3779 thread-pool default-thread-pool
		idea seed camellia aria bf cast rc2 rc4 des mdc2 md4 whirlpool rmd160 sm2 sm3 sm4 siphash siv ocb
		scrypt argon2 blake2 dsa dh gost ec2m ml-dsa ml-kem slh-dsa"
	# shellcheck disable=SC2046,SC2086
	CFLAGS="-Os $flags" ./Configure "linux-$cpu" --prefix=/usr --libdir=lib --openssldir=/etc/ssl \
		$(printf 'no-%s ' $no)
	make -j"$EVAC_JOBS" build_generated
	[ "$cpu" != x86_64 ] || openssl_without_avx512
	make -j"$EVAC_JOBS" libcrypto.a libssl.a
	cp libcrypto.a libssl.a "$out/lib/"
	cp -r include/openssl "$out/include/"
}

# HTTPS and HTTP/1.1, proxies, AWS SigV4, multipart forms (a presigned POST). The program names the roots: without
# them every connection fails. --disable-openssl-auto-load-config: else libcurl opens the host's openssl.cnf.
build_curl() {
	LIBS=-pthread autotools --with-openssl="$out" --enable-threaded-resolver --enable-ipv6 --enable-symbol-hiding \
		--disable-openssl-auto-load-config --without-{ca-bundle,ca-path,ca-fallback,ca-embed} \
		--disable-{ftp,file,ipfs,ldap,ldaps,rtsp,dict,telnet,tftp,pop3,imap,smb,smtp,gopher,mqtt,websockets} \
		--disable-{manual,docs,libcurl-option,ntlm,negotiate-auth,kerberos-auth,tls-srp,sspi,ares,doh,httpsrr} \
		--disable-{cookies,netrc,alt-svc,hsts,unix-sockets,bindlocal,form-api,get-easy-options,sha512-256} \
		--without-{zlib,brotli,zstd,libpsl,libidn2,librtmp,nghttp2,nghttp3,ngtcp2,openssl-quic,libssh2,libgsasl,gssapi} \
		CPPFLAGS="-I$out/include" LDFLAGS="-L$out/lib"
	make -C lib -j"$EVAC_JOBS"
	make -C lib install
	make -C include install
}

unpack "$name" "$work/$name"
cd "$work/$name"
"build_$name"
