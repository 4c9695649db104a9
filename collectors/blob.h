/* blob.h - an evidence file of unknown length that may be written beside others. */
#ifndef BLOB_H
#define BLOB_H

#include <stdint.h>

#include "buf.h"

struct sink;

/*
 * Small ones arrive whole; larger ones are cut into sink_part() pieces as they
 * come.  The first error of the sink is kept and returned ever after.
 */
struct blob {
	struct sink *sink;
	char *path;
	struct buf data; /* not yet in the sink */
	uint64_t done;   /* bytes in the sink */
	int error;
};

/* ${path} in the evidence; it is copied.  0 or -ENOMEM (nothing to close). */
int blob_open(struct blob *b, struct sink *sink, const char *path);

/* Append.  0, or the sink's error. */
int blob_write(struct blob *b, const void *data, size_t len);

/* Append text, printf-style, of at most 4 KiB.  0, -EMSGSIZE or the sink's error. */
int blob_printf(struct blob *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Hand over what is buffered; it becomes a piece.  0, or the sink's error. */
int blob_flush(struct blob *b);

/* Write what is left and free.  An empty file is a file.  0, or the sink's error. */
int blob_close(struct blob *b);

/* Free without writing what is left. */
void blob_drop(struct blob *b);

#endif
