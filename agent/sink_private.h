/* sink_private.h - what the parts of the sink share. */
#ifndef SINK_PRIVATE_H
#define SINK_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "buf.h"
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
	char path[PATH_LIMIT], fitted[PATH_LIMIT];
	bool last;                /* the run is over: what is written now may have the spare */
	bool over;                /* its collector is done with, or left behind */
	uint64_t written;

	struct buf gaps;          /* NDJSON, written as parts */
	uint64_t gaps_offset;
	struct sink_summary sum;
};

/* Take the lock, whatever it returns: 0, or why the run is over. */
int sink_lock(struct sink *s);

/* Let it go.  ${r}. */
int sink_unlock(struct sink *s, int r);

/*
 * Under the lock.  Begin the entry ${e} in the segment in hand, or in a new one:
 * as the piece at ${offset} when ${part}.  0; -ENAMETOOLONG when its header fits
 * nowhere; why the run is over.
 */
int sink_enter(struct sink *s, const struct sink_entry *e, uint64_t offset, bool part);

/*
 * Under the lock.  A file that may come in pieces (${pieces}: that does), and
 * whose name leaves no room for their suffix, gets a shorter one.  1 if so, or 0.
 */
int sink_fit(struct sink *s, struct sink_entry *e, bool pieces);

/* Under the lock: sink_gap(). */
int sink_miss(struct sink *s, const char *path, int why, const char *detail);

#endif
