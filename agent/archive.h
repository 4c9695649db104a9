/* archive.h - a segment's entries as a pax tar, compressed with zstd. */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

struct segment;

/* A worker's own: buffers and contexts that are reused for each segment. */
struct archive_maker;

int archive_open(struct archive_maker **ret); /* 0 or -ENOMEM */
void archive_close(struct archive_maker *m);  /* NULL is fine */

/* Receives the archive's bytes.  0 or a negative errno, which ends it. */
typedef int archive_write_fn(void *arg, const void *data, size_t len);

/*
 * Write ${seg}'s entries, in order, then "SHA256SUMS" over them in the form
 * that `sha256sum -c` reads.  Sets ${ret_bytes} to the sum of the entries'
 * sizes.  0; ${write}'s error; -EIO when libarchive failed.
 */
int archive_segment(struct archive_maker *m, const struct segment *seg,
		    archive_write_fn *write, void *arg, uint64_t *ret_bytes);

#endif
