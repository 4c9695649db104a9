/*
 * memory_areas.c - a process's mappings, and the headers of its ELF core file.
 *
 * Reads /proc/PID/maps, pagemap and map_files.  Lines that are not the kernel's
 * form are left out; mappings past the limit of an ELF file's segments too.
 * What has no page in the process is a segment without content, wherever that
 * is worth a segment: anonymous memory that was never touched reads as zeros,
 * a file's pages are the file's.  Of files in memory (memfd, shared memory,
 * huge pages) the holes have none: to read them would fill them.
 */
#include "memory_areas.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
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
/* Pagemap entries that are read for one process: 64 GiB of addresses; for one
 * mapping: 4 GiB.  What is larger is a reservation mostly, and certainly if
 * the process may not even read it. */
#define SCAN_MAX ((uint64_t)16 << 20)
#define SCAN_AREA_MAX ((uint64_t)1 << 20)

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
	areas->sizes = calloc(AREAS_MAX, sizeof(*areas->sizes));
	if (areas->sizes == NULL)
		return -ENOMEM;
	return memory_notes_open(&areas->notes);
}

void memory_areas_free(struct memory_areas *areas)
{
	if (areas->at != NULL)
		(void)munmap(areas->at, AREAS_MAX * sizeof(*areas->at));
	memory_notes_free(&areas->notes);
	free(areas->sizes);
	*areas = (struct memory_areas){ 0 };
}

static bool starts(const struct procfs_map *map, const char *with)
{
	size_t n = strlen(with);

	return map->path_len >= n && memcmp(map->path, with, n) == 0;
}

/* What is below /dev may be a device's memory, or a file that hides there. */
static bool is_device(const struct memory_areas_source *source, const struct procfs_map *map)
{
	const struct memory_area a = { .map_start = map->start, .map_end = map->end };
	int fd;

	if (!starts(map, "/dev/") || starts(map, "/dev/shm/") || starts(map, "/dev/zero"))
		return false;
	fd = memory_areas_open_file(source->dir, &a);
	if (fd >= 0)
		(void)close(fd);
	return fd < 0;
}

/* Reading these is refused, or has effects on a device. */
static bool is_untouchable(const struct memory_areas_source *source,
			   const struct procfs_map *map)
{
	return starts(map, "[vvar") || starts(map, "[vsyscall]") || is_device(source, map);
}

static enum memory_area_kind kind_of(const struct procfs_map *map)
{
	static const char *const shared[] = {
		"/memfd:", "/dev/shm/", "/dev/zero", "/dev/hugepages/", "/SYSV",
		"/anon_hugepage",
	};

	for (size_t i = 0; i < ARRAY_LEN(shared); i++)
		if (starts(map, shared[i]))
			return AREA_SHARED;
	/* The kernel's own page, in the process only once it was touched. */
	if (starts(map, "[vdso]"))
		return AREA_WHOLE;
	return map->inode != 0 ? AREA_FILE : AREA_ANONYMOUS;
}

bool memory_areas_is_page(uint64_t entry)
{
	return (entry & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED)) != 0;
}

int memory_areas_open_file(int dir, const struct memory_area *a)
{
	char name[64];
	struct stat st;
	int fd;

	(void)snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, a->map_start,
		       a->map_end);
	/* To open a device may do anything. */
	if (fstatat(dir, name, &st, 0) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENODEV;
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

/* The scan of one process. */
struct scan {
	struct memory_areas *areas;
	const struct memory_areas_source *source;
	uint64_t pages;       /* pagemap entries that are left */
	struct memory_area a; /* of the mapping in hand: what is not added yet */
	uint64_t used;        /* end of its last page; its start: none so far */
	bool unknown;         /* whether there are pages */
	int file;             /* of a file in memory, or a negative errno */
	uint64_t data, data_end; /* where it has its next content */
};

/* Add the area in hand up to ${end}, with content up to ${s->used}. */
static void add(struct scan *s, uint64_t end)
{
	struct memory_areas *areas = s->areas;
	struct memory_area *a = &areas->at[areas->count];

	if (end <= s->a.start || areas->count == AREAS_MAX)
		return;
	areas->count++;
	*a = s->a;
	a->end = end;
	a->taken = s->used - s->a.start;
	areas->untouched += end - s->used;
	s->a.offset += end - s->a.start;
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

/* Has the file in memory content at ${offset}?  Offsets ascend. */
static bool has_data(struct scan *s, uint64_t offset)
{
	off_t p;

	if (offset >= s->data_end) {
		p = lseek(s->file, (off_t)offset, SEEK_DATA);
		if (p < 0 && errno != ENXIO)
			return true; /* it cannot tell */
		s->data = p < 0 ? UINT64_MAX : (uint64_t)p;
		p = p < 0 ? p : lseek(s->file, p, SEEK_HOLE);
		s->data_end = p < 0 ? UINT64_MAX : (uint64_t)p;
	}
	return offset >= s->data;
}

/* Is the page number ${i} of those that ${entry} has ${have} of content? */
static bool is_content(struct scan *s, const uint64_t *entry, size_t have, size_t i,
		       uint64_t at)
{
	if (i < have && memory_areas_is_page(entry[i]))
		return true;
	if (s->a.kind == AREA_SHARED && s->file >= 0)
		return has_data(s, s->a.offset + (at - s->a.start));
	/* An end of file is the process's. */
	return s->unknown && (s->a.flags & PF_R) != 0;
}

/* Find the pages of the mapping in hand, up to ${end}. */
static void scan_pages(struct scan *s, uint64_t end)
{
	size_t page = s->source->page;
	uint64_t entry[BATCH], at = s->a.start;

	while (at < end && s->areas->count < AREAS_MAX) {
		uint64_t left = (end - at) / page;
		size_t n = left < BATCH ? (size_t)left : BATCH;
		ssize_t got = s->source->pagemap < 0 ? 0 :
			io_pread(s->source->pagemap, entry, n * sizeof(*entry),
				 (off_t)(at / page * sizeof(*entry)));
		size_t have = got > 0 ? (size_t)got / sizeof(*entry) : 0;

		s->unknown = s->source->pagemap < 0 || got < 0;
		for (size_t i = 0; i < n; i++)
			if (is_content(s, entry, have, i, at + i * page))
				take_page(s, at + i * page);
		at += n * page;
	}
}

static void add_area(struct scan *s, const struct procfs_map *map)
{
	uint64_t end = map->end, pages;

	if (end <= map->start)
		return;
	s->a = (struct memory_area){
		.start = map->start,
		.end = end,
		.kind = kind_of(map),
		.map_start = map->start,
		.map_end = end,
		.offset = map->offset,
		.flags = (map->permissions[0] == 'r' ? PF_R : 0u) |
			 (map->permissions[1] == 'w' ? PF_W : 0u) |
			 (map->permissions[2] == 'x' ? PF_X : 0u),
	};
	s->used = s->a.start;
	if (s->a.kind == AREA_WHOLE) {
		s->used = end;
	} else if (!is_untouchable(s->source, map)) {
		uint64_t most = s->pages < SCAN_AREA_MAX ? s->pages : SCAN_AREA_MAX;

		pages = (end - map->start) / s->source->page;
		if (pages > most && (s->a.flags & PF_R) != 0)
			s->areas->omitted += (pages - most) * s->source->page;
		if (pages > most)
			pages = (s->a.flags & PF_R) != 0 ? most : 0;
		s->pages -= pages;
		s->data = s->data_end = 0;
		s->file = s->a.kind == AREA_SHARED ?
			  memory_areas_open_file(s->source->dir, &s->a) : -ENOENT;
		scan_pages(s, map->start + pages * s->source->page);
		if (s->file >= 0)
			(void)close(s->file);
	}
	add(s, end);
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Cut the largest areas until all fit: stacks and small heaps stay whole. */
static void fit(struct memory_areas *areas, uint64_t budget, size_t page)
{
	uint64_t sum = memory_areas_bytes(areas), most = 0, left = budget;

	if (sum <= budget)
		return;
	for (size_t i = 0; i < areas->count; i++)
		areas->sizes[i] = areas->at[i].taken;
	qsort(areas->sizes, areas->count, sizeof(*areas->sizes), by_size);
	/* The most that each of those that are left may have. */
	for (size_t i = 0; i < areas->count; i++) {
		most = left / (areas->count - i);
		if (areas->sizes[i] > most)
			break;
		left -= areas->sizes[i];
	}
	most &= ~(uint64_t)(page - 1);
	for (size_t i = 0; i < areas->count; i++) {
		struct memory_area *a = &areas->at[i];

		if (a->taken <= most)
			continue;
		areas->omitted += a->taken - most;
		a->taken = most;
	}
}

int memory_areas_read(struct memory_areas *areas,
		      const struct memory_areas_source *source)
{
	AUTO_CLOSE int fd = openat(source->dir, "maps", O_RDONLY | O_CLOEXEC);
	struct scan s = {
		.areas = areas, .source = source, .pages = SCAN_MAX,
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
	fit(areas, source->budget, source->page);
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
