/*
 * memory_summary.c - what the manifest says of memory: notes and gaps.
 *
 * Reads nothing of the host.  Workers may still add to what is counted.
 */
#include "memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "errname.h"
#include "memory_watch.h"
#include "sink.h"

/* Of the list of a method's ranges. */
#define SHOWN_BYTES 400

int memory_summary_gaps(struct memory *m, const struct ranges *left)
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
			if (m->pieces[i].method == method && m->pieces[i].end_ns != 0)
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

/* For the manifest: the ranges of each method, the first of them.  The lock is held. */
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

/* Bytes that came by ${method}, with the lock held. */
static uint64_t bytes_by(const struct memory *m, enum memory_method method)
{
	uint64_t sum = ranges_bytes(&m->rescued[method]);

	for (size_t i = 0; i < m->piece_count; i++)
		if (m->pieces[i].method == method && m->pieces[i].end_ns != 0)
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

void memory_summary_notes(struct memory *m)
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
	note_ranges(m);
	(void)pthread_mutex_unlock(&m->lock);
	(void)sink_note(m->sink, "method", "%s", all > 0 ? methods :
			"no physical method");
	(void)sink_note(m->sink, "bytes", "%" PRIu64 " of %" PRIu64 " (%s)", all,
			ranges_bytes(&m->ram), bytes);
	(void)sink_note(m->sink, "holes", "%" PRIu64 " bytes", holes);
	if (error < 0)
		(void)sink_note(m->sink, "read_error", "%s", errname(error));
}
