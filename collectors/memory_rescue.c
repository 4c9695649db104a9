/*
 * memory_rescue.c - reads by one method that the others help out.
 *
 * A page that a method cannot read, memory that it does not show and a read
 * that hangs are tried by the other methods before they become a hole.  One
 * that fails page after page is asked last from then on, until it works again.
 */
#include "memory.h"

#include <errno.h>

#include "memory_watch.h"

/* Pages in a row that a method may fail at: 16 MiB. */
#define PATIENCE_PAGES 4096u

ssize_t memory_read_limited(const struct memory *m, int fd, uint64_t offset, void *buf,
			    size_t len)
{
	const struct memory_reader plain = { .fd = fd };

	if (m->watch == NULL)
		return memory_read_fd(&plain, offset, buf, len);
	return memory_watch_read(m->watch, fd, offset, buf, len);
}

static ssize_t read_by(const struct memory *m, enum memory_method method,
		       uint64_t address, void *buf, size_t len)
{
	int source = memory_pull_source(m, method);

	if (source < 0)
		return source;
	return method == METHOD_KCORE ? memory_kcore_read(m, address, buf, len) :
					memory_dev_read(m, method, address, buf, len);
}

/* ${n} bytes came by ${by} in the place of ${failed}. */
static void note(struct memory *m, enum memory_method failed, enum memory_method by,
		 uint64_t address, uint64_t n)
{
	(void)pthread_mutex_lock(&m->lock);
	if (ranges_add(&m->rescued[by], address, address + n - 1) == 0)
		m->lent[failed] += n;
	(void)pthread_mutex_unlock(&m->lock);
}

size_t memory_rescue(struct memory *m, enum memory_method failed, uint64_t address,
		     void *buf, size_t len)
{
	for (enum memory_method i = METHOD_KCORE; i < METHODS; i++) {
		ssize_t n;

		if (i == failed || atomic_load(&m->failing[i]) >= PATIENCE_PAGES)
			continue;
		n = read_by(m, i, address, buf, len);
		if (n <= 0)
			continue;
		note(m, failed, i, address, (uint64_t)n);
		return (size_t)n;
	}
	return 0;
}

/* The first error of each method goes on the record. */
static void note_error(struct memory *m, enum memory_method method, uint64_t address,
		       int why)
{
	(void)pthread_mutex_lock(&m->lock);
	if (m->first_error[method] == 0) {
		m->first_error[method] = why;
		m->first_error_at[method] = address;
	}
	(void)pthread_mutex_unlock(&m->lock);
}

ssize_t memory_rescue_read(const struct memory_reader *r, uint64_t offset, void *buf,
			   size_t len)
{
	const struct memory_source *s = r->arg;
	struct memory *m = s->m;
	bool tired = atomic_load(&m->failing[s->method]) >= PATIENCE_PAGES;
	size_t got = tired ? memory_rescue(m, s->method, offset, buf, len) : 0;
	ssize_t n;

	if (got > 0)
		return (ssize_t)got;
	n = read_by(m, s->method, offset, buf, len);
	if (n > 0) {
		atomic_store(&m->failing[s->method], 0);
		return n;
	}
	n = n < 0 ? n : -ENODATA;
	/* What may be one bad page of many is looked at more closely first. */
	if (len > r->page && n != -ETIMEDOUT)
		return n;
	note_error(m, s->method, offset, (int)n);
	(void)atomic_fetch_add(&m->failing[s->method],
			       (unsigned)((len + r->page - 1) / r->page));
	got = tired ? 0 : memory_rescue(m, s->method, offset, buf, len);
	return got > 0 ? (ssize_t)got : n;
}

void memory_rescue_bad(const struct memory_reader *r, uint64_t address, size_t len, int why)
{
	const struct memory_source *s = r->arg;

	memory_hole(s->m, HOLE_UNREADABLE, address, address + len - 1);
	(void)pthread_mutex_lock(&s->m->lock);
	if (s->m->read_error == 0)
		s->m->read_error = why;
	(void)pthread_mutex_unlock(&s->m->lock);
}
