/* test_image.c - the memory image in its other forms. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "extract.h"
#include "image.h"
#include "io.h"
#include "join.h"
#include "lime.h"
#include "temp.h"

#define DIRECT 0xffff888000000000u
#define TEXT 0xffffffff81000000u
#define KERNEL 0x102000u

/* Two pieces that touch, and one far away; the second is zeros but for its end. */
static const struct range pieces[] = {
	{ 0x100000, 0x103fff }, { 0x104000, 0x107fff }, { 0x800000, 0x800bff },
};

static const char info[] = "OSRELEASE=6.1.0-test\nKERNELOFFSET=0\n";

static struct temp dir;
static struct extract *x;
static char out[300];

static uint8_t content(uint64_t address)
{
	if (address >= 0x104000 && address < 0x107000)
		return 0;
	return (uint8_t)(1 + (address >> 12 ^ address) % 251);
}

static size_t make_image(uint8_t *p)
{
	uint8_t *begin = p;

	for (size_t i = 0; i < 3; i++) {
		lime_header(p, pieces[i].start, pieces[i].end);
		p += LIME_HEADER_BYTES;
		for (uint64_t a = pieces[i].start; a <= pieces[i].end; a++)
			*p++ = content(a);
	}
	return (size_t)(p - begin);
}

static void put(const char *name, const void *data, size_t len)
{
	int fd;

	(void)extract_remove(x, name);
	fd = extract_create(x, name);
	if (fd < 0 || io_write(fd, data, len) < 0)
		abort();
	(void)close(fd);
}

static bool exists(const char *name)
{
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/%s", out, name);
	return access(path, F_OK) == 0;
}

/* ${len} bytes at ${at} of a file. */
static void get(const char *name, uint64_t at, void *ret, size_t len)
{
	int fd = extract_reopen(x, name);

	memset(ret, 0xee, len);
	if (fd < 0 || io_pread(fd, ret, len, (off_t)at) != (ssize_t)len)
		printf("# %s ends before %llu\n", name, (unsigned long long)at);
	if (fd >= 0)
		(void)close(fd);
}

/* Are the bytes of [${start}, ${end}] at ${at} of the file? */
static bool has(const char *name, uint64_t at, uint64_t start, uint64_t end)
{
	uint8_t b[0x8000];

	get(name, at, b, (size_t)(end - start + 1));
	for (uint64_t a = start; a <= end; a++)
		if (b[a - start] != content(a))
			return false;
	return true;
}

static void test_raw(const uint8_t *image, size_t len)
{
	uint8_t before[4096];
	uint64_t bytes = 0;
	char path[400];
	struct stat st;

	put(JOIN_MEMORY, image, len);
	CHECK(image_convert(x, IMAGE_RAW, &bytes) == 0 && bytes == 0x800c00, "raw");
	CHECK(has(IMAGE_RAW_NAME, 0x100000, 0x100000, 0x107fff) &&
	      has(IMAGE_RAW_NAME, 0x800000, 0x800000, 0x800bff),
	      "each byte is at its address");
	get(IMAGE_RAW_NAME, 0xff000, before, sizeof(before));
	CHECK(before[0] == 0 && memcmp(before, before + 1, sizeof(before) - 1) == 0,
	      "zeros elsewhere");
	(void)snprintf(path, sizeof(path), "%s/%s", out, IMAGE_RAW_NAME);
	CHECK(stat(path, &st) == 0 && st.st_blocks * 512 < 0x40000, "which take no room");
	CHECK(!exists(JOIN_MEMORY), "the LiME image is gone");
	(void)extract_remove(x, IMAGE_RAW_NAME);
}

static Elf64_Phdr phdr(unsigned i)
{
	Elf64_Phdr p;

	get(IMAGE_ELF_NAME, sizeof(Elf64_Ehdr) + i * sizeof(p), &p, sizeof(p));
	return p;
}

static void test_elf(const uint8_t *image, size_t len)
{
	static const char layout[] = "{\"machine\":\"x86_64\",\"phys_base\":\"0xffffffffff102000\","
				     "\"direct_map\":\"0xffff888000000000\"}\n";
	static const char iomem[] = "00100000-00107fff : System RAM\n"
				    "  00102000-00102fff : Kernel code\n"
				    "  00103000-00103fff : Kernel rodata\n"
				    "  00104000-00104fff : Kernel data\n"
				    "  00105000-00105fff : Kernel bss\n";
	uint64_t bytes = 0;
	char notes[512];
	Elf64_Ehdr e;
	Elf64_Phdr p;

	put(JOIN_MEMORY, image, len);
	put("memory/layout.json", layout, sizeof(layout) - 1);
	put("memory/proc/iomem", iomem, sizeof(iomem) - 1);
	put("memory/vmcoreinfo", info, sizeof(info) - 1);
	CHECK(image_convert(x, IMAGE_ELF, &bytes) == 0 && bytes > 0x8c00, "elf");
	get(IMAGE_ELF_NAME, 0, &e, sizeof(e));
	CHECK(e.e_type == ET_CORE && e.e_machine == EM_X86_64 && e.e_phnum == 4,
	      "a core file: notes, the kernel's image and two runs of memory");
	p = phdr(0);
	get(IMAGE_ELF_NAME, p.p_offset, notes, p.p_filesz < sizeof(notes) ?
	    p.p_filesz : sizeof(notes));
	CHECK(p.p_type == PT_NOTE && memmem(notes, sizeof(notes), info, sizeof(info) - 1) != NULL &&
	      memmem(notes, sizeof(notes), "VMCOREINFO", 11) != NULL, "VMCOREINFO");
	p = phdr(2);
	CHECK(p.p_paddr == 0x100000 && p.p_vaddr == DIRECT + 0x100000 &&
	      p.p_filesz == 0x8000 && has(IMAGE_ELF_NAME, p.p_offset, 0x100000, 0x107fff),
	      "pieces that touch are one segment, by its address in the direct map");
	p = phdr(3);
	CHECK(p.p_paddr == 0x800000 && p.p_filesz == 0xc00 &&
	      has(IMAGE_ELF_NAME, p.p_offset, 0x800000, 0x800bff), "the other segment");
	p = phdr(1);
	CHECK(p.p_vaddr == TEXT && p.p_paddr == KERNEL && p.p_filesz == 0x4000 &&
	      has(IMAGE_ELF_NAME, p.p_offset, KERNEL, KERNEL + 0x3fff),
	      "the kernel's image where its symbols are");
	CHECK(!exists(JOIN_MEMORY), "the LiME image is gone");
}

/* gdb reads both ways to the same byte. */
static void test_gdb(void)
{
	char command[600], want[64], answer[8192] = "";
	FILE *gdb;
	size_t n;

	if (system("command -v gdb >/dev/null 2>&1") != 0) {
		CHECK_SKIP("no gdb here");
		return;
	}
	(void)snprintf(command, sizeof(command), "env -u DEBUGINFOD_URLS gdb -nx -batch "
		       "-ex 'x/xb 0x%llx' -ex 'x/xb 0x%llx' -c '%s/%s' 2>&1",
		       (unsigned long long)(DIRECT + KERNEL + 5),
		       (unsigned long long)(TEXT + 5), out, IMAGE_ELF_NAME);
	gdb = popen(command, "r");
	n = gdb != NULL ? fread(answer, 1, sizeof(answer) - 1, gdb) : 0;
	answer[n] = '\0';
	(void)snprintf(want, sizeof(want), ":\t0x%02x\n0x", content(KERNEL + 5));
	CHECK(gdb != NULL && pclose(gdb) == 0 && strstr(answer, want) != NULL,
	      "gdb reads through the direct map");
	(void)snprintf(want, sizeof(want), "81000005:\t0x%02x", content(KERNEL + 5));
	CHECK(strstr(answer, want) != NULL, "and at the kernel's own address");
}

/* Without what lies beside it: physical addresses alone. */
static void test_bare(const uint8_t *image, size_t len)
{
	static const char bad[] = "{\"direct_map\":\"0xzz\",\"phys_base\":\"\"}";
	uint64_t bytes;
	Elf64_Phdr p;

	(void)extract_remove(x, IMAGE_ELF_NAME);
	(void)extract_remove(x, "memory/vmcoreinfo");
	put("memory/layout.json", bad, sizeof(bad) - 1);
	put("memory/proc/iomem", " : Kernel code", 14);
	put(JOIN_MEMORY, image, len);
	CHECK(image_convert(x, IMAGE_ELF, &bytes) == 0, "elf of nothing but the image");
	p = phdr(1);
	CHECK(p.p_type == PT_LOAD && p.p_vaddr == 0x100000 && p.p_paddr == 0x100000 &&
	      has(IMAGE_ELF_NAME, p.p_offset, 0x100000, 0x107fff), "by physical address");
	(void)extract_remove(x, IMAGE_ELF_NAME);
}

static void test_bad(uint8_t *image, size_t len)
{
	unsigned bad = 0, runs = 0;
	uint64_t bytes;

	for (size_t cut = 0; cut < len; runs++) {
		/* An image may end behind a piece. */
		bool whole = cut == 0x4020 || cut == 0x8040;

		put(JOIN_MEMORY, image, cut);
		bad += image_convert(x, IMAGE_RAW, &bytes) != (whole ? 0 : -EPROTO);
		bad += exists(JOIN_MEMORY) == whole || exists(IMAGE_RAW_NAME) != whole;
		(void)extract_remove(x, IMAGE_RAW_NAME);
		cut += cut < 40 || (cut > 0x4010 && cut < 0x4050) ? 1 : 997;
	}
	CHECK(bad == 0, "an image cut in %u places stays as it is (%u bad)", runs, bad);
	lime_header(image + 0x4020, 0x103000, 0x106fff);
	put(JOIN_MEMORY, image, len);
	CHECK(image_convert(x, IMAGE_ELF, &bytes) == -EPROTO, "ranges that overlap");
	lime_header(image + 0x4020, 0xffffffffff000000, 0xffffffffff003fff);
	put(JOIN_MEMORY, image, len);
	CHECK(image_convert(x, IMAGE_RAW, &bytes) == -EPROTO && exists(JOIN_MEMORY),
	      "an address that no memory has");
	put(IMAGE_RAW_NAME, "x", 1);
	(void)make_image(image);
	put(JOIN_MEMORY, image, len);
	CHECK(image_convert(x, IMAGE_RAW, &bytes) == -EEXIST && exists(JOIN_MEMORY),
	      "nothing is overwritten");
}

int main(void)
{
	enum image_form form = IMAGE_RAW;
	uint8_t *image = malloc(0x10000);
	size_t len;

	if (image == NULL)
		abort();
	temp_open(&dir);
	(void)snprintf(out, sizeof(out), "%s/out", dir.path);
	if (extract_open(&x, out) < 0)
		abort();
	CHECK(image_parse_form("elf", &form) == 0 && form == IMAGE_ELF &&
	      image_parse_form("vmcore", &form) == -EINVAL, "names of the forms");
	len = make_image(image);
	test_raw(image, len);
	test_elf(image, len);
	test_gdb();
	test_bare(image, len);
	test_bad(image, len);
	extract_close(x);
	temp_close(&dir);
	free(image);
	return CHECK_DONE();
}
