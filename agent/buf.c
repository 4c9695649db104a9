/*
 * buf.c - a byte buffer of fixed capacity.
 *
 * The memory comes from mmap() directly: untouched pages cost nothing, and a
 * buffer that is given back is really gone.
 */
#include "buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int buf_open(struct buf *b, size_t cap)
{
	void *p = mmap(NULL, cap, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*b = (struct buf){ 0 };
	if (p == MAP_FAILED)
		return -ENOMEM;
	/* A dump of the host should not spend its pages on our own buffers. */
	(void)madvise(p, cap, MADV_DONTDUMP);
	b->data = p;
	b->cap = cap;
	return 0;
}

void buf_free(struct buf *b)
{
	if (b->data != NULL)
		(void)munmap(b->data, b->cap);
	*b = (struct buf){ 0 };
}

void buf_renew(struct buf *b)
{
	(void)buf_open(b, b->cap);
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	if (len > buf_room(b))
		return -ENOBUFS;
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf((char *)b->data + b->len, buf_room(b), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= buf_room(b))
		return -ENOBUFS;
	b->len += (size_t)n;
	return 0;
}
