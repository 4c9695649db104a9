/*
 * memory.c - the memory of the machine, by the first method that works.
 *
 * Reads /proc/iomem for what there is to take, then lets the methods take it
 * one after the other: LiME, /proc/kcore, /dev/crash, /dev/mem, and the memory
 * of processes when no physical method is left.  Writes memory/<16 hex digits of the start>.lime,
 * each a whole LiME image of its range; in the order of their names they are
 * one image.  What a method leaves is the next one's; what none could read is
 * a marker pattern and a row of memory/holes.ndjson.
 */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collector.h"
#include "errname.h"
#include "io.h"
#include "lime.h"
#include "scope.h"
#include "sink.h"
#include "table.h"

/* A few pages missing are no reason to go through every process as well. */
#define PROCESS_WORTH_BYTES (16u << 20)

static const char *const hole_texts[HOLE_KINDS] = {
	[HOLE_UNREADABLE] = "unreadable, marker written",
	[HOLE_UNMAPPED] = "no kcore segment",
	[HOLE_PARTIAL] = "less than a page, zeros written by lime",
	[HOLE_HWPOISON] = "hwpoison, zeros written by the kernel",
	[HOLE_OFFLINE] = "offline, zeros written by the kernel",
	[HOLE_NOPAGE] = "no page, zeros written by the kernel",
	[HOLE_DOUBTFUL] = "stream ended early, may be out of step",
};

uint64_t memory_now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void memory_hole(struct memory *m, enum memory_hole why, uint64_t start,
		 uint64_t end)
{
	(void)pthread_mutex_lock(&m->lock);
	if (ranges_add(&m->holes[why], start, end) < 0)
		m->holes_lost += end - start + 1;
	(void)pthread_mutex_unlock(&m->lock);
}

struct memory_piece *memory_cover(struct memory *m, uint64_t start, uint64_t end,
				  enum memory_method method)
{
	struct memory_piece *p;

	if (m->piece_count == m->piece_cap ||
	    ranges_add(&m->covered, start, end) < 0)
		return NULL;
	p = &m->pieces[m->piece_count++];
	*p = (struct memory_piece){
		.m = m,
		.range = { start, end },
		.method = method,
	};
	return p;
}

/* Room for the list of pieces: twice what an honest run needs. */
static int open_pieces(struct memory *m)
{
	uint64_t most = ranges_bytes(&m->ram) / m->piece_bytes +
			2 * m->ram.count + 1024;

	if (most > SIZE_MAX / sizeof(*m->pieces) / 2)
		return -E2BIG;
	m->piece_cap = 2 * (size_t)most;
	m->pieces = calloc(m->piece_cap, sizeof(*m->pieces));
	return m->pieces != NULL ? 0 : -ENOMEM;
}

static int by_start(const void *a, const void *b)
{
	const struct memory_piece *x = a, *y = b;

	return x->range.start < y->range.start ? -1 : x->range.start > y->range.start;
}

/* memory/ranges.ndjson: which bytes came by which method, and when. */
static int write_ranges(struct memory *m)
{
	struct table *t;
	int r = table_open(&t, m->sink, "memory/ranges");
	int end;

	if (r < 0)
		return r;
	qsort(m->pieces, m->piece_count, sizeof(*m->pieces), by_start);
	for (size_t i = 0; r == 0 && i < m->piece_count; i++) {
		const struct memory_piece *p = &m->pieces[i];
		struct json *j = table_row(t);

		json_hex(j, "start", p->range.start);
		json_hex(j, "end", p->range.end);
		json_str(j, "method", memory_method_names[p->method]);
		json_u64(j, "begin_ns", p->begin_ns);
		json_u64(j, "end_ns", p->end_ns);
		r = table_row_end(t);
	}
	end = table_close(t);
	return r < 0 ? r : end;
}

static int write_hole_rows(struct table *t, const struct ranges *set,
			   const char *why)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->count; i++) {
		struct json *j = table_row(t);

		json_hex(j, "start", set->at[i].start);
		json_hex(j, "end", set->at[i].end);
		json_str(j, "why", why);
		r = table_row_end(t);
	}
	return r;
}

/* memory/holes.ndjson: what is not what memory held, and what is not there. */
static int write_holes(struct memory *m, const struct ranges *left)
{
	struct table *t;
	int r = table_open(&t, m->sink, "memory/holes");
	int end;

	if (r < 0)
		return r;
	for (unsigned i = 0; r == 0 && i < HOLE_KINDS; i++)
		r = write_hole_rows(t, &m->holes[i], hole_texts[i]);
	if (r == 0)
		r = write_hole_rows(t, left, "not taken, no method left");
	end = table_close(t);
	return r < 0 ? r : end;
}

static uint64_t bytes_by(const struct memory *m, enum memory_method method)
{
	uint64_t sum = 0;

	/* A piece whose time never began was not read before the run ended. */
	for (size_t i = 0; i < m->piece_count; i++)
		if (m->pieces[i].method == method && m->pieces[i].end_ns != 0)
			sum += m->pieces[i].range.end - m->pieces[i].range.start + 1;
	return sum;
}

/* The manifest's facts: they are set even when the run is over. */
static void note_result(struct memory *m)
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
	(void)pthread_mutex_unlock(&m->lock);
	(void)sink_note(m->sink, "method", "%s", all > 0 ? methods :
			"no physical method");
	(void)sink_note(m->sink, "bytes", "%" PRIu64 " of %" PRIu64 " (%s)", all,
			ranges_bytes(&m->ram), bytes);
	(void)sink_note(m->sink, "holes", "%" PRIu64 " bytes", holes);
	if (error < 0)
		(void)sink_note(m->sink, "read_error", "%s", errname(error));
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

static int take_physical(struct memory *m)
{
	enum collector_memory asked = m->req->memory;
	int r = 0, drained;

	if (asked == MEMORY_AUTO || asked == MEMORY_LIME)
		r = memory_lime_run(m);
	for (enum memory_method i = METHOD_KCORE; r == 0 && i < METHODS; i++)
		r = memory_pull_run(m, i);
	/* Cut short: the plan may not wait for the workers. */
	if (r < 0)
		note_result(m);
	/* Always: what is noted next is written by workers until then. */
	drained = sink_drain(m->sink);
	return r < 0 ? r : drained;
}

/* Physical memory by the ladder; ${ret_left} gets what no method took. */
static int run_physical(struct memory *m, struct ranges *ret_left)
{
	int r = memory_state_ram(m);
	int done;

	if (r < 0) {
		(void)sink_note(m->sink, "iomem", "%s", r == -EPERM ?
				"addresses hidden: CAP_SYS_ADMIN is missing" :
				errname(r));
		m->ram.count = 0;
		done = sink_gap(m->sink, "proc/iomem", r, "physical memory unknown");
		return done < 0 ? done : memory_files_run(m);
	}
	r = open_pieces(m);
	if (r < 0)
		return r;
	memory_kcore_open(m);
	memory_dev_open(m);
	memory_flags_open(m);
	r = memory_files_run(m);
	if (r == 0)
		r = take_physical(m);
	note_result(m);
	if (r == 0)
		r = memory_flags_write(m);
	if (r == 0)
		r = ranges_subtract(ret_left, &m->ram, &m->covered);
	if (r == 0)
		r = write_ranges(m);
	if (r == 0)
		r = write_holes(m, ret_left);
	if (r == 0)
		r = report_gaps(m, ret_left);
	return r;
}

static int run_ladder(struct memory *m)
{
	struct ranges left;
	bool physical = m->req->memory != MEMORY_PROCESS;
	int r = ranges_open(&left, 2 * MEMORY_RANGES_MAX);

	if (r == 0 && physical)
		r = run_physical(m, &left);
	else if (r == 0)
		r = memory_files_run(m);
	if (r == 0 && (m->covered.count == 0 ||
		       ranges_bytes(&left) >= PROCESS_WORTH_BYTES)) {
		if (!physical)
			(void)sink_note(m->sink, "method", "process, as asked");
		else if (m->covered.count == 0)
			(void)sink_note(m->sink, "method",
					"process: no physical method worked");
		r = memory_process_run(m);
	}
	/* Physical memory was wanted: the rest in its place is not all of it. */
	if (r == 0 && physical && (m->covered.count == 0 || left.count > 0))
		r = -ENODATA;
	ranges_free(&left);
	return r;
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	struct memory m = {
		.host = host,
		.req = req,
		.sink = sink,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	int r;

	if (req->memory == MEMORY_NONE) {
		(void)sink_note(sink, "method", "none, as asked");
		return 0;
	}
	r = memory_state_open(&m);
	if (r == 0) {
		memory_probe(&m.probe, host);
		r = run_ladder(&m);
	}
	memory_state_close(&m);
	return r;
}

const struct collector collector_memory = {
	.name = "memory",
	.group = "memory",
	.reads = "physical memory by LiME or /proc/kcore, else that of processes",
	.rank = RANK_MEMORY,
	.run = run,
};
