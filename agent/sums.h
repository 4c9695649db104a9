/* sums.h - SHA256SUMS, the list of digests that `sha256sum -c` reads. */
#ifndef SUMS_H
#define SUMS_H

#include <stddef.h>
#include <stdint.h>

#include "digest.h"

/* A list that grows. */
struct sums {
	char *text;
	size_t len, cap;
};

int sums_open(struct sums *s); /* 0 or -ENOMEM */

void sums_close(struct sums *s); /* an empty one is fine */

/* Append the line of one file; odd names are escaped as by sha256sum. */
int sums_add(struct sums *s, const uint8_t digest[DIGEST_BYTES], const char *path);

/*
 * Is ${list} the same?  0, or -EBADMSG and in ${ret} the first line in which
 * they differ: the list's, or else ours.
 */
int sums_compare(const struct sums *s, const char *list, size_t len, char *ret,
		 size_t cap);

#endif
