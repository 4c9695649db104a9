/*
 * memory_record.c - what of memory came how and when, and what is missing.
 *
 * Writes memory/ranges.ndjson and memory/holes.ndjson, notes for the manifest
 * and gaps.  When the run is cut short the two files are still written, each
 * as one last entry: rows of neighbours by one method are joined there if they
 * do not fit otherwise, and rows beyond that are left out and counted.
 */
#include "memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "errname.h"
#include "memory_watch.h"
#include "sink.h"
#include "table.h"

/* Of the list of a method's ranges, in the manifest. */
#define SHOWN_BYTES 400

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

static int by_start(const void *a, const void *b)
{
	const struct memory_piece *x = a, *y = b;

	return x->range.start < y->range.start ? -1 : x->range.start > y->range.start;
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

static int put_ranges(struct record *rec, const struct memory *m, bool joined)
{
	int r = 0;

	for (size_t i = 0, k; r == 0 && i < m->piece_count; i = k) {
		struct memory_piece p = m->pieces[i];

		for (k = i + 1; joined && k < m->piece_count; k++) {
			const struct memory_piece *q = &m->pieces[k];

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

/* Gaps for the manifest: all that is not there or not real. */
static int report_gaps(struct memory *m, const struct ranges *left)
{
	uint64_t unread = ranges_bytes(&m->holes[HOLE_UNREADABLE]) + m->holes_lost;
	char detail[96];
	int r = 0;

	if (unread > 0) {
		(void)snprintf(detail, sizeof(detail), "%" PRIu64
			       " bytes unreadable, see memory/holes.ndjson", unread);
		r = sink_gap(m->sink, "memory", m->read_error < 0 ?
			     m->read_error : -EIO, detail);
	}
	if (r == 0 && m->holes[HOLE_DOUBTFUL].count > 0)
		r = sink_gap(m->sink, "memory", -EPROTO,
			     "some of it doubtful, see memory/holes.ndjson");
	if (r == 0 && left->count > 0) {
		(void)snprintf(detail, sizeof(detail), "%" PRIu64
			       " bytes of physical memory not taken",
			       ranges_bytes(left));
		r = sink_gap(m->sink, "memory", -ENODATA, detail);
	}
	return r;
}

/* The bytes that came by ${method}: into ${ret}, an empty set. */
static void collect_ranges(const struct memory *m, enum memory_method method,
			   struct ranges *ret)
{
	struct ranges all = { 0 }, others = { 0 };

	if (ranges_open(&all, m->piece_cap + 1) == 0 &&
	    ranges_open(&others, MEMORY_RANGES_MAX) == 0) {
		for (size_t i = 0; i < m->piece_count; i++)
			if (m->pieces[i].method == method && was_read(&m->pieces[i]))
				(void)ranges_add(&all, m->pieces[i].range.start,
						 m->pieces[i].range.end);
		for (enum memory_method i = METHOD_KCORE; i < METHODS; i++)
			for (size_t k = 0; i != method && k < m->rescued[i].count; k++)
				(void)ranges_add(&others, m->rescued[i].at[k].start,
						 m->rescued[i].at[k].end);
		(void)ranges_subtract(ret, &all, &others);
		for (size_t k = 0; k < m->rescued[method].count; k++)
			(void)ranges_add(ret, m->rescued[method].at[k].start,
					 m->rescued[method].at[k].end);
	}
	ranges_free(&all);
	ranges_free(&others);
}

/* For the manifest: the ranges of each method, the first of them.  The workers are done. */
static void note_ranges(struct memory *m)
{
	for (enum memory_method i = METHOD_LIME; i < METHODS; i++) {
		struct ranges set = { 0 };
		char key[32], text[SHOWN_BYTES] = "";
		size_t n = 0, k = 0;

		if (ranges_open(&set, m->piece_cap + MEMORY_RANGES_MAX) < 0)
			return;
		collect_ranges(m, i, &set);
		for (; k < set.count && n + 64 < sizeof(text); k++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%#" PRIx64
					      "-%#" PRIx64, k > 0 ? ", " : "",
					      set.at[k].start, set.at[k].end);
		(void)snprintf(key, sizeof(key), "ranges.%s", memory_method_names[i]);
		if (k < set.count)
			(void)sink_note(m->sink, key, "%s and %zu more, see "
					"memory/ranges.ndjson", text, set.count - k);
		else if (k > 0)
			(void)sink_note(m->sink, key, "%s", text);
		ranges_free(&set);
	}
}

int memory_record_write(struct memory *m, const struct ranges *left)
{
	struct record rec = { 0 };
	int r, end;

	qsort(m->pieces, m->piece_count, sizeof(*m->pieces), by_start);
	note_ranges(m);
	r = table_open(&rec.table, m->sink, "memory/ranges");
	if (r < 0)
		return r;
	r = put_ranges(&rec, m, false);
	end = table_close(rec.table);
	r = r < 0 ? r : end;
	if (r < 0)
		return r;
	r = table_open(&rec.table, m->sink, "memory/holes");
	if (r < 0)
		return r;
	r = put_holes(&rec, m, left, "not taken, no method left");
	end = table_close(rec.table);
	r = r < 0 ? r : end;
	return r < 0 ? r : report_gaps(m, left);
}

static void leave(struct memory *m, const char *path, const struct record *rec)
{
	const struct sink_entry e = { .path = path };

	(void)sink_last(m->sink, &e, 0, false, rec->last->data, rec->last->len);
	if (rec->lost > 0)
		(void)sink_note(m->sink, "rows_lost", "%" PRIu64 " of %s", rec->lost, path);
}

void memory_record_last(struct memory *m, int why)
{
	struct ranges read = { 0 }, left = { 0 };
	struct buf text = { 0 };
	struct record rec = { .last = &text };
	char reason[64];

	(void)snprintf(reason, sizeof(reason), "not taken, the run was over: %s",
		       why == -ETIME ? "deadline" : errname(why));
	if (buf_open(&text, sink_room(m->sink)) < 0 ||
	    ranges_open(&read, m->piece_cap + 1) < 0 ||
	    ranges_open(&left, m->piece_cap + m->ram.cap) < 0)
		goto free_all;
	qsort(m->pieces, m->piece_count, sizeof(*m->pieces), by_start);
	for (size_t i = 0; i < m->piece_count; i++)
		if (was_read(&m->pieces[i]))
			(void)ranges_add(&read, m->pieces[i].range.start,
					 m->pieces[i].range.end);
	note_ranges(m);
	(void)put_ranges(&rec, m, false);
	if (rec.lost > 0) {
		text.len = 0;
		rec.lost = 0;
		(void)put_ranges(&rec, m, true);
	}
	leave(m, "memory/ranges.ndjson", &rec);
	text.len = 0;
	rec.lost = 0;
	(void)ranges_subtract(&left, &m->ram, &read);
	(void)put_holes(&rec, m, &left, reason);
	leave(m, "memory/holes.ndjson", &rec);
free_all:
	ranges_free(&left);
	ranges_free(&read);
	buf_free(&text);
}

/* Bytes that came by ${method}, with the lock held. */
static uint64_t bytes_by(const struct memory *m, enum memory_method method)
{
	uint64_t sum = ranges_bytes(&m->rescued[method]);

	for (size_t i = 0; i < m->piece_count; i++)
		if (m->pieces[i].method == method && was_read(&m->pieces[i]))
			sum += m->pieces[i].range.end - m->pieces[i].range.start + 1;
	return sum > m->lent[method] ? sum - m->lent[method] : 0;
}

/* What went wrong with a method that was used, with the lock held. */
static void note_errors(struct memory *m)
{
	unsigned hung = m->watch != NULL ? memory_watch_hung(m->watch) : 0;
	char key[32];

	for (enum memory_method i = METHOD_KCORE; i < METHODS; i++) {
		if (m->first_error[i] == 0 && m->lent[i] == 0)
			continue;
		(void)snprintf(key, sizeof(key), "%s.failed", memory_method_names[i]);
		(void)sink_note(m->sink, key, "first %s at %#" PRIx64 "; %" PRIu64
				" bytes in its place by other methods",
				m->first_error[i] == 0 ? "ENXIO" :
				errname(m->first_error[i]), m->first_error_at[i],
				m->lent[i]);
	}
	if (hung > 0)
		(void)sink_note(m->sink, "reads_hung", "%u, left behind", hung);
}

void memory_record_notes(struct memory *m)
{
	char methods[96] = "", bytes[160] = "";
	uint64_t holes, all = 0;
	size_t a = 0, b = 0;
	int error;

	(void)pthread_mutex_lock(&m->lock);
	for (enum memory_method i = METHOD_LIME; i < METHODS; i++) {
		uint64_t n = bytes_by(m, i);

		all += n;
		if (n > 0 && a < sizeof(methods))
			a += (size_t)snprintf(methods + a, sizeof(methods) - a, "%s%s",
					      a > 0 ? ", rest " : "",
					      memory_method_names[i]);
		if (b < sizeof(bytes))
			b += (size_t)snprintf(bytes + b, sizeof(bytes) - b,
					      "%s%s %" PRIu64, b > 0 ? ", " : "",
					      memory_method_names[i], n);
	}
	holes = m->holes_lost;
	for (unsigned i = 0; i < HOLE_KINDS; i++)
		holes += ranges_bytes(&m->holes[i]);
	error = m->read_error;
	note_errors(m);
	(void)pthread_mutex_unlock(&m->lock);
	(void)sink_note(m->sink, "method", "%s", all > 0 ? methods :
			"no physical method");
	(void)sink_note(m->sink, "bytes", "%" PRIu64 " of %" PRIu64 " (%s)", all,
			ranges_bytes(&m->ram), bytes);
	(void)sink_note(m->sink, "holes", "%" PRIu64 " bytes", holes);
	if (error < 0)
		(void)sink_note(m->sink, "read_error", "%s", errname(error));
}
