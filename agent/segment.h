/* segment.h - a bounded piece of evidence that stands on its own. */
#ifndef SEGMENT_H
#define SEGMENT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "buf.h"
#include "sink.h"

#define SEGMENT_SIZE_MIN (1u << 20)
#define SEGMENT_SIZE_MAX (1u << 30)
#define SEGMENT_SIZE_DEFAULT (8u << 20)

/* The number of a segment that no worker has got yet. */
#define SEGMENT_UNNUMBERED UINT_MAX

/* Longest "NNNN-<group>.tar.zst.age" with its NUL; numbers may pass 9999. */
#define SEGMENT_NAME_MAX 64

/* One file of the segment; its bytes lie in ${raw}, its texts in ${meta}. */
struct segment_entry {
	size_t path;            /* offset of the NUL-terminated path in meta */
	size_t xattrs;          /* offset of the packed attributes in meta */
	size_t xattr_count;
	uint32_t mode, uid, gid;
	bool has_times;
	struct timespec mtime, atime, ctime;
	size_t data;            /* offset in raw */
	size_t data_len;        /* bytes in raw; the rest is read by ${read} */
	uint64_t size;          /* bytes of the file */
	sink_reader *read;      /* NULL: all bytes are in raw */
	void *arg;
	uint64_t offset;        /* where ${read} begins */
};

struct segment {
	unsigned number;        /* set when it is handed to the workers */
	const char *group;      /* static text */
	struct buf raw, meta;
	struct segment_entry *entries;
	size_t entry_count, entry_max;
	size_t size;            /* budget for all that the tar will hold */
	size_t used;            /* of it */
	bool reads;             /* an entry is still to be read from its source */
	struct timespec begun;  /* UTC */
	struct segment *next;   /* in the queue's lists */
};

/* Allocate a segment of ${size} bytes.  0 or -ENOMEM. */
int segment_open(struct segment **ret, size_t size);

void segment_free(struct segment *seg); /* NULL is fine */

/* Make it empty, for ${group}. */
void segment_begin(struct segment *seg, const char *group);

/* Bytes of file content that one more entry with ${e}'s texts could have. */
size_t segment_room(const struct segment *seg, const struct sink_entry *e);

/* The same for an empty segment of ${size} and a path of a few hundred bytes. */
size_t segment_room_empty(size_t size);

/*
 * Begin an entry named ${path} with ${e}'s other properties; content follows
 * with segment_add().  0, or -ENOSPC when its header does not fit.
 */
int segment_entry_begin(struct segment *seg, const char *path,
			const struct sink_entry *e);

/* Add content to the last entry: as much as fits.  Bytes taken. */
size_t segment_add(struct segment *seg, const void *data, size_t len);

/* The last entry. */
struct segment_entry *segment_last(struct segment *seg);

/* Take the last entry out again, as if it had never begun. */
void segment_drop_last(struct segment *seg);

/* Move the last entry of ${from} to ${to}, which is empty and of the same size. */
void segment_move_last(struct segment *to, struct segment *from);

/* Append ${suffix}, at most 31 bytes, to the last entry's path. */
void segment_rename_last(struct segment *seg, const char *suffix);

const char *segment_path(const struct segment *seg, const struct segment_entry *e);

/*
 * Read the packed attribute at ${pos} (the first: ${e->xattrs}).  The position
 * of the next one; the entry has ${e->xattr_count} of them.
 */
size_t segment_xattr(const struct segment *seg, size_t pos, struct sink_xattr *ret);

/* The file name of the segment. */
void segment_name(const struct segment *seg, char ret[SEGMENT_NAME_MAX]);

#endif
