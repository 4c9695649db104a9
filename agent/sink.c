/*
 * sink.c - where collectors put evidence: entries into bounded segments.
 *
 * A file whose size is not known in advance is built in the segment's memory
 * first, so a tar header never promises bytes that do not come.  What does not
 * fit is moved to the next segment or cut into parts.
 */
#include "sink.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "partname.h"
#include "queue.h"
#include "segment.h"
#include "sink_private.h"
#include "sink_run.h"
#include "summary.h"

int sink_open(struct sink **ret, struct queue *q, const char *name,
	      const char *group, struct segment *carry)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	if (buf_open(&s->gaps, GAPS_BYTES) < 0) {
		free(s);
		return -ENOMEM;
	}
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)clock_gettime(CLOCK_REALTIME, &s->begun);
	s->queue = q;
	s->name = name;
	s->group = group;
	s->seg = carry;
	*ret = s;
	return 0;
}

void sink_free(struct sink *s)
{
	if (s == NULL)
		return;
	buf_free(&s->gaps);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

void sink_stop(struct sink *s, int why)
{
	int none = 0;

	(void)atomic_compare_exchange_strong(&s->stop, &none, why);
}

int sink_stopped(const struct sink *s)
{
	return atomic_load(&s->stop);
}

const struct sink_summary *sink_summary(const struct sink *s)
{
	return &s->sum;
}

size_t sink_room(const struct sink *s)
{
	return segment_room_empty(queue_segment_size(s->queue));
}

int sink_lock(struct sink *s)
{
	(void)pthread_mutex_lock(&s->lock);
	return atomic_load(&s->stop);
}

int sink_unlock(struct sink *s, int r)
{
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

/* Hand the segment in hand to the workers. */
static void submit(struct sink *s)
{
	if (s->seg == NULL)
		return;
	if (s->seg->entry_count == 0)
		queue_release(s->queue, s->seg);
	else
		queue_put(s->queue, s->seg);
	s->seg = NULL;
}

static int fresh(struct sink *s, struct segment **ret)
{
	int r = s->last ? queue_get_spare(s->queue, ret) : -EAGAIN;

	if (r < 0)
		r = queue_get(s->queue, &s->stop, ret);

	if (r == 0)
		segment_begin(*ret, s->group);
	return r;
}

/* Have a segment in hand with room for ${need} bytes of an entry like ${e}. */
static int prepare(struct sink *s, const struct sink_entry *e, uint64_t need)
{
	if (s->seg != NULL && s->seg->entry_count > 0) {
		size_t room = segment_room(s->seg, e);

		if (room == 0 || (need > room && need <= sink_room(s)))
			submit(s);
	}
	return s->seg != NULL ? 0 : fresh(s, &s->seg);
}

static bool path_is_safe(const char *p)
{
	if (*p == '\0' || *p == '/')
		return false;
	while (p != NULL) {
		const char *end = strchrnul(p, '/');
		size_t len = (size_t)(end - p);

		if (len == 0 || (len == 1 && p[0] == '.') ||
		    (len == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p = *end == '/' ? end + 1 : NULL;
	}
	return true;
}

/* Write what is known of gaps as the next part of their list. */
static int flush_gaps(struct sink *s, bool last)
{
	char path[96], suffix[PARTNAME_SUFFIX_MAX];
	struct sink_entry e = { .path = path, .mtime = s->begun };
	int r;

	if (s->gaps.len == 0)
		return 0;
	(void)snprintf(path, sizeof(path), "gaps/%s.ndjson", s->name);
	r = prepare(s, &e, s->gaps.len);
	if (r == 0)
		r = segment_entry_begin(s->seg, path, &e);
	if (r < 0)
		return r;
	if (!last || s->gaps_offset > 0) {
		partname_suffix(suffix, s->gaps_offset);
		segment_rename_last(s->seg, suffix);
	}
	(void)segment_add(s->seg, s->gaps.data, s->gaps.len);
	s->gaps_offset += s->gaps.len;
	s->gaps.len = 0;
	return 0;
}

int sink_miss(struct sink *s, const char *path, int why, const char *detail)
{
	summary_gap(&s->sum, why);
	/* The list leaves when no entry is open; until then it may overflow,
	 * which the count in the manifest still shows. */
	if (!s->open && buf_room(&s->gaps) < GAP_MAX) {
		int r = flush_gaps(s, false);

		if (r < 0)
			return r;
	}
	summary_gap_line(&s->gaps, path, why, detail);
	return 0;
}

int sink_gap(struct sink *s, const char *path, int why, const char *detail)
{
	int r = sink_lock(s);

	return sink_unlock(s, r < 0 ? r : sink_miss(s, path, why, detail));
}

int sink_note(struct sink *s, const char *key, const char *fmt, ...)
{
	va_list ap;

	(void)sink_lock(s); /* a note is welcome even when the run is over */
	va_start(ap, fmt);
	summary_note(&s->sum, key, fmt, ap);
	va_end(ap);
	return sink_unlock(s, 0);
}

/* All pieces of a file that evac made itself have one time. */
static void stamp(const struct sink *s, struct sink_entry *e)
{
	if (!e->has_times && e->mtime.tv_sec == 0 && e->mtime.tv_nsec == 0)
		e->mtime = s->begun;
}

int sink_enter(struct sink *s, const struct sink_entry *e, uint64_t offset,
		 bool part)
{
	uint64_t need = e->size == SINK_SIZE_UNKNOWN ? 0 : e->size;
	struct sink_entry bare = *e;
	char suffix[PARTNAME_SUFFIX_MAX];
	int r;

	if (!path_is_safe(e->path))
		return -EINVAL;
	stamp(s, &bare);
	r = prepare(s, e, need);
	/* Attributes may be too large for any segment: go without.  The gap goes
	 * first, for its list may need the segment in hand. */
	if (r == 0 && e->xattr_count > 0 && segment_room(s->seg, e) == 0) {
		bare.xattr_count = 0;
		r = sink_miss(s, e->path, -E2BIG, "extended attributes left out");
		if (r == 0)
			r = prepare(s, &bare, need);
	}
	if (r == 0 && segment_entry_begin(s->seg, e->path, &bare) < 0)
		r = -ENAMETOOLONG;
	if (r == 0 && part) {
		partname_suffix(suffix, offset);
		segment_rename_last(s->seg, suffix);
	}
	return r;
}

/*
 * A file that may come in pieces, and whose name leaves no room for their
 * suffix, gets a shorter one, and a gap that says so.
 */
int sink_fit(struct sink *s, struct sink_entry *e, bool pieces)
{
	if (!pieces && e->size != SINK_SIZE_UNKNOWN && e->size <= sink_room(s) &&
	    !partname_is(e->path))
		return 0;
	if (!partname_fit(e->path, s->fitted, sizeof(s->fitted)))
		return 0;
	e->path = s->fitted;
	return 1;
}

int sink_begin(struct sink *s, const struct sink_entry *given)
{
	struct sink_entry fitted = *given, *e = &fitted;
	int r = sink_lock(s);
	size_t len;

	if (r < 0)
		return sink_unlock(s, r);
	if (s->open)
		return sink_unlock(s, -EBUSY);
	if (sink_fit(s, e, false) > 0)
		r = sink_miss(s, given->path, -ENAMETOOLONG, "stored under a shorter name");
	if (r < 0)
		return sink_unlock(s, r);
	len = strlen(e->path);
	s->discard = false;
	s->written = 0;
	s->cut = partname_is(e->path);
	s->entry = *e;
	s->entry.path = s->path;
	s->entry.xattr_count = 0;
	stamp(s, &s->entry);
	r = len < PATH_LIMIT ? sink_enter(s, e, 0, s->cut) : -ENAMETOOLONG;
	if (r == -ENAMETOOLONG) {
		s->discard = true;
		r = sink_miss(s, e->path, -ENAMETOOLONG, NULL);
	}
	if (r == 0) {
		memcpy(s->path, e->path, len < PATH_LIMIT ? len + 1 : 0);
		s->open = true;
		s->sum.entries += !s->discard;
	}
	return sink_unlock(s, r);
}

/*
 * The open entry has filled its segment.  If it shares it with others and an
 * empty one would hold it, it moves; else it is cut here.
 */
static int overflow(struct sink *s, size_t more)
{
	struct segment *old = s->seg, *seg;
	struct segment_entry *e = segment_last(old);
	char suffix[PARTNAME_SUFFIX_MAX];
	bool move = !s->cut && old->entry_count > 1 &&
		    e->data_len + more <= sink_room(s);
	int r;

	if (!move && !s->cut) {
		partname_suffix(suffix, 0);
		segment_rename_last(old, suffix);
		s->cut = true;
	}
	r = fresh(s, &seg);
	if (r < 0)
		return r;
	if (move)
		segment_move_last(seg, old);
	else
		r = segment_entry_begin(seg, s->path, &s->entry);
	if (r < 0) {
		queue_release(s->queue, seg);
		return r;
	}
	if (!move) {
		partname_suffix(suffix, s->written);
		segment_rename_last(seg, suffix);
	}
	queue_put(s->queue, old);
	s->seg = seg;
	return 0;
}

int sink_write(struct sink *s, const void *data, size_t len)
{
	const char *p = data;
	int r = sink_lock(s);

	if (r == 0 && !s->open)
		r = -EINVAL;
	if (r == 0 && s->discard)
		return sink_unlock(s, 0);
	while (r == 0 && len > 0) {
		size_t n = segment_add(s->seg, p, len);

		p += n;
		len -= n;
		s->written += n;
		s->sum.bytes += n;
		if (len > 0)
			r = overflow(s, len);
	}
	return sink_unlock(s, r);
}

static int end(struct sink *s)
{
	s->open = false;
	if (s->discard || s->entry.size == SINK_SIZE_UNKNOWN ||
	    s->entry.size == s->written)
		return 0;
	return sink_miss(s, s->path, s->written < s->entry.size ? -ENODATA : -EOVERFLOW,
		   s->written < s->entry.size ? "shorter than it was when opened"
					      : "longer than it was when opened");
}

int sink_end(struct sink *s)
{
	int r = sink_lock(s);

	if (r == 0)
		r = s->open ? end(s) : -EINVAL;
	return sink_unlock(s, r);
}

int sink_put(struct sink *s, const struct sink_entry *e, const void *data, size_t len)
{
	struct sink_entry sized = *e;
	int r;

	sized.size = len;
	r = sink_begin(s, &sized);
	if (r == 0)
		r = sink_write(s, data, len);
	if (r == 0)
		r = sink_end(s);
	return r;
}

int sink_flush(struct sink *s)
{
	int r = sink_lock(s);

	if (r == 0 && s->open)
		r = -EBUSY;
	if (r == 0)
		submit(s);
	return sink_unlock(s, r);
}

int sink_drain(struct sink *s)
{
	/* Even when the run is over: the source must outlive its readers. */
	(void)sink_lock(s);
	submit(s);
	(void)pthread_mutex_unlock(&s->lock);
	queue_drain(s->queue);
	return sink_stopped(s);
}

struct segment *sink_finish(struct sink *s)
{
	int why = sink_lock(s);
	struct segment *seg;

	/* The list of gaps must leave even after a stop. */
	atomic_store(&s->stop, 0);
	s->last = why < 0;
	if (s->open) {
		s->open = false;
		(void)sink_miss(s, s->path, why < 0 ? why : -ECANCELED,
			  "ended before the file did");
	}
	(void)flush_gaps(s, true);
	seg = s->seg;
	s->seg = NULL;
	s->over = true;
	atomic_store(&s->stop, why < 0 ? why : -ECANCELED);
	(void)pthread_mutex_unlock(&s->lock);
	return seg;
}
