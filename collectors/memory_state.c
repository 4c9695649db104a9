/*
 * memory_state.c - the memory collector's state, made and released.
 *
 * Reads /proc/iomem for what there is to take; a text that is too long or
 * hides its addresses is an error.  The lists are allocated here, once.
 */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "host.h"
#include "io.h"
#include "lime.h"
#include "memory_watch.h"
#include "scope.h"
#include "sink.h"

#define IOMEM_MAX (4u << 20)
#define HOLES_MAX 16384u
/* A read that takes longer than this has gone wrong: usual is a millisecond. */
#define READ_MS 5000

int memory_state_ram(struct memory *m)
{
	AUTO_CLOSE int fd = openat(m->host->proc, "iomem",
				   O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return -errno;
	m->iomem = malloc(IOMEM_MAX);
	if (m->iomem == NULL)
		return -ENOMEM;
	n = io_read(fd, m->iomem, IOMEM_MAX);
	if (n < 0)
		return (int)n;
	m->iomem_len = (size_t)n;
	if (m->iomem_len == IOMEM_MAX)
		return -EFBIG;
	return ranges_parse_iomem(&m->ram, m->iomem, m->iomem_len);
}

int memory_state_open(struct memory *m)
{
	size_t room = m->sink != NULL ? sink_room(m->sink) : SIZE_MAX;
	int r;

	m->page = (size_t)sysconf(_SC_PAGESIZE);
	m->kcore = -ENODATA;
	m->kpageflags = -ENODATA;
	m->dev[0] = m->dev[1] = -ENODATA;
	if (room < LIME_HEADER_BYTES + m->page)
		return -EINVAL;
	m->piece_bytes = (room - LIME_HEADER_BYTES) & ~(m->page - 1);
	r = ranges_open(&m->ram, MEMORY_RANGES_MAX);
	if (r == 0)
		r = ranges_open(&m->covered, MEMORY_RANGES_MAX);
	for (unsigned i = 0; r == 0 && i < HOLE_KINDS; i++)
		r = ranges_open(&m->holes[i], HOLES_MAX);
	for (unsigned i = 0; r == 0 && i < METHODS; i++)
		r = ranges_open(&m->rescued[i], HOLES_MAX);
	if (r == 0 && m->watch == NULL)
		r = memory_watch_open(&m->watch, pread, READ_MS);
	return r;
}

void memory_state_close(struct memory *m)
{
	/* Even when the run is over: workers read through this struct. */
	if (m->sink != NULL)
		(void)sink_drain(m->sink);
	memory_kcore_close(m);
	memory_dev_close(m);
	memory_flags_close(m);
	ranges_free(&m->ram);
	ranges_free(&m->covered);
	for (unsigned i = 0; i < HOLE_KINDS; i++)
		ranges_free(&m->holes[i]);
	for (unsigned i = 0; i < METHODS; i++)
		ranges_free(&m->rescued[i]);
	memory_watch_close(m->watch);
	free(m->pieces);
	free(m->iomem);
	(void)pthread_mutex_destroy(&m->lock);
}
