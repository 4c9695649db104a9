/*
 * test_kcore_shapes.c - rare layouts of memory and of /proc/kcore: every byte by its address.
 *
 * The headers are files; what is behind them comes from a read function, since
 * real offsets are larger than a file system's files.  Eight bytes of memory
 * hold their own physical address, so a wrong offset shows.
 */
#include <elf.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "collector.h"
#include "lime.h"
#include "machine.h"
#include "memory.h"
#include "memory_watch.h"
#include "sink.h"
#include "sink_list.h"

#define NOT_RAM UINT64_MAX /* p_paddr of a segment that is no RAM, as well */
#define DATA_OFFSET 0x3000u
#define PARTS 8
#define RANGES 6

/* A PT_LOAD. */
struct part {
	uint64_t vaddr, len, shows; /* physical address */
	bool alias;                 /* another segment shows the same and counts */
};

struct shape {
	const char *name;
	uint16_t machine;
	unsigned bits;             /* of an address that are in the file's offset */
	bool old;                  /* every p_paddr is 0 */
	uint64_t base;             /* virtual address of physical 0 */
	const char *iomem;
	struct part parts[PARTS];
	struct range ram[RANGES];
	struct range holes[RANGES]; /* of ${ram}: no segment shows it */
};

#define L4 0xffff888000000000u
#define OLD 0xffff880000000000u
#define L5 0xff11000000000000u
#define L5_RANDOM 0xff2a123440000000u
#define ARM 0xffff000000000000u
#define ARM_OLD 0xffff800000000000u
#define ARM_52 0xfff0000000000000u

/* What every x86-64 kernel has beside RAM: an image, larger than RAM's segments here; modules. */
#define X86_TEXT { 0xffffffff81000000, 0x2e00000, 0x40001000, .alias = true }
#define X86_MODULES { 0xffffffffc0000000, 0x3f000000, NOT_RAM, false }

static const struct shape shapes[] = {
	{
		"x86-64 with 5 levels, addresses beyond 48 bits", EM_X86_64, 56, false, L5,
		"00001000-0000fbff : System RAM\n"
		"40000000-4002ffff : System RAM\n"
		"  40001000-40002fff : Kernel code\n"
		"100000000-10000ffff : System RAM\n"
		"f000000000000-f000000003fff : System RAM\n",
		{ X86_TEXT, { 0xffa0000000000000, 0x31ffffffffffff, NOT_RAM, false },
		  X86_MODULES, { 0xffd4000000000000, 0x4000, NOT_RAM, false },
		  { L5 + 0x1000, 0xe000, 0x1000, false },
		  { L5 + 0x40000000, 0x30000, 0x40000000, false },
		  { L5 + 0x100000000, 0x10000, 0x100000000, false },
		  { L5 + 0xf000000000000, 0x4000, 0xf000000000000, false } },
		{ { 0x1000, 0xfbff }, { 0x40000000, 0x4002ffff },
		  { 0x100000000, 0x10000ffff }, { 0xf000000000000, 0xf000000003fff } },
		{ { 0xf000, 0xfbff } },
	}, {
		"x86-64 with 5 levels, random base, last first",
		EM_X86_64, 56, false, L5_RANDOM,
		"00000000-00000fff : Reserved\n"
		"00001000-00004fff : System RAM\n"
		"40000000-40007fff : System RAM\n"
		"7e000000000-7e00000ffff : System RAM\n",
		{ { 0xffd5a00000000000, 0x8000, NOT_RAM, false },
		  { 0xff58e64000000000, 0x31ffffffffffff, NOT_RAM, false },
		  { L5_RANDOM + 0x7e000000000, 0x10000, 0x7e000000000, false },
		  { L5_RANDOM + 0x40000000, 0x8000, 0x40000000, false },
		  X86_MODULES, { L5_RANDOM + 0x1000, 0x4000, 0x1000, false }, X86_TEXT },
		{ { 0x1000, 0x4fff }, { 0x40000000, 0x40007fff }, { 0x7e000000000, 0x7e00000ffff } },
		{ { 0 } },
	}, {
		"arm64 with 48 bits", EM_AARCH64, 48, false, ARM - 0x40000000,
		"40000000-4000ffff : System RAM\n"
		"  40000000-40003fff : Kernel code\n"
		"  40004000-40004fff : reserved\n"
		"40012000-4001ffff : System RAM\n"
		"8080000000-8080007fff : System RAM\n",
		{ { 0xffff800000000000, 0x7bffbfff0000, NOT_RAM, false },
		  { 0xfffffc0000000000, 0x1000, NOT_RAM, false },
		  { 0xffff800008000000, 0x4000, 0x40000000, .alias = true },
		  { ARM, 0x10000, 0x40000000, false },
		  { ARM + 0x12000, 0xe000, 0x40012000, false },
		  { ARM + 0x8040000000, 0x8000, 0x8080000000, false } },
		{ { 0x40000000, 0x4000ffff }, { 0x40012000, 0x4001ffff },
		  { 0x8080000000, 0x8080007fff } },
		{ { 0 } },
	}, {
		"arm64 with 48 bits before 5.4: RAM above vmalloc", EM_AARCH64, 48, false,
		ARM_OLD - 0x80000000,
		"80000000-8000ffff : System RAM\n"
		"880000000-880007fff : System RAM\n",
		{ { 0xffff000008000000, 0x7dffbfff0000, NOT_RAM, false },
		  { 0xffff000000000000, 0x8000000, NOT_RAM, false },
		  { ARM_OLD + 0x800000000, 0x8000, 0x880000000, false },
		  { ARM_OLD, 0x10000, 0x80000000, false },
		  { 0xffff7e0000000000, 0x10000, NOT_RAM, false } },
		{ { 0x80000000, 0x8000ffff }, { 0x880000000, 0x880007fff } },
		{ { 0 } },
	}, {
		"arm64 with 52 bits of both kinds", EM_AARCH64, 52, false, ARM_52 - 0x40000000,
		"40000000-40007fff : System RAM\n"
		"8000040000000-800004000ffff : System RAM\n",
		{ { 0xffff800000000000, 0x7bffbfff0000, NOT_RAM, false },
		  { ARM_52, 0x8000, 0x40000000, false },
		  { 0xfffffc0000000000, 0x1000, NOT_RAM, false },
		  { ARM_52 + 0x8000000000000, 0x10000, 0x8000040000000, false } },
		{ { 0x40000000, 0x40007fff }, { 0x8000040000000, 0x800004000ffff } },
		{ { 0 } },
	}, {
		"arm64 built for 52 bits on a processor with 48", EM_AARCH64, 52, false,
		ARM - 0x40000000,
		"40000000-40007fff : System RAM\n"
		"4000000000-400000ffff : System RAM\n",
		{ { 0xffff800080000000, 0x7bff7fff0000, NOT_RAM, false },
		  { 0xffff800000000000, 0x80000000, NOT_RAM, false },
		  { ARM + 0x3fc0000000, 0x10000, 0x4000000000, false },
		  { ARM, 0x8000, 0x40000000, false } },
		{ { 0x40000000, 0x40007fff }, { 0x4000000000, 0x400000ffff } },
		{ { 0 } },
	}, {
		"arm64 whose image and RAM overlap in part", EM_AARCH64, 48, false, ARM - 0x40000000,
		"40000000-4001ffff : System RAM\n",
		{ { 0xffff800008000000, 0x8000, 0x4000c000, false },
		  { ARM + 0x13000, 0xd000, 0x40013000, false },
		  { ARM, 0xe000, 0x40000000, false } },
		{ { 0x40000000, 0x4001ffff } },
		{ { 0 } },
	}, {
		"virtio_mem below System RAM and below its device", EM_X86_64, 47, false, L4,
		"00100000-0011ffff : System RAM\n"
		"  00108000-0010ffff : System RAM (virtio_mem)\n"
		"  0011e000-00123fff : System RAM (virtio_mem)\n"
		"140000000-1400fffff : virtio0\n"
		"  140000000-140007fff : System RAM (virtio_mem)\n"
		"  140008000-14000ffff : System RAM (virtio_mem)\n"
		"  140018000-14001ffff : System RAM (virtio_mem)\n",
		{ { L4 + 0x100000, 0x20000, 0x100000, false },
		  { L4 + 0x120000, 0x4000, 0x120000, false },
		  { L4 + 0x140018000, 0x8000, 0x140018000, false },
		  { L4 + 0x140008000, 0x8000, 0x140008000, false },
		  { L4 + 0x140000000, 0x8000, 0x140000000, false } },
		{ { 0x100000, 0x123fff }, { 0x140000000, 0x14000ffff },
		  { 0x140018000, 0x14001ffff } },
		{ { 0 } },
	}, {
		"memory of dax devices, at the top and below Persistent Memory", EM_X86_64, 47,
		false, L4,
		"00100000-00107fff : System RAM\n"
		"100000000-100007fff : System RAM (kmem)\n"
		"200000000-20001ffff : Persistent Memory\n"
		"  200000000-200007fff : namespace0.0\n"
		"  200008000-20001ffff : dax0.0\n"
		"    200010000-20001ffff : System RAM (kmem)\n"
		"300000000-30000ffff : Persistent Memory (legacy)\n",
		{ { L4 + 0x200010000, 0x10000, 0x200010000, false },
		  { L4 + 0x100000, 0x8000, 0x100000, false },
		  { L4 + 0x100000000, 0x8000, 0x100000000, false } },
		{ { 0x100000, 0x107fff }, { 0x100000000, 0x100007fff },
		  { 0x200010000, 0x20001ffff } },
		{ { 0 } },
	}, {
		"a range in three segments, two of them apart", EM_X86_64, 47, false, L4,
		"00001000-0000ffff : System RAM\n"
		"00100000-00137fff : System RAM\n",
		{ { L4 + 0x130000, 0x8000, 0x130000, false },
		  { L4 + 0x1000, 0xf000, 0x1000, false },
		  { L4 + 0x100000, 0x10000, 0x100000, false },
		  { L4 + 0x110000, 0x1f000, 0x110000, false } },
		{ { 0x1000, 0xffff }, { 0x100000, 0x137fff } },
		{ { 0x12f000, 0x12ffff } },
	}, {
		"several ranges in one segment, one that begins before and one that ends behind it",
		EM_X86_64, 47, false, L4,
		"000ff000-00101fff : System RAM\n"
		"00104000-00104fff : System RAM\n"
		"00106200-001087ff : System RAM\n"
		"00110000-0011ffff : System RAM\n",
		{ { L4 + 0x100000, 0x18000, 0x100000, false } },
		{ { 0xff000, 0x101fff }, { 0x104000, 0x104fff }, { 0x106200, 0x1087ff },
		  { 0x110000, 0x11ffff } },
		{ { 0xff000, 0xfffff }, { 0x118000, 0x11ffff } },
	}, {
		"Linux 3.10: no addresses, a range in two segments, last first",
		EM_X86_64, 47, true, OLD,
		"00001000-0000fbff : System RAM\n"
		"00100000-00117fff : System RAM\n"
		"00118000-00127fff : System RAM\n"
		"100000000-100007fff : System RAM\n"
		"100008800-10000ffff : System RAM\n",
		{ { 0xffffc90000000000, 0x1fffffffffff, NOT_RAM, false }, X86_TEXT,
		  { OLD + 0x100009000, 0x7000, 0x100009000, false },
		  { OLD + 0x100000000, 0x8000, 0x100000000, false },
		  { OLD + 0x118000, 0x10000, 0x118000, false },
		  { 0xffffea0000000000, 0x8000, NOT_RAM, false },
		  { OLD + 0x100000, 0x18000, 0x100000, false },
		  { OLD + 0x1000, 0xe000, 0x1000, false } },
		{ { 0x1000, 0xfbff }, { 0x100000, 0x127fff }, { 0x100000000, 0x100007fff },
		  { 0x100008800, 0x10000ffff } },
		{ { 0xf000, 0xfbff }, { 0x100008800, 0x100008fff } },
	}, {
		"Linux 3.10 whose first range has no whole page", EM_X86_64, 47, true, OLD,
		"00000400-000017ff : System RAM\n"
		"00003000-00008fff : System RAM\n"
		"00100000-0010ffff : System RAM\n",
		{ { 0xffffc90000000000, 0x1fffffffffff, NOT_RAM, false },
		  { OLD + 0x100000, 0x10000, 0x100000, false },
		  { OLD + 0x3000, 0x6000, 0x3000, false } },
		{ { 0x400, 0x17ff }, { 0x3000, 0x8fff }, { 0x100000, 0x10ffff } },
		{ { 0x400, 0x17ff } },
	},
};

static struct host host;
static const struct shape *now;
static atomic_uint stray; /* reads of what is not the memory that was wanted */

static uint8_t content(uint64_t address)
{
	return (uint8_t)((address & ~7ull) >> address % 8 * 8);
}

static uint64_t offset_of(const struct part *p)
{
	return DATA_OFFSET + (p->vaddr & (((uint64_t)1 << now->bits) - 1));
}

/* What the kernel would read: up to the segment's end. */
static ssize_t read_shape(int fd, void *buf, size_t len, off_t offset)
{
	uint8_t *b = buf;

	(void)fd;
	for (const struct part *p = now->parts; p < now->parts + PARTS && p->len > 0; p++) {
		uint64_t at = (uint64_t)offset - offset_of(p);

		if ((uint64_t)offset < offset_of(p) || at >= p->len)
			continue;
		if (p->shows == NOT_RAM || p->alias || len > p->len - at)
			break;
		for (size_t i = 0; i < len; i++)
			b[i] = content(p->shows + at + i);
		return (ssize_t)len;
	}
	(void)atomic_fetch_add(&stray, 1);
	errno = EFAULT;
	return -1;
}

static void write_headers(void)
{
	Elf64_Ehdr e = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_CORE, .e_machine = now->machine, .e_phoff = sizeof(e),
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1,
	};
	uint8_t file[sizeof(e) + (PARTS + 1) * sizeof(Elf64_Phdr)];
	Elf64_Phdr ph[PARTS + 1] = { { .p_type = PT_NOTE } };

	for (const struct part *p = now->parts; p < now->parts + PARTS && p->len > 0; p++)
		ph[e.e_phnum++] = (Elf64_Phdr){
			.p_type = PT_LOAD, .p_vaddr = p->vaddr, .p_offset = offset_of(p),
			.p_paddr = now->old ? 0 : p->shows, .p_filesz = p->len, .p_memsz = p->len,
		};
	memcpy(file, &e, sizeof(e));
	memcpy(file + sizeof(e), ph, sizeof(ph));
	machine_file("proc/kcore", file, sizeof(file));
}

/* Exactly the ranges that are listed? */
static bool same(const struct ranges *r, const struct range *list)
{
	size_t n = 0;

	for (; n < RANGES && list[n].end != 0; n++)
		if (n >= r->count || r->at[n].start != list[n].start ||
		    r->at[n].end != list[n].end)
			return false;
	return n == r->count;
}

/* Is this the byte at ${a}; in a hole, of the marker or of zeros? */
static bool right(const struct ranges *holes, uint64_t a, uint8_t byte)
{
	uint8_t mark;

	if (!ranges_has(holes, a, a))
		return byte == content(a);
	memory_mark(&mark, a, 1);
	return byte == mark || byte == 0;
}

/* Go through the images: how many bytes are wrong; ${seen} gets what is there. */
static uint64_t look(const struct memory *m, struct ranges *seen)
{
	const struct ranges *holes = &m->holes[HOLE_UNMAPPED];
	uint64_t wrong = 0;

	for (size_t i = 0; i < sink_list_count(m->sink); i++) {
		const struct sink_list_file *f = sink_list_at(m->sink, i);
		const uint8_t *p = (const uint8_t *)f->data;
		struct lime_stream stream = { 0 };
		struct lime_item item = { 0 };
		size_t len = f->len;

		while (lime_next(&stream, &p, &len, &item) > 0) {
			if (item.kind != LIME_DATA)
				continue;
			wrong += ranges_add(seen, item.address, item.address + item.len - 1) < 0;
			for (size_t k = 0; k < item.len; k++)
				wrong += !right(holes, item.address + k, item.data[k]);
		}
		wrong += !lime_whole(&stream);
	}
	return wrong;
}

static void test_shape(void)
{
	static const struct collector_request req = { .memory = MEMORY_KCORE };
	struct memory m = {
		.host = &host, .req = &req, .sink = machine_sink(),
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	struct ranges seen = { 0 };
	struct sink *s = m.sink;

	write_headers();
	machine_text("proc/iomem", now->iomem);
	m.piece_cap = 256;
	m.pieces = calloc(m.piece_cap, sizeof(*m.pieces));
	if (m.pieces == NULL || ranges_open(&seen, 256) < 0 ||
	    memory_watch_open(&m.watch, read_shape, 5000) < 0 || memory_state_open(&m) < 0)
		abort();
	CHECK(memory_state_ram(&m) == 0 && same(&m.ram, now->ram), "%s: what is RAM", now->name);
	memory_kcore_open(&m);
	CHECK(m.kcore >= 0 && m.map.page_offset == now->base, "%s: the base", now->name);
	CHECK(memory_pull_run(&m, METHOD_KCORE) == 0 && sink_drain(s) == 0 &&
	      look(&m, &seen) == 0 && same(&seen, now->ram), "%s: every byte", now->name);
	CHECK(same(&m.holes[HOLE_UNMAPPED], now->holes) && m.holes[HOLE_UNREADABLE].count == 0 &&
	      atomic_exchange(&stray, 0) == 0, "%s: the holes, and no other read", now->name);
	memory_state_close(&m);
	ranges_free(&seen);
	sink_list_free(s);
}

int main(void)
{
	machine_open(&host);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		now = &shapes[i];
		test_shape();
	}
	machine_close(&host);
	return CHECK_DONE();
}
