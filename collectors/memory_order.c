/*
 * memory_order.c - which pieces of physical memory are taken first.
 *
 * Reads /proc/iomem's text and /proc/kpageflags, of a large machine a sample
 * of each piece only.  Without the flags the pieces stay in order, but for the
 * kernel's image.
 */
#include "memory.h"

#include <stdlib.h>

#include "sink.h"

#define BATCH 512u
/* Page flags that are read: about a second. */
#define PAGES_MAX ((size_t)8 << 20)

#define SCORE_KERNEL UINT64_MAX
#define SCORE_TABLE MEMORY_ORDER_FIRST /* a page table */
#define SCORE_OBJECT 8u  /* the kernel's own objects: processes, files, sockets */
#define SCORE_USED 1u    /* anything else that is not free */

static bool overlap(const struct range *a, const struct range *b)
{
	return a->start <= b->end && b->start <= a->end;
}

static uint64_t score_page(uint64_t flags)
{
	if (flags >> MEMORY_FLAG_PGTABLE & 1)
		return SCORE_TABLE;
	if (flags >> MEMORY_FLAG_SLAB & 1)
		return SCORE_OBJECT;
	if (flags >> MEMORY_FLAG_BUDDY & 1 || flags >> MEMORY_FLAG_NOPAGE & 1)
		return 0;
	return SCORE_USED;
}

/* Of the first ${most} pages of a window. */
static uint64_t score_window(const struct memory *m, const struct range *r, size_t most)
{
	uint64_t pages = (r->end - r->start) / m->page + 1, sum = 0, at = r->start;
	uint64_t flags[BATCH];

	if (pages > most)
		pages = most;
	while (pages > 0) {
		size_t want = pages < BATCH ? (size_t)pages : BATCH;
		ssize_t n = memory_flags_read(m, at, flags, want);

		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			sum += score_page(flags[i]);
		at += (uint64_t)n * m->page;
		pages -= (uint64_t)n;
	}
	return sum;
}

static int by_score(const void *a, const void *b)
{
	const struct memory_window *x = a, *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return x->range.start < y->range.start ? -1 : x->range.start > y->range.start;
}

void memory_order_sort(struct memory *m, struct memory_window *w, size_t count)
{
	size_t most = count > 0 ? PAGES_MAX / count : 0;
	struct range kernel;
	bool known = ranges_parse_kernel(&kernel, m->iomem, m->iomem_len) == 0;

	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++)
		w[i].score = known && overlap(&w[i].range, &kernel) ? SCORE_KERNEL :
			     score_window(m, &w[i].range, most);
	qsort(w, count, sizeof(*w), by_score);
	(void)sink_note(m->sink, "order", "%s%s", known ? "kernel image first, " : "",
			m->kpageflags >= 0 ? "then by page flags" : "by address");
}
