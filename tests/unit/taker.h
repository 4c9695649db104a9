/* taker.h - stands where the workers do and keeps what the sinks sent, for tests. */
#ifndef TAKER_H
#define TAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue;
struct segment;

struct taken {
	char *path;
	uint8_t *data;      /* a NUL follows */
	size_t len;
	size_t xattr_count;
	uint32_t mode;
	unsigned segment;   /* its number */
};

struct taker {
	struct taken *list; /* in the order of the segments */
	size_t count, cap;
	unsigned segments;
	bool broken;        /* an entry's lengths did not agree, or a segment's */
};

/* Keep the entries of ${seg}. */
void taker_add(struct taker *t, const struct segment *seg);

/* Take and release all that was put into ${q} so far, without waiting. */
void taker_take(struct taker *t, struct queue *q);

/* The entry of this path, or NULL. */
const struct taken *taker_find(const struct taker *t, const char *path);

/*
 * Join "<path>@<offset>.part" in order of their offsets, which must have no
 * holes.  Its bytes with a NUL, to be freed, or NULL.
 */
uint8_t *taker_join(const struct taker *t, const char *path, size_t *ret_len);

/* How often ${needle} occurs in the entries whose path begins with ${prefix}. */
size_t taker_occurs(const struct taker *t, const char *prefix, const char *needle);

/* Forget all. */
void taker_clear(struct taker *t);

#endif
