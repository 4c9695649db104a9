/*
 * memory_pull.c - physical memory that the workers read by themselves.
 *
 * What is still missing is cut into pieces, each a LiME image, and handed on
 * unread, what makes the rest readable first (memory_order.c); the workers fill
 * them side by side through /proc/kcore or a device.  What one method cannot
 * read another one may (memory_rescue.c); where all fail there is the marker
 * pattern and a hole.
 */
#include "memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "errname.h"
#include "lime.h"
#include "sink.h"

const char *const memory_method_names[METHODS] = {
	[METHOD_NONE] = "none",
	[METHOD_LIME] = "lime",
	[METHOD_KCORE] = "kcore",
	[METHOD_CRASH] = "dev_crash",
	[METHOD_MEM] = "dev_mem",
};

int memory_pull_source(const struct memory *m, enum memory_method method)
{
	switch (method) {
	case METHOD_KCORE: return m->kcore;
	case METHOD_CRASH: return m->dev[0];
	case METHOD_MEM: return m->dev[1];
	default: return -ENODATA;
	}
}

int memory_pull_refusal(const struct memory *m, enum memory_method method,
			char *why, size_t cap)
{
	int r = memory_pull_source(m, method);
	const char *more = "";

	if (r >= 0)
		return 0;
	if (r == -EPERM && m->probe.lockdown == LOCKDOWN_CONFIDENTIALITY)
		more = ", lockdown=confidentiality";
	else if (r == -EPERM && method != METHOD_KCORE &&
		 m->probe.lockdown == LOCKDOWN_INTEGRITY)
		more = ", lockdown=integrity";
	else if (r == -EPERM && method == METHOD_MEM && m->dev_opened)
		more = ", the kernel is built with STRICT_DEVMEM";
	else if ((r == -EPERM || r == -EACCES) && !m->probe.cap_rawio)
		more = ", no CAP_SYS_RAWIO";
	else if (r == -EPERM && method == METHOD_KCORE)
		more = ", kernel lockdown, whose state is not shown";
	else if (r == -ENOENT)
		more = ", not in this kernel";
	else if (r == -EOPNOTSUPP && method == METHOD_KCORE)
		more = ", physical addresses unknown";
	else if (r == -ENODATA)
		more = ", no memory shown";
	else if (r == -ENODEV)
		more = ", not the device that has this name";
	(void)snprintf(why, cap, "%s%s", errname(r), more);
	return r;
}

enum memory_method memory_pull_best(const struct memory *m)
{
	for (enum memory_method i = METHOD_KCORE; i < METHODS; i++)
		if (memory_pull_source(m, i) >= 0)
			return i;
	return METHOD_NONE;
}

void memory_pull_fill(struct memory *m, enum memory_method method,
		      uint64_t address, void *buf, size_t len)
{
	if (method == METHOD_KCORE)
		memory_kcore_fill(m, address, buf, len);
	else
		memory_dev_fill(m, method, address, buf, len);
}

/* The workers' reader: a piece of memory, by physical address. */
static void read_piece(void *arg, uint64_t address, void *buf, size_t len)
{
	struct memory_piece *piece = arg;
	struct memory *m = piece->m;
	uint64_t begin = memory_now_ns();

	memory_pull_fill(m, piece->method, address, buf, len);
	memory_flags_look(m, address, buf, len);
	(void)pthread_mutex_lock(&m->lock);
	if (piece->begin_ns == 0 || begin < piece->begin_ns)
		piece->begin_ns = begin;
	piece->end_ns = memory_now_ns();
	(void)pthread_mutex_unlock(&m->lock);
}

static int pull(struct memory *m, enum memory_method method, uint64_t start,
		uint64_t end)
{
	uint8_t head[LIME_HEADER_BYTES];
	char path[48];
	struct sink_entry e = {
		.path = path,
		.size = end - start + 1 + LIME_HEADER_BYTES,
	};
	struct memory_piece *piece = memory_cover(m, start, end, method);

	if (piece == NULL)
		return -ENOSPC;
	(void)snprintf(path, sizeof(path), "memory/%016" PRIx64 ".lime", start);
	lime_header(head, start, end);
	return sink_pull(m->sink, &e, head, sizeof(head), read_piece, piece, start);
}

/* How many pieces the ranges make; with ${w}, which has room for them, the pieces. */
static size_t cut(const struct memory *m, const struct ranges *left, size_t bytes,
		  struct memory_window *w)
{
	size_t n = 0;

	for (size_t i = 0; i < left->count; i++) {
		uint64_t at = left->at[i].start;

		while (at <= left->at[i].end) {
			/* The first cut may be off a page; the others are not. */
			uint64_t end = (at & ~(uint64_t)(m->page - 1)) +
				       bytes - 1;

			if (end > left->at[i].end)
				end = left->at[i].end;
			if (w != NULL)
				w[n] = (struct memory_window){ .range = { at, end } };
			n++;
			at = end + 1;
		}
	}
	return n;
}

static int pull_all(struct memory *m, enum memory_method method,
		    const struct ranges *left)
{
	size_t n = cut(m, left, m->piece_bytes, NULL);
	struct memory_window *w = calloc(n + 1, sizeof(*w));
	int r = 0;

	if (w == NULL)
		return -ENOMEM;
	(void)cut(m, left, m->piece_bytes, w);
	memory_order_sort(m, w, n);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = pull(m, method, w[i].range.start, w[i].range.end);
	free(w);
	return r;
}

int memory_pull_first(struct memory *m)
{
	size_t bytes = MEMORY_FIRST_BYTES < m->piece_bytes ? MEMORY_FIRST_BYTES : m->piece_bytes;
	enum memory_method method = memory_pull_best(m);
	uint64_t left = ranges_bytes(&m->ram) / MEMORY_FIRST_PART;
	size_t n = cut(m, &m->ram, bytes, NULL);
	struct memory_window *w;
	int r = 0;

	if (method == METHOD_NONE)
		return 0;
	w = calloc(n + 1, sizeof(*w));
	if (w == NULL)
		return -ENOMEM;
	(void)cut(m, &m->ram, bytes, w);
	memory_order_sort(m, w, n);
	for (size_t i = 0; r == 0 && i < n && w[i].score >= MEMORY_ORDER_FIRST; i++) {
		uint64_t size = w[i].range.end - w[i].range.start + 1;

		/* The kernel's image always. */
		if (w[i].score != UINT64_MAX) {
			if (size > left)
				break;
			left -= size;
		}
		r = pull(m, method, w[i].range.start, w[i].range.end);
	}
	free(w);
	return r;
}

int memory_pull_run(struct memory *m, enum memory_method method)
{
	const char *name = memory_method_names[method];
	char why[96];
	struct ranges left;
	int r;

	if (memory_pull_refusal(m, method, why, sizeof(why)) < 0) {
		(void)sink_note(m->sink, name, "refused: %s", why);
		return 0;
	}
	r = ranges_open(&left, m->ram.cap + m->covered.cap);
	if (r == 0)
		r = ranges_subtract(&left, &m->ram, &m->covered);
	if (r == 0 && left.count > 0)
		(void)sink_note(m->sink, name, "used for %" PRIu64 " bytes",
				ranges_bytes(&left));
	else if (r == 0)
		(void)sink_note(m->sink, name, "works, not needed");
	if (r == 0)
		r = pull_all(m, method, &left);
	ranges_free(&left);
	return r;
}
