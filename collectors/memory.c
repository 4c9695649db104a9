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

/* A few pages missing are no reason to go through every process as well. */
#define PROCESS_WORTH_BYTES (16u << 20)

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

	/* What is taken first, in smaller ones, and what lies between them. */
	if (m->req->may_be_cut)
		most += 2 * (ranges_bytes(&m->ram) / MEMORY_FIRST_PART / MEMORY_FIRST_BYTES);

	if (most > SIZE_MAX / sizeof(*m->pieces) / 2)
		return -E2BIG;
	m->piece_cap = 2 * (size_t)most;
	m->pieces = calloc(m->piece_cap, sizeof(*m->pieces));
	return m->pieces != NULL ? 0 : -ENOMEM;
}

static int take_physical(struct memory *m)
{
	enum collector_memory asked = m->req->memory;
	int r = 0, drained;

	if (asked == MEMORY_AUTO || asked == MEMORY_LIME || asked == MEMORY_ALL) {
		if (m->req->may_be_cut && memory_lime_refusal(&m->probe, m->req) == NULL)
			r = memory_pull_first(m);
		if (r == 0)
			r = memory_lime_run(m);
	}
	for (enum memory_method i = METHOD_KCORE; r == 0 && i < METHODS; i++)
		r = memory_pull_run(m, i);
	/* Cut short: the plan may not wait for the workers. */
	if (r < 0) {
		memory_record_last(m, r);
		(void)sink_drain(m->sink);
		memory_summary_notes(m);
		return r;
	}
	drained = sink_drain(m->sink);
	memory_summary_notes(m);
	if (drained < 0)
		memory_record_last(m, drained);
	return drained;
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
	if (r < 0)
		memory_record_last(m, r);
	else
		r = take_physical(m);
	if (r == 0)
		r = memory_flags_write(m);
	if (r == 0)
		r = ranges_subtract(ret_left, &m->ram, &m->covered);
	if (r == 0)
		r = memory_record_write(m, ret_left);
	return r < 0 ? r : memory_summary_gaps(m, ret_left);
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
		       ranges_bytes(&left) >= PROCESS_WORTH_BYTES ||
		       m->req->memory == MEMORY_ALL)) {
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
	.cost = COST_HIGH,
	.profile = PROFILE_DEFAULT,
	.run = run,
};
