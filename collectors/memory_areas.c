/*
 * memory_areas.c - a process's mappings, and the headers of its ELF core file.
 *
 * Reads /proc/PID/maps and pagemap.  Lines that are not the kernel's form are
 * left out; mappings past the limit of an ELF file's segments too.  Anonymous
 * memory that was never touched is a segment without content, wherever that
 * is worth a segment: it reads as zeros.
 */
#include "memory_areas.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io.h"
#include "lines.h"
#include "procfs.h"
#include "scope.h"
#include "sink.h"

#define AREAS_MAX 65000u /* vm.max_map_count is 65530 */
#define LINE_MAX_BYTES 8192u
#define BATCH 512u
/* Fewer untouched pages than this between two others stay in the file. */
#define GAP_PAGES 16u
/* Pagemap entries that are read for one process: 64 GiB of addresses. */
#define SCAN_MAX ((uint64_t)16 << 20)

#define PAGEMAP_PRESENT ((uint64_t)1 << 63)
#define PAGEMAP_SWAPPED ((uint64_t)1 << 62)

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#else
#define MACHINE EM_AARCH64
#endif

int memory_areas_open(struct memory_areas *areas)
{
	void *p = mmap(NULL, AREAS_MAX * sizeof(*areas->at), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*areas = (struct memory_areas){ 0 };
	if (p == MAP_FAILED)
		return -ENOMEM;
	areas->at = p;
	return memory_notes_open(&areas->notes);
}

void memory_areas_free(struct memory_areas *areas)
{
	if (areas->at != NULL)
		(void)munmap(areas->at, AREAS_MAX * sizeof(*areas->at));
	memory_notes_free(&areas->notes);
	*areas = (struct memory_areas){ 0 };
}

static bool starts(const struct procfs_map *map, const char *with)
{
	size_t n = strlen(with);

	return map->path_len >= n && memcmp(map->path, with, n) == 0;
}

/* Reading these is refused, hangs, or has effects on a device. */
static bool is_untouchable(const struct procfs_map *map)
{
	if (map->permissions[0] != 'r')
		return true;
	if (starts(map, "[vvar") || starts(map, "[vsyscall]"))
		return true;
	return starts(map, "/dev/") && !starts(map, "/dev/shm/") &&
	       !starts(map, "/dev/zero");
}

static enum memory_area_kind kind_of(const struct procfs_map *map)
{
	static const char *const shared[] = {
		"/memfd:", "/dev/shm/", "/dev/zero", "/SYSV", "/anon_hugepage",
	};

	for (size_t i = 0; i < ARRAY_LEN(shared); i++)
		if (starts(map, shared[i]))
			return AREA_SHARED;
	/* The kernel's own page, in the process only once it was touched. */
	if (starts(map, "[vdso]"))
		return AREA_SHARED;
	return map->inode != 0 ? AREA_FILE : AREA_ANONYMOUS;
}

bool memory_areas_is_page(uint64_t entry)
{
	return (entry & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED)) != 0;
}

/* The scan of one process. */
struct scan {
	struct memory_areas *areas;
	const struct memory_areas_source *source;
	uint64_t budget;      /* bytes that are left of it */
	uint64_t pages;       /* pagemap entries that are left */
	struct memory_area a; /* of the mapping in hand: what is not added yet */
	uint64_t used;        /* end of its last page; its start: none so far */
};

/* Add the area in hand up to ${end}, with content up to ${s->used}. */
static void add(struct scan *s, uint64_t end)
{
	struct memory_areas *areas = s->areas;
	struct memory_area *a = &areas->at[areas->count];
	uint64_t taken = s->used - s->a.start;

	if (end <= s->a.start || areas->count == AREAS_MAX)
		return;
	areas->count++;
	*a = s->a;
	a->end = end;
	areas->untouched += end - s->used;
	if (taken > s->budget) {
		areas->omitted += taken;
		taken = 0;
	}
	s->budget -= taken;
	a->taken = taken;
	s->a.start = s->used = end;
}

/* A page of the process at ${at}. */
static void take_page(struct scan *s, uint64_t at)
{
	/* Where there is no room for segments, a gap is content. */
	if (at - s->used >= GAP_PAGES * s->source->page &&
	    s->areas->count < AREAS_MAX / 2)
		add(s, at);
	s->used = at + s->source->page;
}

/* Find the pages of the anonymous mapping in hand. */
static void scan_pages(struct scan *s)
{
	size_t page = s->source->page;
	uint64_t entry[BATCH], at = s->a.start;

	while (at < s->a.end && s->areas->count < AREAS_MAX) {
		uint64_t left = (s->a.end - at) / page;
		size_t n = left < BATCH ? (size_t)left : BATCH;
		ssize_t got = io_pread(s->source->pagemap, entry, n * sizeof(*entry),
				       (off_t)(at / page * sizeof(*entry)));
		size_t have = got > 0 ? (size_t)got / sizeof(*entry) : 0;

		for (size_t i = 0; i < n; i++)
			if (i >= have || memory_areas_is_page(entry[i]))
				take_page(s, at + i * page);
		at += n * page;
	}
}

static void add_area(struct scan *s, const struct procfs_map *map)
{
	uint64_t end = map->end;

	if (end <= map->start)
		return;
	s->a = (struct memory_area){
		.start = map->start,
		.end = end,
		.kind = kind_of(map),
		.flags = (map->permissions[0] == 'r' ? PF_R : 0u) |
			 (map->permissions[1] == 'w' ? PF_W : 0u) |
			 (map->permissions[2] == 'x' ? PF_X : 0u),
	};
	s->used = s->a.start;
	if (!is_untouchable(map)) {
		uint64_t pages = (end - map->start) / s->source->page;

		if (s->a.kind == AREA_ANONYMOUS && s->source->pagemap >= 0 &&
		    pages <= s->pages) {
			s->pages -= pages;
			scan_pages(s);
		} else {
			s->used = end;
		}
	}
	add(s, end);
}

int memory_areas_read(struct memory_areas *areas,
		      const struct memory_areas_source *source)
{
	AUTO_CLOSE int fd = openat(source->dir, "maps", O_RDONLY | O_CLOEXEC);
	struct scan s = {
		.areas = areas, .source = source, .budget = source->budget,
		.pages = SCAN_MAX,
	};
	char text[LINE_MAX_BYTES];
	struct procfs_map map;
	struct lines l;
	const char *line;
	size_t len;
	int r;

	areas->count = 0;
	areas->omitted = areas->untouched = 0;
	memory_notes_begin(&areas->notes);
	if (fd < 0)
		return -errno;
	lines_open(&l, fd, text, sizeof(text), '\n');
	while ((r = lines_next(&l, &line, &len, NULL)) > 0) {
		if (procfs_parse_map(line, len, &map) < 0)
			continue;
		add_area(&s, &map);
		memory_notes_map(&areas->notes, &map);
	}
	if (areas->count > 0)
		memory_notes_end(&areas->notes, source);
	return r;
}

uint64_t memory_areas_bytes(const struct memory_areas *areas)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < areas->count; i++)
		sum += areas->at[i].taken;
	return sum;
}

static uint64_t headers_bytes(const struct memory_areas *areas)
{
	return sizeof(Elf64_Ehdr) + (areas->count + 1) * sizeof(Elf64_Phdr);
}

uint64_t memory_areas_offset(const struct memory_areas *areas, size_t page)
{
	uint64_t n = headers_bytes(areas) + areas->notes.out.len;

	return (n + page - 1) & ~(uint64_t)(page - 1);
}

static int write_headers(const struct memory_areas *areas, struct sink *sink)
{
	Elf64_Ehdr e = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT, ELFOSABI_SYSV },
		.e_type = ET_CORE,
		.e_machine = MACHINE,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(e),
		.e_ehsize = sizeof(e),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (Elf64_Half)(areas->count + 1),
	};
	Elf64_Phdr note = {
		.p_type = PT_NOTE,
		.p_offset = headers_bytes(areas),
		.p_filesz = areas->notes.out.len,
		.p_align = 4,
	};
	int r = sink_write(sink, &e, sizeof(e));

	return r < 0 ? r : sink_write(sink, &note, sizeof(note));
}

int memory_areas_write(const struct memory_areas *areas, struct sink *sink,
		       size_t page)
{
	static const uint8_t zeros[65536];
	const struct buf *notes = &areas->notes.out;
	uint64_t at = memory_areas_offset(areas, page);
	size_t pad = (size_t)(at - headers_bytes(areas)) - notes->len;
	int r = write_headers(areas, sink);

	for (size_t i = 0; r == 0 && i < areas->count; i++) {
		const struct memory_area *a = &areas->at[i];
		Elf64_Phdr p = {
			.p_type = PT_LOAD,
			.p_flags = a->flags,
			.p_offset = at,
			.p_vaddr = a->start,
			.p_filesz = a->taken,
			.p_memsz = a->end - a->start,
			.p_align = page,
		};

		at += a->taken;
		r = sink_write(sink, &p, sizeof(p));
	}
	if (r == 0 && notes->len > 0)
		r = sink_write(sink, notes->data, notes->len);
	return r < 0 ? r : sink_write(sink, zeros, pad);
}
