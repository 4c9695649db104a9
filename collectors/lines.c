/*
 * lines.c - records of a text file of any size, through a buffer of fixed size.
 *
 * A record that is longer than the buffer is cut, never joined with the next.
 */
#include "lines.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "blob.h"

void lines_open(struct lines *l, int fd, void *buf, size_t cap, char delim)
{
	*l = (struct lines){ .fd = fd, .buf = buf, .cap = cap, .delim = delim };
}

/* Read more behind what is there.  0 or a negative errno. */
static int fill(struct lines *l)
{
	ssize_t n;

	if (l->start > 0) {
		memmove(l->buf, l->buf + l->start, l->end - l->start);
		l->end -= l->start;
		l->start = 0;
	}
	do
		n = read(l->fd, l->buf + l->end, l->cap - 1 - l->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		l->eof = true;
	else if (l->copy != NULL && blob_write(l->copy, l->buf + l->end, (size_t)n) < 0)
		return l->copy->error;
	l->end += (size_t)n;
	return 0;
}

/* Deliver ${len} bytes and step over ${len} + ${over}. */
static int deliver(struct lines *l, size_t len, size_t over, const char **ret)
{
	*ret = l->buf + l->start;
	l->buf[l->start + len] = '\0';
	l->start += len + over;
	return 1;
}

int lines_next(struct lines *l, const char **ret, size_t *len, bool *cut)
{
	for (;;) {
		size_t have = l->end - l->start;
		char *stop = have > 0 ? memchr(l->buf + l->start, l->delim, have)
				      : NULL;
		bool full = stop == NULL && have == l->cap - 1;
		int r;

		if (stop != NULL && l->skip) {
			l->skip = false;
			l->start = (size_t)(stop - l->buf) + 1;
			continue;
		}
		if (l->skip && (full || l->eof))
			l->start = l->end; /* throw the rest away */
		if (stop == NULL && l->eof && l->start == l->end)
			return 0;
		if (stop != NULL || full || l->eof) {
			if (l->skip)
				continue;
			*len = stop != NULL ? (size_t)(stop - l->buf) - l->start : have;
			if (cut != NULL)
				*cut = full && !l->eof;
			l->skip = full && !l->eof;
			return deliver(l, *len, stop != NULL ? 1 : 0, ret);
		}
		r = fill(l);
		if (r < 0)
			return r;
	}
}
