/* sink_run.h - the other end of a sink: what the plan does with it. */
#ifndef SINK_RUN_H
#define SINK_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "sink.h"

struct queue;
struct segment;

#define SINK_REASONS 24
#define SINK_NOTES 64
#define SINK_NOTE_MAX 512

/* What one collector brought, for the manifest. */
struct sink_summary {
	uint64_t entries, bytes, gaps;
	/* Gaps by reason: errno and count; what is beyond stands in the last row. */
	struct { int why; uint64_t count; } reasons[SINK_REASONS];
	unsigned reason_count;
	struct { char key[32]; char text[SINK_NOTE_MAX]; } notes[SINK_NOTES];
	unsigned note_count;
};

/*
 * A sink for the collector ${name}, whose segments are named for ${group}
 * (static texts).  ${carry} is an unfinished segment of the same group that
 * the sink before left, or NULL.  0 or -ENOMEM (${carry} stays the caller's).
 */
int sink_open(struct sink **ret, struct queue *q, const char *name,
	      const char *group, struct segment *carry);

/* End the run for the collector: every later call returns ${why}. */
void sink_stop(struct sink *s, int why);

/* Why it was stopped: 0 or a negative errno. */
int sink_stopped(const struct sink *s);

/*
 * After its collector has returned, or hangs for good: end the open entry,
 * write the list of gaps, and hand out the unfinished segment (may be NULL).
 */
struct segment *sink_finish(struct sink *s);

/* Valid until sink_free(). */
const struct sink_summary *sink_summary(const struct sink *s);

/* Not for a sink whose collector hangs: that thread may still call it. */
void sink_free(struct sink *s);

#endif
