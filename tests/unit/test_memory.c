/* test_memory.c - the memory collector on a machine made of files. */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "check.h"
#include "collector.h"
#include "machine.h"
#include "sink_list.h"

static struct host host;

static int run(struct sink *s, enum collector_memory method)
{
	const struct collector_request req = { .memory = method };

	return collector_memory.run(&host, &req, s);
}

static void test_kcore(void)
{
	struct sink *s = machine_sink();
	const struct sink_list_file *f;
	struct machine_image im;

	CHECK(run(s, MEMORY_AUTO) == 0, "kcore: runs");
	machine_image(&im, s);
	CHECK(machine_covers(&im), "every byte of RAM, once, in LiME images");
	CHECK(im.marked == 0 && im.zeros <= 0xc00, "only the page that is not whole is zeros");
	CHECK(sink_list_row(s, "memory/holes.ndjson", "\"0x9000\"", "\"0x9bff\"",
			    "no kcore segment") != NULL, "and it is a hole");
	CHECK(sink_list_row(s, "memory/ranges.ndjson", "\"0x1000\"", "\"0x9bff\"",
			    "\"kcore\"") != NULL, "its range by its method");
	CHECK(sink_list_row(s, "memory/layout.json", "\"kaslr_offset\":\"0x1a400000\"",
			    "\"paging_levels\":4", "\"direct_map\":\"0xffff888000000000\"")
	      != NULL, "the layout");
	CHECK(sink_list_row(s, "memory/layout.json", "\"page_table_root\":\"0x110000\"", NULL,
			    NULL) != NULL, "and the page table's root in it");
	f = sink_list_find(s, "memory/vmcoreinfo");
	CHECK(f != NULL && strcmp(f->data, machine_info) == 0, "VMCOREINFO");
	CHECK(sink_list_find(s, "memory/proc/iomem") != NULL &&
	      sink_list_find(s, "memory/proc/kallsyms") != NULL &&
	      sink_list_find(s, "memory/sys/kernel/btf/vmlinux") != NULL &&
	      sink_list_find(s, "memory/files/boot/config-6.1.0-test") != NULL,
	      "what makes it analysable");
	CHECK(sink_list_gaps(s, "", NULL) == 0, "no gap");
	CHECK(machine_note_is(s, "method", "kcore") && machine_note_is(s, "lime", "refused: no module"),
	      "the notes say how");
	ranges_free(&im.ranges);
	sink_list_free(s);
}

/* The file ends in the middle of the second range: reads fail from there on. */
static void test_kcore_unreadable(void)
{
	struct sink *s = machine_sink();
	struct machine_image im;
	int why = 0;

	machine_kcore(HIGH_START + 0x40000);
	CHECK(run(s, MEMORY_KCORE) == 0, "kcore that fails halfway: runs");
	machine_image(&im, s);
	CHECK(machine_covers(&im) && im.marked > 0x3f000 && im.marked <= 0x40000,
	      "what cannot be read is the marker");
	CHECK(sink_list_row(s, "memory/holes.ndjson", "\"0x140000\"", "\"0x17ffff\"",
			    "unreadable") != NULL, "as one hole");
	CHECK(sink_list_gaps(s, "memory", &why) == 1 && why < 0, "and a gap");
	ranges_free(&im.ranges);
	sink_list_free(s);
	machine_kcore(HIGH_END + 1);
}

/* The place of a piece in the order in which they were handed out. */
static size_t place_of(const struct sink *s, const char *path)
{
	size_t i = 0;

	while (i < sink_list_count(s) && strcmp(sink_list_at(s, i)->path, path) != 0)
		i++;
	return i;
}

static void test_order(void)
{
	static uint64_t flags[(HIGH_END + 1) / 4096];
	struct sink *s = machine_sink();
	size_t kernel, tables, objects, used, unused;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		flags[i] = 1u << 10;
	flags[0x155000 / 4096] = 1u << 26;
	flags[0x142000 / 4096] = 1u << 7;
	flags[0x131000 / 4096] = 1u << 5;
	machine_file("proc/kpageflags", flags, sizeof(flags));
	CHECK(run(s, MEMORY_KCORE) == 0, "order: runs");
	kernel = place_of(s, "memory/0000000000110000.lime");
	tables = place_of(s, "memory/0000000000150000.lime");
	objects = place_of(s, "memory/0000000000140000.lime");
	used = place_of(s, "memory/0000000000130000.lime");
	unused = place_of(s, "memory/0000000000100000.lime");
	CHECK(kernel < tables && tables < objects && objects < used && used < unused &&
	      unused < sink_list_count(s),
	      "the kernel's image, page tables, its objects, used memory, free memory");
	CHECK(machine_note_is(s, "order", "kernel image first, then by page flags"),
	      "and a note says so");
	sink_list_free(s);
	machine_drop("proc/kpageflags");
}

/* What the kernel has no page for, or a broken one, comes out as zeros. */
static void test_kpageflags(void)
{
	static uint64_t flags[(HIGH_END + 1) / 4096];
	struct sink *s = machine_sink();
	struct machine_image im;
	size_t first = HIGH_START / 4096;

	machine_kcore(HIGH_END + 1);
	machine_blank(HIGH_START + 0x2000, 0x5000);
	flags[first + 1] = 1u << 23;             /* offline, and yet not zeros */
	flags[first + 2] = 1u << 19;
	flags[first + 3] = flags[first + 4] = 1u << 20;
	flags[first + 5] = 1u << 23;
	flags[first + 6] = 1u << 10;
	machine_file("proc/kpageflags", flags, sizeof(flags));
	CHECK(run(s, MEMORY_AUTO) == 0, "page flags: runs");
	machine_image(&im, s);
	CHECK(machine_covers(&im), "everything is there");
	CHECK(sink_list_row(s, "memory/holes.ndjson", "\"0x102000\"", "\"0x102fff\"",
			    "hwpoison") != NULL, "a broken page is a hole");
	CHECK(sink_list_row(s, "memory/holes.ndjson", "\"0x103000\"", "\"0x104fff\"",
			    "no page") != NULL, "so are two that the kernel does not know");
	CHECK(sink_list_row(s, "memory/holes.ndjson", "\"0x105000\"", "\"0x105fff\"",
			    "offline") != NULL, "and one that was taken away, by a balloon too");
	CHECK(sink_list_row(s, "memory/holes.ndjson", "\"0x101000\"", NULL, NULL) == NULL &&
	      sink_list_row(s, "memory/holes.ndjson", "\"0x106", NULL, NULL) == NULL,
	      "one with content, or zeros without a flag, is none");
	CHECK(sink_list_row(s, "memory/kpageflags.json", "\"pages\":136", "\"nopage\":2",
			    "\"buddy\":1") != NULL, "the flags are counted");
	ranges_free(&im.ranges);
	sink_list_free(s);
	machine_drop("proc/kpageflags");
	machine_kcore(HIGH_END + 1);
}

/* Headers and nothing behind them: the method is refused, not all of it marked. */
static void test_kcore_empty(void)
{
	struct sink *s = machine_sink();

	machine_kcore(0);
	CHECK(run(s, MEMORY_AUTO) == -ENODATA, "a kcore that cannot be read: not all of it");
	CHECK(machine_note_is(s, "kcore", "refused: ENODATA") &&
	      machine_note_is(s, "method", "process"), "it is refused");
	sink_list_free(s);
	machine_kcore(HIGH_END + 1);
}

static void test_no_physical(void)
{
	struct sink *s = machine_sink();
	const struct sink_list_file *f;
	Elf64_Ehdr e;
	Elf64_Phdr ph;

	machine_drop("proc/kcore");
	machine_text("proc/77/maps", "00010000-00012000 rw-p 00000000 00:00 0 [heap]\n"
				 "00020000-00021000 ---p 00000000 00:00 0 \n"
				 "00030000-00031000 rw-s 00000000 00:05 9 /dev/mei0\n");
	/* The second page is beyond the file's end: it cannot be read. */
	machine_sparse("proc/77/mem", "FIRST", 0x10000, 0x11000);
	CHECK(run(s, MEMORY_AUTO) == -ENODATA, "no physical method: not all of it");
	CHECK(machine_note_is(s, "method", "process") && machine_note_is(s, "kcore", "refused: ENOENT"),
	      "process memory is the last method");
	f = sink_list_find(s, "memory/process/77.core");
	CHECK(f != NULL && f->len == 0x3000 && f->declared == f->len, "a core file");
	if (f != NULL && f->len == 0x3000) {
		memcpy(&e, f->data, sizeof(e));
		memcpy(&ph, f->data + e.e_phoff + sizeof(ph), sizeof(ph));
		CHECK(e.e_type == ET_CORE && e.e_phnum == 4 && ph.p_vaddr == 0x10000 &&
		      ph.p_filesz == 0x2000 && ph.p_offset == 0x1000, "its first segment");
		CHECK(memcmp(f->data + 0x1000, "FIRST", 5) == 0 &&
		      memcmp(f->data + 0x2000, "EVAC UNREADABLE ", 16) == 0,
		      "its content, and the marker for the page that fails");
	}
	CHECK(sink_list_gaps(s, "memory/process/77.core", NULL) == 1 &&
	      sink_list_gaps(s, "memory", NULL) >= 2, "gaps name both");
	sink_list_free(s);
	machine_drop("proc/77/mem");
	machine_drop("proc/77/maps");
	machine_kcore(HIGH_END + 1);
}

/* The words of arm64 kernels, whose image lies elsewhere. */
static void test_arm_layout(void)
{
	static const struct { const char *bits, *levels; } cases[] = {
		{ "NUMBER(VA_BITS)=39\n", "\"paging_levels\":3" },
		{ "NUMBER(VA_BITS)=48\n", "\"paging_levels\":4" },
		{ "NUMBER(VA_BITS)=52\n", "\"paging_levels\":5" },
		/* Built for 52 bits, on a processor that has 48. */
		{ "NUMBER(VA_BITS)=52\nNUMBER(TCR_EL1_T1SZ)=0x10\n", "\"paging_levels\":4" },
	};
	char info[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sink *s = machine_sink();

		(void)snprintf(info, sizeof(info), "OSRELEASE=x\n%sNUMBER(kimage_voffset)="
			       "0xffff7fffc0000000\nNUMBER(PHYS_OFFSET)=0x40000000\n"
			       "SYMBOL(swapper_pg_dir)=ffff7fffc0115000\nKERNELOFFSET=200000\n",
			       cases[i].bits);
		machine_kcore_info(HIGH_END + 1, info);
		CHECK(run(s, MEMORY_KCORE) == 0 &&
		      sink_list_row(s, "memory/layout.json", cases[i].levels,
				    "\"page_table_root\":\"0x115000\"",
				    "\"kaslr_offset\":\"0x200000\"") != NULL,
		      "arm64: %s", cases[i].levels);
		sink_list_free(s);
	}
	machine_kcore(HIGH_END + 1);
}

/* Symbols without addresses look like a whole file. */
static void test_kallsyms(void)
{
	struct sink *s = machine_sink();
	int why = 0;

	machine_text("proc/kallsyms", "0000000000000000 A fixed\n0000000000000000 T _text\n");
	machine_text("proc/sys/kernel/kptr_restrict", "2\n");
	CHECK(run(s, MEMORY_KCORE) == 0 &&
	      sink_list_gaps(s, "memory/proc/kallsyms", &why) == 1 && why == -EPERM &&
	      machine_note_is(s, "kallsyms", "addresses hidden: kernel.kptr_restrict is 2"),
	      "hidden symbols are a gap");
	sink_list_free(s);
	machine_text("proc/kallsyms", "0000000000000000 A fixed\nffffffff81000000 T _text\n");
	machine_drop("proc/sys/kernel/kptr_restrict");
}

static void test_hidden(void)
{
	struct sink *s = machine_sink();
	int why = 0;

	machine_text("proc/iomem", "00000000-00000000 : System RAM\n");
	CHECK(run(s, MEMORY_AUTO) == -ENODATA, "hidden addresses: not all of it");
	CHECK(sink_list_gaps(s, "proc/iomem", &why) == 1 && why == -EPERM,
	      "hidden addresses are a gap");
	CHECK(machine_note_is(s, "iomem", "addresses hidden"), "and a note");
	machine_text("proc/iomem", machine_iomem);
	sink_list_free(s);
	s = machine_sink();
	CHECK(run(s, MEMORY_NONE) == 0 && sink_list_count(s) == 0, "none takes nothing");
	sink_list_free(s);
}

/* Every call of the sink fails once: the error comes back, nothing leaks. */
static void test_sink_errors(void)
{
	unsigned wrong = 0, unseen = 0;
	unsigned long calls = 1;

	for (unsigned long n = 1; n <= calls; n++) {
		struct sink *s = machine_sink();
		int r;

		sink_list_fail_at(s, n, -ETIMEDOUT);
		r = run(s, MEMORY_AUTO);
		if (sink_list_calls(s) > calls)
			calls = sink_list_calls(s);
		wrong += r != 0 && r != -ETIMEDOUT;
		unseen += r == 0;
		sink_list_free(s);
	}
	CHECK(wrong == 0 && calls > 30, "the sink fails at each of %lu calls", calls);
	/* The last drain, after everything is written; notes where they count. */
	CHECK(unseen <= 12, "and only %u of them have nobody to tell", unseen);
}

int main(void)
{
	machine_open(&host);
	test_kcore();
	test_kcore_unreadable();
	test_order();
	test_kpageflags();
	test_kcore_empty();
	test_no_physical();
	test_arm_layout();
	test_kallsyms();
	test_hidden();
	test_sink_errors();
	machine_close(&host);
	return CHECK_DONE();
}
