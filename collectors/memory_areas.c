/*
 * memory_areas.c - a process's mappings, and the headers of its ELF core file.
 *
 * Reads /proc/PID/maps.  Lines that are not the kernel's form are left out;
 * mappings past the limit of an ELF file's segments too.
 */
#include "memory_areas.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lines.h"
#include "procfs.h"
#include "scope.h"
#include "sink.h"

#define AREAS_MAX 65000u /* vm.max_map_count is 65530 */
#define LINE_MAX_BYTES 8192u

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
	return 0;
}

void memory_areas_free(struct memory_areas *areas)
{
	if (areas->at != NULL)
		(void)munmap(areas->at, AREAS_MAX * sizeof(*areas->at));
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
	return map->inode != 0 ? AREA_FILE : AREA_ANONYMOUS;
}

static void add_area(struct memory_areas *areas, const struct procfs_map *map,
		     uint64_t *budget)
{
	struct memory_area *a = &areas->at[areas->count];
	uint64_t size = map->end - map->start;

	if (map->end <= map->start || areas->count == AREAS_MAX)
		return;
	*a = (struct memory_area){
		.start = map->start,
		.end = map->end,
		.kind = kind_of(map),
		.flags = (map->permissions[0] == 'r' ? PF_R : 0u) |
			 (map->permissions[1] == 'w' ? PF_W : 0u) |
			 (map->permissions[2] == 'x' ? PF_X : 0u),
	};
	areas->count++;
	if (is_untouchable(map))
		return;
	if (size > *budget) {
		areas->omitted += size;
		return;
	}
	*budget -= size;
	a->taken = size;
}

int memory_areas_read(struct memory_areas *areas, int dir, uint64_t budget)
{
	AUTO_CLOSE int fd = openat(dir, "maps", O_RDONLY | O_CLOEXEC);
	char text[LINE_MAX_BYTES];
	struct procfs_map map;
	struct lines l;
	const char *line;
	size_t len;
	int r;

	areas->count = 0;
	areas->omitted = 0;
	if (fd < 0)
		return -errno;
	lines_open(&l, fd, text, sizeof(text), '\n');
	while ((r = lines_next(&l, &line, &len, NULL)) > 0)
		if (procfs_parse_map(line, len, &map) == 0)
			add_area(areas, &map, &budget);
	return r;
}

uint64_t memory_areas_bytes(const struct memory_areas *areas)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < areas->count; i++)
		sum += areas->at[i].taken;
	return sum;
}

uint64_t memory_areas_offset(const struct memory_areas *areas, size_t page)
{
	uint64_t n = sizeof(Elf64_Ehdr) + areas->count * sizeof(Elf64_Phdr);

	return (n + page - 1) & ~(uint64_t)(page - 1);
}

int memory_areas_write(const struct memory_areas *areas, struct sink *sink,
		       size_t page)
{
	static const uint8_t zeros[65536];
	uint64_t at = memory_areas_offset(areas, page);
	Elf64_Ehdr e = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT, ELFOSABI_SYSV },
		.e_type = ET_CORE,
		.e_machine = MACHINE,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(e),
		.e_ehsize = sizeof(e),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (Elf64_Half)areas->count,
	};
	size_t pad = (size_t)at - sizeof(e) - areas->count * sizeof(Elf64_Phdr);
	int r = sink_write(sink, &e, sizeof(e));

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
	return r < 0 ? r : sink_write(sink, zeros, pad);
}
