/*
 * join.h - files that a collection holds in pieces, "X@<offset>.part" and
 * "memory/<start address>.lime", put together again.
 */
#ifndef JOIN_H
#define JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct extract;
struct findings;
struct join;

/* The file that the pieces of memory become. */
#define JOIN_MEMORY "memory.lime"

int join_open(struct join **ret); /* 0 or -ENOMEM */

void join_close(struct join *j); /* NULL is fine */

/*
 * Is ${path} the name of a piece: at least 12 digits between "@" and ".part"?
 * Sets the length of what stands before, and the offset.
 */
bool join_is_piece(const char *path, size_t *ret_len, uint64_t *ret_offset);

/* Is ${path} a piece of memory: "memory/", 16 hex digits, ".lime"? */
bool join_is_memory(const char *path);

/*
 * Open the file ${path} for its piece of ${size} bytes at ${offset}: pieces may
 * come in any order.  The descriptor (the caller's); -EEXIST when the piece, or
 * a part of it, was there before or the file is no joined one; a negative errno.
 */
int join_piece(struct join *j, struct extract *x, const char *path, uint64_t offset,
	       uint64_t size);

/* Note a piece of memory that was extracted whole.  0 or -ENOMEM. */
int join_add_memory(struct join *j, const char *path);

/*
 * After the last segment: name each file with a piece missing (a note, if
 * ${expected}: the run was cut short), and join the pieces of memory, which
 * are removed.  Sets the bytes of the joined image.  0 or a negative errno.
 */
int join_end(struct join *j, struct extract *x, struct findings *f, bool expected,
	     uint64_t *ret_memory_bytes);

#endif
