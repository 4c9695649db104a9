/*
 * sink_piece.c - entries that are no stream: pieces of files that a collector
 * cuts itself, what it holds at the end, and what a worker reads later.
 */
#include <errno.h>
#include <string.h>

#include "queue.h"
#include "segment.h"
#include "sink.h"
#include "sink_private.h"

int sink_part(struct sink *s, const struct sink_entry *e, uint64_t offset,
	      const void *data, size_t len)
{
	struct sink_entry sized = *e;
	const char *p = data;
	size_t n, done = 0;
	int r = sink_lock(s);

	if (r == 0 && s->open)
		r = -EBUSY;
	if (r == 0 && sink_fit(s, &sized, true) > 0 && offset == 0)
		r = sink_miss(s, e->path, -ENAMETOOLONG, "stored under a shorter name");
	while (r == 0) {
		sized.size = len - done;
		r = sink_enter(s, &sized, offset + done, true);
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
		r = sink_miss(s, e->path, r, NULL);
	return sink_unlock(s, r);
}

int sink_last(struct sink *s, const struct sink_entry *e, uint64_t offset, bool part,
	      const void *data, size_t len)
{
	struct sink_entry sized = *e;
	int why = sink_lock(s), r;

	if (why == 0 || s->over || len > sink_room(s))
		return sink_unlock(s, why);
	/* The collector was told so: it writes no more of what is open. */
	if (s->open) {
		s->open = false;
		(void)sink_miss(s, s->path, why, "ended before the file did");
	}
	atomic_store(&s->stop, 0);
	s->last = true;
	sized.size = len;
	(void)sink_fit(s, &sized, part);
	r = sink_enter(s, &sized, offset, part);
	if (r == 0) {
		(void)segment_add(s->seg, data, len);
		s->sum.entries++;
		s->sum.bytes += len;
	}
	s->last = false;
	atomic_store(&s->stop, why);
	return sink_unlock(s, why);
}

int sink_pull(struct sink *s, const struct sink_entry *e, const void *prefix,
	      size_t prefix_len, sink_reader *read, void *arg, uint64_t offset)
{
	struct segment_entry *to;
	int r = sink_lock(s);

	if (r == 0 && s->open)
		r = -EBUSY;
	if (r == 0 && (e->size > sink_room(s) || e->size < prefix_len))
		r = -EFBIG;
	if (r == 0)
		r = sink_enter(s, e, 0, false);
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
		s->seg->reads = true;
		s->seg->used += (size_t)e->size - prefix_len;
		s->sum.entries++;
		s->sum.bytes += e->size;
	}
	return sink_unlock(s, r);
}
