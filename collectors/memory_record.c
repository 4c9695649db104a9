/*
 * memory_record.c - what of memory came how and when, and what is missing.
 *
 * Writes memory/ranges.ndjson and memory/holes.ndjson.  When the run is cut
 * short they are still written, each as one last entry: rows of neighbours by
 * one method are joined there if they do not fit otherwise, and rows beyond
 * that are left out and counted.
 */
#include "memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "errname.h"
#include "sink.h"
#include "table.h"

static const char *const hole_texts[HOLE_KINDS] = {
	[HOLE_UNREADABLE] = "unreadable, marker written",
	[HOLE_UNMAPPED] = "no kcore segment",
	[HOLE_PARTIAL] = "less than a page, zeros written by lime",
	[HOLE_HWPOISON] = "hwpoison, zeros written by the kernel",
	[HOLE_OFFLINE] = "offline, zeros written by the kernel",
	[HOLE_NOPAGE] = "no page, zeros written by the kernel",
	[HOLE_DOUBTFUL] = "stream ended early, may be out of step",
};

/* Where rows go: a table, or what leaves at the very end. */
struct record {
	struct table *table;
	struct buf *last;
	struct json j;
	size_t begun;
	uint64_t lost; /* rows that did not fit */
};

static struct json *row(struct record *rec)
{
	if (rec->table != NULL)
		return table_row(rec->table);
	rec->begun = rec->last->len;
	json_open(&rec->j, rec->last);
	json_object(&rec->j, NULL);
	return &rec->j;
}

static int row_end(struct record *rec)
{
	if (rec->table != NULL)
		return table_row_end(rec->table);
	json_object_end(&rec->j);
	if (json_end(&rec->j) < 0 || buf_add(rec->last, "\n", 1) < 0) {
		rec->last->len = rec->begun;
		rec->lost++;
	}
	return 0;
}

/* The pieces as they were, in order of their addresses. */
struct pieces {
	struct memory_piece *at;
	size_t count;
};

static int by_start(const void *a, const void *b)
{
	const struct memory_piece *x = a, *y = b;

	return x->range.start < y->range.start ? -1 : x->range.start > y->range.start;
}

/* Workers may still be at it.  0 or -ENOMEM; free ${ret->at}. */
static int copy_pieces(struct pieces *ret, struct memory *m)
{
	ret->count = m->piece_count;
	ret->at = calloc(m->piece_count + 1, sizeof(*ret->at));
	if (ret->at == NULL)
		return -ENOMEM;
	(void)pthread_mutex_lock(&m->lock);
	if (ret->count > 0)
		memcpy(ret->at, m->pieces, ret->count * sizeof(*ret->at));
	(void)pthread_mutex_unlock(&m->lock);
	qsort(ret->at, ret->count, sizeof(*ret->at), by_start);
	return 0;
}

static int put_range(struct record *rec, const struct memory_piece *p,
		     enum memory_method method, uint64_t start, uint64_t end)
{
	struct json *j = row(rec);

	json_hex(j, "start", start);
	json_hex(j, "end", end);
	json_str(j, "method", memory_method_names[method]);
	json_u64(j, "begin_ns", p->begin_ns);
	json_u64(j, "end_ns", p->end_ns);
	return row_end(rec);
}

/* The next bytes from ${at} on that another method brought; NULL: none. */
static const struct range *next_rescued(const struct memory *m, uint64_t at,
					enum memory_method *ret)
{
	const struct range *best = NULL;

	for (enum memory_method i = METHOD_KCORE; i < METHODS; i++) {
		const struct range *r = ranges_find(&m->rescued[i], at);

		if (r != NULL && (best == NULL || r->start < best->start)) {
			best = r;
			*ret = i;
		}
	}
	return best;
}

/* A piece, in as many rows as methods had a part in it. */
static int put_piece(struct record *rec, const struct memory *m,
		     const struct memory_piece *p)
{
	uint64_t at = p->range.start, end = p->range.end;
	int r = 0;

	while (r == 0 && at <= end) {
		enum memory_method by = METHOD_NONE;
		const struct range *o = next_rescued(m, at, &by);
		uint64_t to;

		if (o == NULL || o->start > end)
			return put_range(rec, p, p->method, at, end);
		if (o->start > at) {
			r = put_range(rec, p, p->method, at, o->start - 1);
			at = o->start;
		}
		to = o->end < end ? o->end : end;
		if (r == 0)
			r = put_range(rec, p, by, at, to);
		at = to + 1;
	}
	return r;
}

/* A piece whose time never began was not read before the run ended. */
static bool was_read(const struct memory_piece *p)
{
	return p->end_ns != 0;
}

static int put_ranges(struct record *rec, const struct memory *m,
		      const struct pieces *pieces, bool joined)
{
	int r = 0;

	for (size_t i = 0, k; r == 0 && i < pieces->count; i = k) {
		struct memory_piece p = pieces->at[i];

		for (k = i + 1; joined && k < pieces->count; k++) {
			const struct memory_piece *q = &pieces->at[k];

			if (!was_read(&p) || !was_read(q) || q->method != p.method ||
			    q->range.start != p.range.end + 1)
				break;
			p.range.end = q->range.end;
			p.begin_ns = q->begin_ns < p.begin_ns ? q->begin_ns : p.begin_ns;
			p.end_ns = q->end_ns > p.end_ns ? q->end_ns : p.end_ns;
		}
		if (was_read(&p))
			r = put_piece(rec, m, &p);
	}
	return r;
}

static int put_set(struct record *rec, const struct ranges *set, const char *why)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->count; i++) {
		struct json *j = row(rec);

		json_hex(j, "start", set->at[i].start);
		json_hex(j, "end", set->at[i].end);
		json_str(j, "why", why);
		r = row_end(rec);
	}
	return r;
}

static int put_holes(struct record *rec, const struct memory *m,
		     const struct ranges *left, const char *why)
{
	int r = put_set(rec, left, why);

	for (unsigned i = 0; r == 0 && i < HOLE_KINDS; i++)
		r = put_set(rec, &m->holes[i], hole_texts[i]);
	return r;
}

int memory_record_write(struct memory *m, const struct ranges *left)
{
	struct pieces pieces = { 0 };
	struct record rec = { 0 };
	int r, end;

	r = copy_pieces(&pieces, m);
	if (r == 0)
		r = table_open(&rec.table, m->sink, "memory/ranges");
	if (r == 0) {
		r = put_ranges(&rec, m, &pieces, false);
		end = table_close(rec.table);
		r = r < 0 ? r : end;
	}
	free(pieces.at);
	if (r < 0)
		return r;
	r = table_open(&rec.table, m->sink, "memory/holes");
	if (r < 0)
		return r;
	r = put_holes(&rec, m, left, "not taken, no method left");
	end = table_close(rec.table);
	r = r < 0 ? r : end;
	return r;
}

static void leave(struct memory *m, const char *path, const struct record *rec)
{
	const struct sink_entry e = { .path = path };

	(void)sink_last(m->sink, &e, 0, false, rec->last->data, rec->last->len);
	if (rec->lost > 0)
		(void)sink_note(m->sink, "rows_lost", "%" PRIu64 " of %s", rec->lost, path);
}

/* Was it handed to the workers, and not read yet? */
static bool is_due(const struct memory_piece *p)
{
	return !was_read(p) && p->begin_ns == 0;
}

/* memory/ranges.ndjson, with the lock held. */
static void last_ranges(struct record *rec, const struct memory *m,
			const struct pieces *pieces)
{
	rec->last->len = 0;
	rec->lost = 0;
	(void)put_ranges(rec, m, pieces, false);
	if (rec->lost == 0)
		return;
	rec->last->len = 0;
	rec->lost = 0;
	(void)put_ranges(rec, m, pieces, true);
}

/* memory/holes.ndjson, with the lock held. */
static void last_holes(struct record *rec, const struct memory *m,
		       const struct pieces *pieces, const char *reason)
{
	struct ranges known = { 0 }, due = { 0 }, left = { 0 };

	rec->last->len = 0;
	rec->lost = 0;
	if (ranges_open(&known, pieces->count + 1) == 0 &&
	    ranges_open(&due, pieces->count + 1) == 0 &&
	    ranges_open(&left, pieces->count + m->ram.count + 1) == 0) {
		for (size_t i = 0; i < pieces->count; i++) {
			const struct memory_piece *p = &pieces->at[i];

			if (is_due(p))
				(void)ranges_add(&due, p->range.start, p->range.end);
			if (is_due(p) || was_read(p))
				(void)ranges_add(&known, p->range.start, p->range.end);
		}
		(void)ranges_subtract(&left, &m->ram, &known);
		(void)put_set(rec, &due, "not read when the run was over, there if its "
			      "file is");
		(void)put_holes(rec, m, &left, reason);
	}
	ranges_free(&left);
	ranges_free(&due);
	ranges_free(&known);
}

void memory_record_last(struct memory *m, int why)
{
	struct pieces pieces = { 0 };
	struct buf text = { 0 };
	struct record rec = { .last = &text };
	char reason[64];

	(void)snprintf(reason, sizeof(reason), "not taken, the run was over: %s",
		       why == -ETIME ? "deadline" : errname(why));
	if (buf_open(&text, sink_room(m->sink)) == 0 && copy_pieces(&pieces, m) == 0) {
		memory_summary_notes(m);
		(void)pthread_mutex_lock(&m->lock);
		last_ranges(&rec, m, &pieces);
		(void)pthread_mutex_unlock(&m->lock);
		leave(m, "memory/ranges.ndjson", &rec);
		(void)pthread_mutex_lock(&m->lock);
		last_holes(&rec, m, &pieces, reason);
		(void)pthread_mutex_unlock(&m->lock);
		leave(m, "memory/holes.ndjson", &rec);
	}
	free(pieces.at);
	buf_free(&text);
}

