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
#include "queue.h"
#include "segment.h"
#include "sink_run.h"
#include "summary.h"

#define PATH_LIMIT SUMMARY_PATH_MAX
#define GAPS_BYTES (256u << 10)
/* A byte of a path becomes at most "\u0001" and four thirds of base64. */
#define GAP_MAX (8u * PATH_LIMIT)

struct sink {
	pthread_mutex_t lock;
	struct queue *queue;
	const char *name, *group;
	struct timespec begun;
	atomic_int stop;          /* negative errno: the run is over */
	struct segment *seg;      /* the one in hand; NULL: none yet */

	bool open;                /* between sink_begin() and sink_end() */
	bool discard;             /* its header cannot be stored: a gap already */
	bool cut;                 /* earlier parts are in earlier segments */
	struct sink_entry entry;  /* without attributes */
	char path[PATH_LIMIT];
	uint64_t written;

	struct buf gaps;          /* NDJSON, written as parts */
	uint64_t gaps_offset;
	struct sink_summary sum;
};

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

static int lock(struct sink *s)
{
	(void)pthread_mutex_lock(&s->lock);
	return atomic_load(&s->stop);
}

static int unlock(struct sink *s, int r)
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
	int r = queue_get(s->queue, &s->stop, ret);

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

/* Does the name look like a part's?  Then only a further suffix keeps it apart. */
static bool looks_like_part(const char *path)
{
	static const char tail[] = ".part";
	size_t len = strlen(path), digits = 0;

	if (len < sizeof(tail) || strcmp(path + len - 5, tail) != 0)
		return false;
	len -= 5;
	while (len > 0 && path[len - 1] >= '0' && path[len - 1] <= '9') {
		len--;
		digits++;
	}
	return digits >= 12 && len > 0 && path[len - 1] == '@';
}

static void part_suffix(char ret[32], uint64_t offset)
{
	(void)snprintf(ret, 32, "@%012llu.part", (unsigned long long)offset);
}

/* Write what is known of gaps as the next part of their list. */
static int flush_gaps(struct sink *s, bool last)
{
	char path[96], suffix[32];
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
		part_suffix(suffix, s->gaps_offset);
		segment_rename_last(s->seg, suffix);
	}
	(void)segment_add(s->seg, s->gaps.data, s->gaps.len);
	s->gaps_offset += s->gaps.len;
	s->gaps.len = 0;
	return 0;
}

static int gap(struct sink *s, const char *path, int why, const char *detail)
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
	int r = lock(s);

	return unlock(s, r < 0 ? r : gap(s, path, why, detail));
}

int sink_note(struct sink *s, const char *key, const char *fmt, ...)
{
	va_list ap;

	(void)lock(s); /* a note is welcome even when the run is over */
	va_start(ap, fmt);
	summary_note(&s->sum, key, fmt, ap);
	va_end(ap);
	return unlock(s, 0);
}

/* All pieces of a file that evac made itself have one time. */
static void stamp(const struct sink *s, struct sink_entry *e)
{
	if (!e->has_times && e->mtime.tv_sec == 0 && e->mtime.tv_nsec == 0)
		e->mtime = s->begun;
}

static int begin(struct sink *s, const struct sink_entry *e, uint64_t offset,
		 bool part)
{
	uint64_t need = e->size == SINK_SIZE_UNKNOWN ? 0 : e->size;
	struct sink_entry bare = *e;
	char suffix[32];
	int r;

	if (!path_is_safe(e->path))
		return -EINVAL;
	stamp(s, &bare);
	r = prepare(s, e, need);
	/* Attributes may be too large for any segment: go without.  The gap goes
	 * first, for its list may need the segment in hand. */
	if (r == 0 && e->xattr_count > 0 && segment_room(s->seg, e) == 0) {
		bare.xattr_count = 0;
		r = gap(s, e->path, -E2BIG, "extended attributes left out");
		if (r == 0)
			r = prepare(s, &bare, need);
	}
	if (r == 0 && segment_entry_begin(s->seg, e->path, &bare) < 0)
		r = -ENAMETOOLONG;
	if (r == 0 && part) {
		part_suffix(suffix, offset);
		segment_rename_last(s->seg, suffix);
	}
	return r;
}

int sink_begin(struct sink *s, const struct sink_entry *e)
{
	size_t len = strlen(e->path);
	int r = lock(s);

	if (r < 0)
		return unlock(s, r);
	if (s->open)
		return unlock(s, -EBUSY);
	s->discard = false;
	s->written = 0;
	s->cut = looks_like_part(e->path);
	s->entry = *e;
	s->entry.path = s->path;
	s->entry.xattr_count = 0;
	stamp(s, &s->entry);
	r = len < PATH_LIMIT ? begin(s, e, 0, s->cut) : -ENAMETOOLONG;
	if (r == -ENAMETOOLONG) {
		s->discard = true;
		r = gap(s, e->path, -ENAMETOOLONG, NULL);
	}
	if (r == 0) {
		memcpy(s->path, e->path, len < PATH_LIMIT ? len + 1 : 0);
		s->open = true;
		s->sum.entries += !s->discard;
	}
	return unlock(s, r);
}

/*
 * The open entry has filled its segment.  If it shares it with others and an
 * empty one would hold it, it moves; else it is cut here.
 */
static int overflow(struct sink *s, size_t more)
{
	struct segment *old = s->seg, *seg;
	struct segment_entry *e = segment_last(old);
	char suffix[32];
	bool move = !s->cut && old->entry_count > 1 &&
		    e->data_len + more <= sink_room(s);
	int r;

	if (!move && !s->cut) {
		part_suffix(suffix, 0);
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
		part_suffix(suffix, s->written);
		segment_rename_last(seg, suffix);
	}
	queue_put(s->queue, old);
	s->seg = seg;
	return 0;
}

int sink_write(struct sink *s, const void *data, size_t len)
{
	const char *p = data;
	int r = lock(s);

	if (r == 0 && !s->open)
		r = -EINVAL;
	if (r == 0 && s->discard)
		return unlock(s, 0);
	while (r == 0 && len > 0) {
		size_t n = segment_add(s->seg, p, len);

		p += n;
		len -= n;
		s->written += n;
		s->sum.bytes += n;
		if (len > 0)
			r = overflow(s, len);
	}
	return unlock(s, r);
}

static int end(struct sink *s)
{
	s->open = false;
	if (s->discard || s->entry.size == SINK_SIZE_UNKNOWN ||
	    s->entry.size == s->written)
		return 0;
	return gap(s, s->path, s->written < s->entry.size ? -ENODATA : -EOVERFLOW,
		   s->written < s->entry.size ? "shorter than it was when opened"
					      : "longer than it was when opened");
}

int sink_end(struct sink *s)
{
	int r = lock(s);

	if (r == 0)
		r = s->open ? end(s) : -EINVAL;
	return unlock(s, r);
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

int sink_part(struct sink *s, const struct sink_entry *e, uint64_t offset,
	      const void *data, size_t len)
{
	struct sink_entry sized = *e;
	const char *p = data;
	size_t n, done = 0;
	int r = lock(s);

	if (r == 0 && s->open)
		r = -EBUSY;
	while (r == 0) {
		sized.size = len - done;
		r = begin(s, &sized, offset + done, true);
		if (r < 0)
			break;
		n = segment_add(s->seg, p + done, len - done);
		s->sum.entries++;
		s->sum.bytes += n;
		done += n;
		if (done == len)
			break;
	}
	if (r == -ENAMETOOLONG)
		r = gap(s, e->path, r, NULL);
	return unlock(s, r);
}

int sink_pull(struct sink *s, const struct sink_entry *e, const void *prefix,
	      size_t prefix_len, sink_reader *read, void *arg, uint64_t offset)
{
	struct segment_entry *to;
	int r = lock(s);

	if (r == 0 && s->open)
		r = -EBUSY;
	if (r == 0 && (e->size > sink_room(s) || e->size < prefix_len))
		r = -EFBIG;
	if (r == 0)
		r = begin(s, e, 0, false);
	/* sink_room() is that of a path of a few hundred bytes. */
	if (r == 0 && e->size > s->seg->size - s->seg->used) {
		segment_drop_last(s->seg);
		r = -EFBIG;
	}
	if (r == 0) {
		(void)segment_add(s->seg, prefix, prefix_len);
		to = segment_last(s->seg);
		to->size = e->size;
		to->read = read;
		to->arg = arg;
		to->offset = offset;
		s->seg->used += (size_t)e->size - prefix_len;
		s->sum.entries++;
		s->sum.bytes += e->size;
	}
	return unlock(s, r);
}

int sink_flush(struct sink *s)
{
	int r = lock(s);

	if (r == 0 && s->open)
		r = -EBUSY;
	if (r == 0)
		submit(s);
	return unlock(s, r);
}

int sink_drain(struct sink *s)
{
	/* Even when the run is over: the source must outlive its readers. */
	(void)lock(s);
	submit(s);
	(void)pthread_mutex_unlock(&s->lock);
	queue_drain(s->queue);
	return sink_stopped(s);
}

struct segment *sink_finish(struct sink *s)
{
	int why = lock(s);
	struct segment *seg;

	/* The list of gaps must leave even after a stop. */
	atomic_store(&s->stop, 0);
	if (s->open) {
		s->open = false;
		(void)gap(s, s->path, why < 0 ? why : -ECANCELED,
			  "ended before the file did");
	}
	(void)flush_gaps(s, true);
	seg = s->seg;
	s->seg = NULL;
	atomic_store(&s->stop, why < 0 ? why : -ECANCELED);
	(void)pthread_mutex_unlock(&s->lock);
	return seg;
}
