/* test_ranges.c - range sets and /proc/iomem: what is RAM, to its last byte. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "ranges.h"

static bool is(const struct ranges *r, size_t i, uint64_t start, uint64_t end)
{
	return i < r->count && r->at[i].start == start && r->at[i].end == end;
}

static int parse(struct ranges *r, const char *text)
{
	r->count = 0;
	return ranges_parse_iomem(r, text, strlen(text));
}

/* Lines of a real machine, and of one with hot-plugged memory. */
static const char plain[] =
	"00000000-00000fff : Reserved\n"
	"00001000-0009fbff : System RAM\n"
	"0009fc00-000fffff : Reserved\n"
	"  000f0000-000fffff : System ROM\n"
	"00100000-bfffffff : System RAM\n"
	"  01000000-02276f47 : Kernel code\n"
	"  02400000-02e0cfff : Kernel rodata\n"
	"fec00000-fec003ff : IOAPIC 0\n"
	"100000000-63fffffff : System RAM\n";

static const char plugged[] =
	"00001000-0009ffff : System RAM\n"
	"00100000-3fffffff : System RAM\n"
	"  01000000-02276f47 : Kernel code\n"
	"140000000-1bfffffff : virtio0\n"
	"  140000000-147ffffff : System RAM (virtio_mem)\n"
	"  148000000-14fffffff : System RAM (virtio_mem)\n"
	"  158000000-15fffffff : System RAM (virtio_mem)\n"
	"200000000-27fffffff : Persistent Memory\n"
	"  200000000-27fffffff : dax0.0\n"
	"    210000000-27fffffff : System RAM (kmem)\n"
	"300000000-3ffffffff : System RAMdisk\n";

/* The child reaches past its parent; one dax device has a line of its own. */
static const char nested[] =
	"00100000-0011ffff : System RAM\n"
	"  00108000-0010ffff : System RAM (virtio_mem)\n"
	"  0011e000-00123fff : System RAM (virtio_mem)\n"
	"100000000-100007fff : System RAM (kmem)\n"
	"200000000-20001ffff : Persistent Memory\n"
	"  200008000-20001ffff : dax0.0\n"
	"    200010000-20001ffff : System RAM (kmem)\n"
	"f000000000000-ffffffffffffe : System RAM\n";

static void test_iomem(struct ranges *r)
{
	CHECK(parse(r, plain) == 0 && r->count == 3, "three ranges of a plain machine");
	CHECK(is(r, 0, 0x1000, 0x9fbff) && is(r, 1, 0x100000, 0xbfffffff) &&
	      is(r, 2, 0x100000000, 0x63fffffff), "ends are inclusive");
	CHECK(ranges_bytes(r) == 0x9ec00 + 0xbff00000ull + 0x540000000ull,
	      "bytes to the last one");
	CHECK(parse(r, plugged) == 0 && r->count == 5, "nested RAM is found, once");
	CHECK(is(r, 2, 0x140000000, 0x14fffffff), "blocks that touch are one");
	CHECK(is(r, 3, 0x158000000, 0x15fffffff), "an unplugged block is left out");
	CHECK(is(r, 4, 0x210000000, 0x27fffffff), "memory of a dax device");
	CHECK(parse(r, "00001000-00002fff : System RAM\n"
		       "  00001000-00001fff : System RAM (virtio_mem)\n") == 0 &&
	      r->count == 1 && ranges_bytes(r) == 0x2000, "nothing twice");
	CHECK(parse(r, nested) == 0 && r->count == 4 && is(r, 0, 0x100000, 0x123fff) &&
	      is(r, 1, 0x100000000, 0x100007fff) && is(r, 2, 0x200010000, 0x20001ffff) &&
	      is(r, 3, 0xf000000000000, 0xffffffffffffe),
	      "children, dax at the top and below, all 52 bits");
	CHECK(parse(r, "00001000-00001fff : System RAM") == 0 && r->count == 1,
	      "no newline at the end");
}

static void test_iomem_bad(struct ranges *r)
{
	CHECK(parse(r, "00000000-00000000 : System RAM\n"
		       "  00000000-00000000 : Kernel code\n"
		       "00000000-00000000 : System RAM\n") == -EPERM,
	      "hidden addresses are told from real ones");
	CHECK(parse(r, "00000000-00000fff : System RAM\n") == 0 && r->count == 1,
	      "RAM may start at 0");
	CHECK(parse(r, "") == -ENODATA, "empty");
	CHECK(parse(r, "00001000-0009fbff : Reserved\n") == -ENODATA, "no RAM");
	CHECK(parse(r, "0000x000-0009fbff : System RAM\n") == -EINVAL, "bad digit");
	CHECK(parse(r, "00001000 : System RAM\n") == -EINVAL, "no end");
	CHECK(parse(r, "00002000-00001000 : System RAM\n") == -EINVAL, "end first");
	CHECK(parse(r, "0-ffffffffffffffff : System RAM\n") == -EINVAL,
	      "the whole address space");
	CHECK(parse(r, "11111111111111111-2 : System RAM\n") == -EINVAL, "too long");
}

static void test_iomem_full(void)
{
	struct ranges two;

	CHECK(ranges_open(&two, 2) == 0, "a set of two");
	CHECK(parse(&two, plain) == -ENOSPC && two.count == 2,
	      "a third range does not fit");
	ranges_free(&two);
	ranges_free(&two);
}

/* The set against a plain map of bits. */
static void test_against_bits(void)
{
	enum { SPACE = 300, ROUNDS = 2000 };
	struct ranges a, b, diff;
	bool in_a[SPACE] = { 0 }, in_b[SPACE] = { 0 };
	unsigned bad = 0;

	srand(7);
	(void)ranges_open(&a, SPACE);
	(void)ranges_open(&b, SPACE);
	(void)ranges_open(&diff, SPACE);
	for (unsigned k = 0; k < ROUNDS; k++) {
		bool second = (k & 1) != 0;
		uint64_t s = (uint64_t)rand() % SPACE, e = s + (uint64_t)rand() % 5;

		if (k % 60 == 0) {
			a.count = b.count = 0;
			memset(in_a, 0, sizeof(in_a));
			memset(in_b, 0, sizeof(in_b));
		}
		if (e >= SPACE)
			e = SPACE - 1;
		bad += ranges_add(second ? &b : &a, s, e) != 0;
		for (uint64_t i = s; i <= e; i++)
			(second ? in_b : in_a)[i] = true;
		diff.count = 0;
		bad += ranges_subtract(&diff, &a, &b) != 0;
		for (uint64_t i = 0; i < SPACE; i++) {
			bad += ranges_has(&a, i, i) != in_a[i];
			bad += ranges_has(&b, i, i) != in_b[i];
			bad += ranges_has(&diff, i, i) != (in_a[i] && !in_b[i]);
		}
		for (size_t i = 1; i < a.count; i++)
			bad += a.at[i].start <= a.at[i - 1].end + 1;
	}
	CHECK(bad == 0, "%d random steps agree with a map of bits (%u do not)",
	      ROUNDS, bad);
	ranges_free(&a);
	ranges_free(&b);
	ranges_free(&diff);
}

static void test_borders(struct ranges *r)
{
	r->count = 0;
	CHECK(ranges_add(r, 5, 4) == -EINVAL, "an empty range");
	CHECK(ranges_add(r, 0, UINT64_MAX) == -EINVAL, "an end that cannot be passed");
	CHECK(ranges_add(r, 0, UINT64_MAX - 1) == 0 &&
	      ranges_bytes(r) == UINT64_MAX, "the largest range");
	CHECK(ranges_add(r, 7, 9) == 0 && r->count == 1, "inside of it");
	r->count = 0;
	(void)ranges_add(r, 0x1000, 0x1fff);
	CHECK(!ranges_has(r, 0x1000, 0x2000) && ranges_has(r, 0x1fff, 0x1fff),
	      "one byte past the end");
	CHECK(ranges_find(r, 0x2000) == NULL && ranges_find(r, 0) == r->at,
	      "find what ends at or after");
}

static void test_kernel(void)
{
	static const char text[] = "00100000-7fffffff : System RAM\n"
				   "  2000000-2ffffff : Kernel code\n"
				   "  3000000-31fffff : Kernel rodata\n"
				   "  3200000-33fffff : Kernel data\n"
				   "  3600000-39fffff : Kernel bss\n"
				   "  4000000-40fffff : Kernel code\n"
				   "  5000000-5ffffff : Crash kernel\n";
	struct range k;

	CHECK(ranges_parse_kernel(&k, text, sizeof(text) - 1) == 0 &&
	      k.start == 0x2000000 && k.end == 0x39fffff, "where the kernel lies");
	CHECK(ranges_parse_kernel(&k, text, 63) == 0 && k.end == 0x2ffffff,
	      "a text that is cut");
	CHECK(ranges_parse_kernel(&k, text, 31) == -ENOENT &&
	      ranges_parse_kernel(&k, "0-0 : Kernel code\n", 18) == -ENOENT,
	      "one that does not say");
}

int main(void)
{
	struct ranges r;

	if (ranges_open(&r, 64) < 0)
		return 1;
	test_iomem(&r);
	test_iomem_bad(&r);
	test_iomem_full();
	test_against_bits();
	test_borders(&r);
	test_kernel();
	ranges_free(&r);
	return CHECK_DONE();
}
