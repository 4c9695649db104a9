/*
 * blob.c - an evidence file of unknown length that may be written beside others.
 *
 * Writes one entry when all of it fits into the buffer, else pieces named by
 * their offset.  The buffer is allocated once; pages not touched cost nothing.
 */
#include "blob.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink.h"

#define BLOB_MAX ((size_t)2 << 20)
#define BLOB_MIN ((size_t)512 << 10) /* a table's longest row fits twice */

int blob_open(struct blob *b, struct sink *sink, const char *path)
{
	size_t cap = sink_room(sink);
	int r;

	if (cap > BLOB_MAX)
		cap = BLOB_MAX;
	if (cap < BLOB_MIN)
		cap = BLOB_MIN;
	*b = (struct blob){ .sink = sink };
	b->path = strdup(path);
	if (b->path == NULL)
		return -ENOMEM;
	r = buf_open(&b->data, cap);
	if (r < 0) {
		free(b->path);
		b->path = NULL;
	}
	return r;
}

int blob_flush(struct blob *b)
{
	struct sink_entry e = { .path = b->path, .size = SINK_SIZE_UNKNOWN };

	if (b->error == 0 && b->data.len > 0)
		b->error = sink_part(b->sink, &e, b->done, b->data.data,
				     b->data.len);
	/* The rows that were read before the run was over are evidence too. */
	if (b->error < 0 && b->data.len > 0)
		(void)sink_last(b->sink, &e, b->done, true, b->data.data, b->data.len);
	b->done += b->data.len;
	b->data.len = 0;
	return b->error;
}

int blob_write(struct blob *b, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len > 0 && b->error == 0) {
		size_t n = buf_room(&b->data);

		if (n == 0) {
			(void)blob_flush(b);
			continue;
		}
		if (n > len)
			n = len;
		(void)buf_add(&b->data, p, n);
		p += n;
		len -= n;
	}
	return b->error;
}

int blob_printf(struct blob *b, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		return -EMSGSIZE;
	return blob_write(b, text, (size_t)n);
}

int blob_close(struct blob *b)
{
	struct sink_entry e = { .path = b->path, .size = b->data.len };
	int r;

	if (b->done > 0 || b->error < 0) {
		(void)blob_flush(b);
	} else {
		b->error = sink_put(b->sink, &e, b->data.data, b->data.len);
		if (b->error < 0)
			(void)sink_last(b->sink, &e, 0, false, b->data.data, b->data.len);
	}
	r = b->error;
	blob_drop(b);
	return r;
}

void blob_drop(struct blob *b)
{
	buf_free(&b->data);
	free(b->path);
	*b = (struct blob){ 0 };
}
