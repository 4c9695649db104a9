/* memory_areas.h - a process's mappings, and the headers of its ELF core file. */
#ifndef MEMORY_AREAS_H
#define MEMORY_AREAS_H

#include <stddef.h>
#include <stdint.h>

#include "memory_notes.h"

struct sink;

/* What stands for a page that is not in the process. */
enum memory_area_kind {
	AREA_ANONYMOUS, /* zeros: it was never touched */
	AREA_FILE,      /* its bytes are the file's */
	AREA_SHARED,    /* a file in memory: others may have touched it */
	AREA_WHOLE,     /* none: all of it is the kernel's */
};

struct memory_area {
	uint64_t start, end;  /* end is the first byte behind */
	uint64_t taken;       /* bytes in the core file, from the start on */
	uint32_t flags;       /* PF_R, PF_W, PF_X */
	enum memory_area_kind kind;
	uint64_t map_start, map_end; /* of the mapping that it is a part of */
	uint64_t offset;      /* of its start in the mapped file */
};

/* In the order of /proc/PID/maps; allocated once for many processes. */
struct memory_areas {
	struct memory_area *at;
	size_t count;
	uint64_t *sizes;  /* as many */
	uint64_t omitted; /* bytes that the budget left out */
	uint64_t untouched; /* bytes without a page, which are not in the file */
	struct memory_notes notes;
};

/* A process as it is read. */
struct memory_areas_source {
	int dir;          /* of /proc */
	int pagemap;      /* or a negative errno */
	pid_t pid;
	size_t page;      /* bytes */
	uint64_t budget;  /* bytes of content */
	const struct memory_freeze *freeze; /* NULL: it runs */
};

/* Allocate.  0 or -ENOMEM. */
int memory_areas_open(struct memory_areas *areas);
void memory_areas_free(struct memory_areas *areas);

/*
 * Read "maps" and choose the content: of mappings that are no device's what the
 * pagemap shows, whatever the process may do with it, and of files in memory
 * what they hold.  When that is more than the budget the largest mappings are
 * cut or left out.  Makes the notes, unless there is no mapping.  0 or a
 * negative errno.
 */
int memory_areas_read(struct memory_areas *areas,
		      const struct memory_areas_source *source);

/*
 * Open the file of the mapping that ${a} is a part of, if it is a regular one.
 * A descriptor or a negative errno.
 */
int memory_areas_open_file(int dir, const struct memory_area *a);

/* Does an entry of the pagemap (Documentation/admin-guide/mm/pagemap.rst) name a page? */
bool memory_areas_is_page(uint64_t entry);

/* Bytes of content. */
uint64_t memory_areas_bytes(const struct memory_areas *areas);

/* Where the content begins in the core file: behind all headers, on a page. */
uint64_t memory_areas_offset(const struct memory_areas *areas, size_t page);

/* Write everything before the content.  0, or the sink's error. */
int memory_areas_write(const struct memory_areas *areas, struct sink *sink,
		       size_t page);

#endif
