#!/bin/bash
# Makes the compiler of one architecture: musl from source, Debian's gcc on top of it.
# usage: toolchain.sh ARCH OUT WORK   (build.sh calls it)
# OUT can be moved afterwards: bin/cc finds everything beside itself.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"
arch=$1 out=$2 work=$3
host=$arch-linux-gnu

unpack musl "$work/musl"
cd "$work/musl"
case $arch in
x86_64) cpu=-fcf-protection ;;
aarch64) cpu=-mbranch-protection=standard ;;
esac
CC=$host-gcc CROSS_COMPILE=$host- \
	CFLAGS="-O2 -g0 -fstack-protector-strong $cpu -ffile-prefix-map=$work=." \
	./configure --target="$arch-linux-musl" --prefix="$out" --syslibdir="$out/lib" \
	--disable-shared --disable-wrapper
make -j"$EVAC_JOBS"
make install

# The kernel's interface: musl brings none, and evac needs much of it.
unpack_binary linux-libc-dev "$work/uapi"
cp -rL "$work/uapi/usr/include/linux" "$work/uapi/usr/include/asm-generic" \
	"$work/uapi/usr/include/$host/asm" "$out/include/"

# Relative relocations pack in musl >= 1.2.4, where the linker can write them: about 0.3 MB less.
case $("$host-ld" --help) in
*pack-relative-relocs*) relr=' -z pack-relative-relocs' ;;
*) relr= ;;
esac

# Debian's musl-gcc.specs knows no static-pie. The file has to end with exactly one empty line.
cat >"$out/lib/musl.specs" <<SPECS
*startfile:
%{static-pie:rcrt1.o%s;:crt1.o%s} crti.o%s %{static-pie:crtbeginS.o%s;:crtbeginT.o%s}

*endfile:
%{static-pie:crtendS.o%s;:crtend.o%s} crtn.o%s

*link_libgcc:


*libgcc:
libgcc.a%s %:if-exists(libgcc_eh.a%s)

*lib:
-lc

*link:
-nostdlib %{static-pie:-static -pie --no-dynamic-linker -z text$relr;:-static} -z relro -z now -z noexecstack --build-id=none --hash-style=gnu

SPECS

mkdir -p "$out/bin"
cat >"$out/bin/cc" <<WRAPPER
#!/bin/sh
# gcc for musl. Links static-pie when nothing else is asked. EVAC_CC_FLAGS are added and leave no trace in objects.
d=\${0%/*}/..
mode=-static-pie
for a; do case \$a in -static | -static-pie | -shared | -r | -c | -S | -E | -M | -MM) mode= ;; esac; done
# shellcheck disable=SC2086
exec $host-gcc -specs "\$d/lib/musl.specs" -B"\$d/lib/" -L"\$d/lib" -ffile-prefix-map="\$d=deps" \${EVAC_CC_FLAGS-} \\
	-nostdinc "\$@" -isystem "\$d/include" -isystem $("$host-gcc" -print-file-name=include) \$mode
WRAPPER
chmod +x "$out/bin/cc"
for tool in ar ranlib nm strip objcopy objdump readelf size; do
	ln -s "$(command -v "$host-$tool")" "$out/bin/$tool"
done
