/* machine.h - a machine made of files, for tests of the memory collector. */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host.h"
#include "ranges.h"

struct sink;

/* RAM: one range that ends inside a page, one of many pages. */
#define LOW_START 0x1000u
#define LOW_END 0x9bffu
#define HIGH_START 0x100000u
#define HIGH_END 0x17ffffu
#define RAM_BYTES (LOW_END - LOW_START + 1 + HIGH_END - HIGH_START + 1)
#define ROOM (65536u + 100)

/* /proc/iomem, and the VMCOREINFO in its kcore. */
extern const char machine_iomem[], machine_info[];

/* Make the tree and open it. */
void machine_open(struct host *host);

/* Close and remove it. */
void machine_close(struct host *host);

/* The byte that memory holds at an address. */
uint8_t machine_content(uint64_t address);

/* Write the file ${name}, relative to the root; its directories are made. */
void machine_file(const char *name, const void *data, size_t len);
void machine_text(const char *name, const char *text);

/* The same for a sparse file: ${data} at ${offset}, ${size} bytes in all. */
void machine_sparse(const char *name, const char *data, uint64_t offset,
		    uint64_t size);

void machine_drop(const char *name);

/* Write a /proc/kcore whose memory ends, unreadable, after ${len} bytes. */
void machine_kcore(size_t len);

/* The same with another VMCOREINFO. */
void machine_kcore_info(size_t len, const char *info);

/* Make ${len} bytes of that file's memory at ${address} zeros. */
void machine_blank(uint64_t address, size_t len);

/* A recording sink whose room is ROOM. */
struct sink *machine_sink(void);

/* Does the note begin with ${text}?  Says what it is when not. */
bool machine_note_is(const struct sink *s, const char *key, const char *text);

/* What the pieces, in the order of their names, hold. */
struct machine_image {
	uint64_t bytes;   /* of memory */
	uint64_t marked;  /* of them, marker */
	uint64_t zeros;   /* of them, zeros where content has none */
	uint64_t wrong;   /* neither */
	bool whole;       /* one clean LiME stream, all pieces within the room */
	struct ranges ranges;
};

/* Look at all that is there; free ${im->ranges} with ranges_free(). */
void machine_image(struct machine_image *im, const struct sink *s);

/* Is every byte of RAM there once, and nothing that is neither memory nor marker? */
bool machine_covers(const struct machine_image *im);

#endif
