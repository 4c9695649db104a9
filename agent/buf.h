/* buf.h - a byte buffer of fixed capacity, allocated once. */
#ifndef BUF_H
#define BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t len; /* bytes in use */
	size_t cap; /* bytes allocated */
};

/* Allocate ${cap} bytes (untouched pages cost nothing).  0 or -ENOMEM. */
int buf_open(struct buf *b, size_t cap);

/* Give the memory back; an empty struct buf is fine. */
void buf_free(struct buf *b);

/*
 * Somebody else has its memory now: take other memory of that size.  Where there
 * is none, its capacity is 0.
 */
void buf_renew(struct buf *b);

/* Append ${len} bytes.  0, or -ENOBUFS and nothing is appended. */
int buf_add(struct buf *b, const void *data, size_t len);

/* Append text, printf-style.  0, or -ENOBUFS and nothing is appended. */
int buf_addf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Bytes that still fit. */
static inline size_t buf_room(const struct buf *b)
{
	return b->cap - b->len;
}

#endif
