# make            build/<arch>/evac, one static binary (ARCH=x86_64 or aarch64)
# make demo       all set-up, then the main job: evacuate a compromised guest
# make check      all set-up, then every test
# make unit       unit tests alone, with AddressSanitizer and UBSan
# make check-full the long runs too: reproducible build, more fuzzing, more seeds
# make check-vm-full  LiME's failures and the whole matrix of test guests (tests/vm/RESULTS.md), half an hour and more
# make fuzz       every fuzz target for FUZZ_S seconds (default 60)
# make bench      measured rates, as ratios to a reference
# make clean      remove build/ (the cache outside the tree stays)
# make help       this list

VERSION := 0.1.0
ARCH    ?= $(shell uname -m)
FUZZ_S  ?= 60

# V=1 shows every command.
Q := $(if $(V),,@)

# A variant is a folder below build/ and what it is built with.
#   x86_64, aarch64   the release: musl, static-pie
#   asan              unit tests: the host's compiler, sanitizers
#   fuzz              libFuzzer: clang
VARIANT ?= $(ARCH)
OUT     := build/$(VARIANT)

WARN := -std=c17 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla \
        -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef -Werror
# -iquote: our archive.h is not libarchive's.
CPPFLAGS := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DCURL_STATICLIB -MMD -MP \
            -iquote agent -iquote collectors -iquote $(OUT)
HARDEN := -fPIE -fstack-protector-strong -ffunction-sections -fdata-sections \
          -fno-plt -fno-asynchronous-unwind-tables -ftrivial-auto-var-init=zero
LIBS := -lcurl -lssl -lcrypto -larchive -lzstd -lsodium -lyyjson -pthread

ifeq ($(VARIANT),asan)
DEPS    := build/deps/native
CC      := gcc
EXTRA   := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined
LDFLAGS := -fsanitize=address,undefined
else ifeq ($(VARIANT),fuzz)
DEPS    := build/deps/native
CC      := clang
EXTRA   := -O1 -g -fsanitize=fuzzer-no-link,address,undefined
LDFLAGS := -fsanitize=fuzzer,address,undefined
else
DEPS    := build/deps/$(VARIANT)
CC      := $(DEPS)/bin/cc
EXTRA   := -O2 -g0 $(HARDEN) $(if $(filter x86_64,$(VARIANT)),-fcf-protection,-mbranch-protection=standard)
LDFLAGS := -static-pie -Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--build-id=none
endif
CFLAGS := $(WARN) $(EXTRA) -isystem $(DEPS)/include

SRC   := $(sort $(wildcard agent/*.c collectors/*.c))
OBJ   := $(SRC:%.c=$(OUT)/%.o) $(OUT)/ca_roots.o
LIB   := $(filter-out $(OUT)/agent/main.o,$(OBJ))
TESTS := $(patsubst tests/unit/%.c,$(OUT)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
UNITS := $(filter-out $(wildcard tests/unit/test_*.c),$(wildcard tests/unit/*.c))
FUZZ  := $(patsubst tests/fuzz/%.c,$(OUT)/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

all: build/$(ARCH)/evac

help:
	@sed -n 's/^# //p;/^$$/q' Makefile

# ---- dependencies: their scripts decide quickly whether there is work to do
build/deps/%/versions: packaging/deps/*.sh packaging/deps/packages.txt
	packaging/deps/packages.sh build
	packaging/deps/build.sh $*
	@touch $@

build/deps/ca-roots.pem: packaging/deps/*.sh
	packaging/deps/packages.sh build
	packaging/deps/build.sh ca-roots
	@touch $@

# ---- generated
$(OUT)/versions.inc: $(DEPS)/versions build/deps/ca-roots.pem Makefile
	@mkdir -p $(@D)
	@{ echo '#define EVAC_VERSION "$(VERSION)"'; \
	   echo '#define EVAC_ARCH "$(VARIANT)"'; \
	   echo '#define EVAC_COMPONENTS \'; \
	   sed 's/["\\]//g; s/.*/	"  &\\n" \\/' $(DEPS)/versions; \
	   sed 's/["\\]//g; s/.*/\t"  ca-certificates &\\n"/;1q' build/deps/ca-roots.version; } >$@

$(OUT)/ca_roots.c: build/deps/ca-roots.pem
	@mkdir -p $(@D)
	@{ echo '#include "ca_roots.h"'; echo 'const unsigned char ca_roots[] = {'; \
	   od -An -v -tu1 $< | sed 's/  */,/g; s/^,//; s/$$/,/'; \
	   echo '};'; echo 'const size_t ca_roots_len = sizeof(ca_roots);'; } >$@

# ---- objects and programs
$(OUT)/agent/version.o: $(OUT)/versions.inc

$(OUT)/%.o: %.c | $(DEPS)/versions
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(OUT)/ca_roots.o: $(OUT)/ca_roots.c | $(DEPS)/versions
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(OUT)/evac: $(OBJ)
	$(Q)$(CC) $(LDFLAGS) -o $@.tmp $(OBJ) -L$(DEPS)/lib $(LIBS)
	$(Q)$(if $(wildcard $(DEPS)/bin/strip),$(DEPS)/bin/strip -s -R .comment $@.tmp)
	@mv $@.tmp $@
	@echo "built $@: $$(wc -c <$@) bytes"

ifneq ($(VARIANT),$(ARCH))
build/$(ARCH)/evac: FORCE
	$(MAKE) VARIANT=$(ARCH) $@
endif

# An archive, so that a test links only what it names, and may bring its own.
$(OUT)/lib.a: $(LIB)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(OUT)/unit/lib.a: $(UNITS:%.c=$(OUT)/%.o)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(OUT)/tests/%.o: CPPFLAGS += -iquote tests/unit

# These want the real sink, not the one that the collectors' tests bring.
REAL_SINK := $(addprefix $(OUT)/unit/,test_sink test_sink_limits test_runner test_archive)
$(REAL_SINK): FIRST := $(OUT)/lib.a

$(OUT)/unit/test_%: $(OUT)/tests/unit/test_%.o $(OUT)/unit/lib.a $(OUT)/lib.a
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(FIRST) $(OUT)/unit/lib.a $(OUT)/lib.a -L$(DEPS)/lib $(LIBS)

$(OUT)/fuzz/fuzz_%: $(OUT)/tests/fuzz/fuzz_%.o $(OUT)/lib.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -L$(DEPS)/lib $(LIBS)

$(OUT)/s3/%: $(OUT)/tests/s3/%.o $(OUT)/lib.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -L$(DEPS)/lib $(LIBS)

unit-programs: $(TESTS)
fuzz-programs: $(FUZZ)

# ---- what people type
unit:
	packaging/deps/packages.sh build unit
	$(MAKE) VARIANT=asan unit-programs
	tests/run.sh unit

check:
	packaging/deps/packages.sh build unit s3 vm
	$(MAKE) all
	$(MAKE) VARIANT=asan unit-programs
	$(MAKE) ARCH=aarch64 all
	$(MAKE) VARIANT=aarch64 unit-programs
	$(MAKE) VARIANT=fuzz FUZZ_S=5 fuzz-programs
	tests/run.sh static unit unit-aarch64 fuzz interop system s3 net vm

check-full: check
	packaging/deps/reproduce.sh
	$(MAKE) fuzz
	SEEDS=200 SEED=1000 LANES=10 TEST_LIMIT_S=3600 tests/run.sh net
	EVAC_FAULTS=10000 TEST_LIMIT_S=3600 tests/run.sh s3/faults

check-vm-full:
	packaging/deps/packages.sh build unit s3 vm vm-full
	$(MAKE) all
	$(MAKE) ARCH=aarch64 all
	TEST_LIMIT_S=7200 tests/run.sh vm vm-full

demo:
	packaging/deps/packages.sh build vm
	$(MAKE) all
	tests/vm/demo.sh

fuzz:
	packaging/deps/packages.sh build unit
	$(MAKE) VARIANT=fuzz fuzz-programs
	FUZZ_S=$(FUZZ_S) tests/run.sh fuzz

bench: all
	packaging/deps/packages.sh unit s3
	tests/bench/run.sh
	tests/bench/net.sh
	tests/bench/scale.sh
	CONGESTION=bbr MIB=256 tests/bench/net.sh

clean:
	rm -rf build

FORCE:
.PHONY: all help unit-programs fuzz-programs unit check check-full check-vm-full demo fuzz bench clean FORCE
.DELETE_ON_ERROR:
.SECONDARY:

-include $(OBJ:.o=.d) $(wildcard $(OUT)/tests/unit/*.d $(OUT)/tests/fuzz/*.d $(OUT)/tests/s3/*.d)
