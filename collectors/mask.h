/* mask.h - which files of the host hold secrets of its owners, and their text without them. */
#ifndef MASK_H
#define MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mask_kind {
	MASK_NONE,     /* as it is */
	MASK_TEXT,     /* what secrets.h finds in it */
	MASK_SHADOW,   /* the hashes of shadow(5) and gshadow(5), besides */
	MASK_WITHHELD, /* nothing but a secret: not taken */
};

/* How a file of that ${path} is treated: never MASK_NONE. */
enum mask_kind mask_kind_of(const char *path);

/*
 * Mask in place what is whole of ${len} bytes of ${text}: up to the end of its
 * last line, or all of it if it is ${last} or has no end of a line.  The text
 * then has ${ret_put} bytes; how many of the old ones they stand for is
 * returned, and the rest is where it was.  Adds to ${count}.  Text with a NUL
 * is no text and stays as it is.
 */
size_t mask_text(enum mask_kind kind, char *text, size_t len, bool last,
		 size_t *ret_put, uint64_t *count);

#endif
