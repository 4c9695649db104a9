/* test_kcore.c - /proc/kcore's headers as a map of physical memory. */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "kcore.h"

#define DIRECT 0xffff888000000000u
#define OLD_DIRECT 0xffff880000000000u
#define TEXT 0xffffffff81000000u
#define SEGMENTS 4096u

static Elf64_Phdr phdrs[SEGMENTS];
static struct kcore_segment segments[SEGMENTS];
static struct kcore_map map = { .seg = segments };

/* A PT_LOAD whose file offset tells which one it is. */
static Elf64_Phdr load(uint64_t vaddr, uint64_t paddr, uint64_t size, uint64_t offset)
{
	return (Elf64_Phdr){
		.p_type = PT_LOAD, .p_vaddr = vaddr, .p_paddr = paddr,
		.p_filesz = size, .p_memsz = size, .p_offset = offset,
	};
}

static int parse(uint16_t machine, size_t count, const struct ranges *ram)
{
	const struct kcore_header h = { .machine = machine, .phdr_count = count };

	return kcore_parse(&h, (const uint8_t *)phdrs, ram, &map);
}

static bool is(size_t i, uint64_t start, uint64_t end, uint64_t offset)
{
	return i < map.count && map.seg[i].range.start == start &&
	       map.seg[i].range.end == end && map.seg[i].offset == offset;
}

static void test_header(void)
{
	Elf64_Ehdr e = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_CORE, .e_machine = EM_X86_64, .e_phoff = 64,
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 7,
	};
	uint8_t b[KCORE_EHDR_BYTES];
	struct kcore_header h;

	memcpy(b, &e, sizeof(b));
	CHECK(kcore_parse_header(b, &h) == 0 && h.phdr_count == 7 &&
	      h.phdrs == 64 && h.machine == EM_X86_64, "a header");
	b[EI_CLASS] = ELFCLASS32;
	CHECK(kcore_parse_header(b, &h) == -EINVAL, "32 bits");
	memcpy(b, &e, sizeof(b));
	b[0] = 0;
	CHECK(kcore_parse_header(b, &h) == -EINVAL, "no ELF");
	e.e_phnum = 0;
	memcpy(b, &e, sizeof(b));
	CHECK(kcore_parse_header(b, &h) == -EINVAL, "no segments");
	e.e_phnum = 1;
	e.e_phentsize = 32;
	memcpy(b, &e, sizeof(b));
	CHECK(kcore_parse_header(b, &h) == -EINVAL, "segments of another size");
	e.e_phentsize = sizeof(Elf64_Phdr);
	e.e_phoff = UINT64_MAX - 8;
	memcpy(b, &e, sizeof(b));
	CHECK(kcore_parse_header(b, &h) == -EINVAL, "an offset past all files");
}

/* What Linux 6.1 shows on x86-64. */
static void test_x86(void)
{
	const struct ranges none = { 0 };
	size_t n = 0;

	phdrs[n++] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = 0x200, .p_filesz = 5000 };
	phdrs[n++] = load(TEXT, 0x1000000, 0x2e00000, 0x7fff81003000);
	phdrs[n++] = load(0xffffc90000000000, UINT64_MAX, 0x1fffffffffff, 0x490000003000);
	phdrs[n++] = load(0xffffffffc0000000, UINT64_MAX, 0x3f000000, 0x7fffc0003000);
	phdrs[n++] = load(DIRECT + 0x100000, 0x100000, 0xfee0000, 0x8880103000);
	phdrs[n++] = load(0xffffea0000004000, UINT64_MAX, 0x3fb000, 0x6a0000007000);
	phdrs[n++] = load(DIRECT + 0x1000, 0x1000, 0x9e000, 0x8880004000);
	CHECK(parse(EM_X86_64, n, &none) == 0 && map.count == 2, "two ranges of RAM");
	CHECK(is(0, 0x1000, 0x9efff, 0x8880004000) &&
	      is(1, 0x100000, 0xffdffff, 0x8880103000), "in order, without the image");
	CHECK(map.page_offset == DIRECT, "the direct map's base");
	CHECK(map.note_offset == 0x200 && map.note_len == 5000, "the notes");
	CHECK(kcore_find(&map, 0x9f000) == &map.seg[1] &&
	      kcore_find(&map, 0x9efff) == &map.seg[0] &&
	      kcore_find(&map, 0xffe0000) == NULL, "find by address");
}

/* arm64 has no bound between the image and the direct map. */
static void test_alias(void)
{
	const struct ranges none = { 0 };

	phdrs[0] = load(0xffff800008000000, 0x41000000, 0x2000000, 1u << 20);
	phdrs[1] = load(0xffff000000000000, 0x40000000, 0x20000000, 3u << 20);
	CHECK(parse(EM_AARCH64, 2, &none) == 0 && map.count == 1 &&
	      is(0, 0x40000000, 0x5fffffff, 3u << 20), "the larger of two is taken");
	CHECK(map.page_offset == 0xffff000000000000 - 0x40000000, "and gives the base");
	phdrs[0] = load(1, 0x3f000000, 0x2000000, 1u << 20);
	CHECK(parse(EM_AARCH64, 2, &none) == 0 && map.count == 2 &&
	      is(0, 0x3f000000, 0x3fffffff, 1u << 20) &&
	      is(1, 0x40000000, 0x5fffffff, 3u << 20), "a smaller one before it is cut");
	phdrs[0] = load(1, 0x5f000000, 0x2000000, 1u << 20);
	CHECK(parse(EM_AARCH64, 2, &none) == 0 && map.count == 2 &&
	      is(1, 0x60000000, 0x60ffffff, (1u << 20) + 0x1000000),
	      "behind it too, with its offset moved");
}

/* Before 4.11: no physical addresses. */
static void test_old(struct ranges *ram)
{
	size_t n = 0;

	ram->count = 0;
	(void)ranges_add(ram, 0x1000, 0x9fbff);
	(void)ranges_add(ram, 0x100000, 0x3ffdffff);
	phdrs[n++] = load(TEXT, 0, 0x2e00000, 0x7fff81003000);
	phdrs[n++] = load(0xffffc90000000000, 0, 0x1fffffffffff, 0x490000003000);
	phdrs[n++] = load(OLD_DIRECT + 0x1000, 0, 0x9e000, 0x3000);
	phdrs[n++] = load(OLD_DIRECT + 0x100000, 0, 0x3fee0000, 0x103000);
	phdrs[n++] = load(0xffffea0000000000, 0, 0x1000000, 0x6a0000003000);
	CHECK(parse(EM_X86_64, n, ram) == 0 && map.count == 2 &&
	      is(0, 0x1000, 0x9efff, 0x3000) && is(1, 0x100000, 0x3ffdffff, 0x103000),
	      "an old kernel's addresses are derived");
	CHECK(map.page_offset == OLD_DIRECT, "and its base");
	CHECK(parse(EM_AARCH64, n, ram) == -EOPNOTSUPP, "not on arm64");
	ram->at[0].start = 0x3000;
	CHECK(parse(EM_X86_64, n, ram) == -EOPNOTSUPP, "not when they do not fit");
	ram->count = 0;
	CHECK(parse(EM_X86_64, n, ram) == -EOPNOTSUPP, "nor without /proc/iomem");
}

static void test_bad(void)
{
	const struct ranges none = { 0 };

	phdrs[0] = load(DIRECT, UINT64_MAX - 0x1000, 0x2000, 0x1000);
	phdrs[1] = load(DIRECT, 0x1000, INT64_MAX, 0x1000);
	phdrs[2] = load(DIRECT, 0x1000, 0, 0x1000);
	CHECK(parse(EM_X86_64, 3, &none) == -ENODATA, "numbers that overflow are left out");
	phdrs[3] = load(DIRECT + 0x1000, 0x1000, 0x1000, 0x9000);
	CHECK(parse(EM_X86_64, 4, &none) == 0 && map.count == 1, "the good one stays");
	CHECK(parse(EM_X86_64, 0, &none) == -ENODATA, "none at all");
}

/* Random overlapping segments: disjoint, and nothing that one shows is lost. */
static void test_random(void)
{
	const struct ranges none = { 0 };
	unsigned bad = 0;

	srand(3);
	for (unsigned k = 0; k < 500; k++) {
		size_t n = 1 + (size_t)rand() % 12;
		bool shown[256] = { 0 };

		for (size_t i = 0; i < n; i++) {
			uint64_t s = (uint64_t)rand() % 200, l = 1 + (uint64_t)rand() % 50;

			phdrs[i] = load(DIRECT, s * 4096, l * 4096, (i * 256 + s) * 4096);
			memset(shown + s, 1, l);
		}
		/* One segment at 0 alone would look like an old kernel's. */
		if (parse(EM_AARCH64, n, &none) < 0)
			continue;
		for (size_t i = 1; i < map.count; i++)
			bad += map.seg[i].range.start <= map.seg[i - 1].range.end;
		for (uint64_t p = 0; p < 256; p++) {
			const struct kcore_segment *s = kcore_find(&map, p * 4096);
			bool in = s != NULL && s->range.start <= p * 4096;

			bad += in != shown[p];
			/* The offset must still be this page's. */
			if (in)
				bad += ((s->offset + p * 4096 - s->range.start) / 4096) %
				       256 != p;
		}
	}
	CHECK(bad == 0, "random overlaps (%u bad)", bad);
	for (size_t i = 0; i < SEGMENTS; i++)
		phdrs[i] = load(DIRECT, (i + 1) * 8192, 4096, i * 4096);
	CHECK(parse(EM_X86_64, SEGMENTS, &none) == 0 && map.count == SEGMENTS,
	      "many segments");
}

static size_t add_note(uint8_t *p, const char *name, const char *text, bool nul)
{
	Elf64_Nhdr n = {
		.n_namesz = (Elf64_Word)(strlen(name) + nul),
		.n_descsz = (Elf64_Word)strlen(text),
	};
	size_t body = sizeof(n) + ((n.n_namesz + 3u) & ~3u);

	memset(p, 0, body + ((n.n_descsz + 3u) & ~3u));
	memcpy(p, &n, sizeof(n));
	memcpy(p + sizeof(n), name, strlen(name));
	memcpy(p + body, text, n.n_descsz);
	return body + ((n.n_descsz + 3u) & ~3u);
}

static void test_notes(void)
{
	static const char text[] = "OSRELEASE=6.1.0\nPAGESIZE=4096\nKERNELOFFSET=1a400000\n";
	uint8_t b[512];
	size_t n = add_note(b, "CORE", "12345", true), len, want, bad = 0;
	const uint8_t *p;
	const char *v;

	n += add_note(b + n, "VMCOREINFO", text, true);
	CHECK(kcore_note(b, n, "VMCOREINFO", &p, &len) == 0 &&
	      len == sizeof(text) - 1 && memcmp(p, text, len) == 0, "VMCOREINFO");
	CHECK(kcore_note(b, n, "OTHER", &p, &len) == -ENOENT, "a note that is not there");
	for (want = 0; want < n - 3; want++) {
		uint8_t *cut = malloc(want + 1);

		if (cut == NULL)
			abort();
		memcpy(cut, b, want);
		bad += kcore_note(cut, want, "VMCOREINFO", &p, &len) != -ENOENT;
		free(cut);
	}
	CHECK(bad == 0, "notes cut at every byte (%zu bad)", bad);
	memset(b, 0xff, 8);
	CHECK(kcore_note(b, n, "VMCOREINFO", &p, &len) == -ENOENT, "sizes that lie");
	CHECK(kcore_info(text, sizeof(text) - 1, "KERNELOFFSET", &v, &len) == 0 &&
	      len == 8 && memcmp(v, "1a400000", 8) == 0, "a value");
	CHECK(kcore_info(text, sizeof(text) - 1, "OFFSET", &v, &len) == -ENOENT,
	      "a key is a whole one");
	CHECK(kcore_info(text, 9, "OSRELEASE", &v, &len) == -ENOENT, "a line cut at its key");
}

int main(void)
{
	struct ranges ram;

	if (ranges_open(&ram, 16) < 0)
		return 1;
	test_header();
	test_x86();
	test_alias();
	test_old(&ram);
	test_bad();
	test_random();
	test_notes();
	ranges_free(&ram);
	return CHECK_DONE();
}
