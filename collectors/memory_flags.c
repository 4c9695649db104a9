/*
 * memory_flags.c - what the kernel says of each page: /proc/kpageflags.
 *
 * Where a page is offline, poisoned or has no description, /proc/kcore shows
 * zeros and says nothing.  Pages that came out as zeros are looked up, piece
 * by piece, about when they were read; such ones are holes.  The flags of all
 * pages of RAM are counted on the way.  Without the file nothing is known.
 */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "errname.h"
#include "host.h"
#include "io.h"
#include "json.h"
#include "scope.h"
#include "sink.h"

#define BATCH 512u
#define JSON_MAX 8192u

static const char *const names[MEMORY_FLAGS] = {
	"locked", "error", "referenced", "uptodate", "dirty", "lru", "active",
	"slab", "writeback", "reclaim", "buddy", "mmap", "anon", "swapcache",
	"swapbacked", "compound_head", "compound_tail", "huge", "unevictable",
	"hwpoison", "nopage", "ksm", "thp", "offline", "zero_page", "idle",
	"pgtable",
};

void memory_flags_open(struct memory *m)
{
	int fd = openat(m->host->proc, "kpageflags",
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	m->kpageflags = fd < 0 ? -errno : fd;
}

void memory_flags_close(struct memory *m)
{
	if (m->kpageflags >= 0)
		(void)close(m->kpageflags);
	m->kpageflags = -ENODATA;
}

ssize_t memory_flags_read(const struct memory *m, uint64_t address, uint64_t *ret,
			  size_t count)
{
	ssize_t n;

	if (m->kpageflags < 0)
		return m->kpageflags;
	n = io_pread(m->kpageflags, ret, count * sizeof(*ret),
		     (off_t)(address / m->page * sizeof(*ret)));
	return n < 0 ? n : n / (ssize_t)sizeof(*ret);
}

/* What makes the kernel show zeros; HOLE_KINDS: nothing. */
static enum memory_hole hole_of(uint64_t flags)
{
	if (flags >> MEMORY_FLAG_HWPOISON & 1)
		return HOLE_HWPOISON;
	if (flags >> MEMORY_FLAG_OFFLINE & 1)
		return HOLE_OFFLINE;
	if (flags >> MEMORY_FLAG_NOPAGE & 1)
		return HOLE_NOPAGE;
	return HOLE_KINDS;
}

static bool is_zero(const uint8_t *p, size_t len)
{
	return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

/* Pages from ${address} on, whose content is at ${p}, if that is known. */
static void look_at(struct memory *m, const uint64_t *flags, size_t count,
		    uint64_t address, const uint8_t *p)
{
	uint64_t sum[MEMORY_FLAGS] = { 0 };

	for (size_t i = 0; i < count; i++) {
		uint64_t at = address + i * m->page;
		enum memory_hole why = p != NULL ? hole_of(flags[i]) : HOLE_KINDS;

		for (unsigned k = 0; k < MEMORY_FLAGS; k++)
			sum[k] += flags[i] >> k & 1;
		if (why != HOLE_KINDS && is_zero(p + i * m->page, m->page))
			memory_hole(m, why, at, at + m->page - 1);
	}
	(void)pthread_mutex_lock(&m->lock);
	for (unsigned k = 0; k < MEMORY_FLAGS; k++)
		m->flag_pages[k] += sum[k];
	m->flagged += count;
	(void)pthread_mutex_unlock(&m->lock);
}

void memory_flags_look(struct memory *m, uint64_t address, const void *buf,
		       size_t len)
{
	size_t skip = (size_t)(-address & (m->page - 1));
	const uint8_t *p = buf;
	uint64_t flags[BATCH];

	if (m->kpageflags < 0 || len <= skip)
		return;
	address += skip;
	len -= skip;
	if (p != NULL)
		p += skip;
	while (len >= m->page) {
		size_t pages = len / m->page < BATCH ? len / m->page : BATCH;
		ssize_t n = memory_flags_read(m, address, flags, pages);

		if (n <= 0)
			return;
		pages = (size_t)n;
		look_at(m, flags, pages, address, p);
		address += pages * m->page;
		len -= pages * m->page;
		if (p != NULL)
			p += pages * m->page;
	}
}

int memory_flags_write(struct memory *m)
{
	struct sink_entry e = { .path = "memory/kpageflags.json" };
	struct buf b;
	struct json j;
	int r;

	if (m->kpageflags < 0) {
		(void)sink_note(m->sink, "kpageflags", "%s", errname(m->kpageflags));
		return 0;
	}
	r = buf_open(&b, JSON_MAX);
	if (r < 0)
		return r;
	json_open(&j, &b);
	json_object(&j, NULL);
	json_u64(&j, "page_bytes", m->page);
	json_u64(&j, "pages", m->flagged);
	json_object(&j, "flags");
	for (unsigned k = 0; k < MEMORY_FLAGS; k++)
		json_u64(&j, names[k], m->flag_pages[k]);
	json_object_end(&j);
	json_object_end(&j);
	r = json_end(&j);
	if (r == 0)
		r = buf_add(&b, "\n", 1);
	r = r < 0 ? sink_gap(m->sink, e.path, r, NULL) :
		    sink_put(m->sink, &e, b.data, b.len);
	buf_free(&b);
	return r;
}
