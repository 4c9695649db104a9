/*
 * guard.h - the process that the caller waits for, so that a run with a deadline
 * ends in time whatever hangs in it.
 *
 * A thread that waits for a dead disk cannot be killed, and as long as it waits,
 * its process does not end.  So the work is done in a child, and the parent does
 * nothing but wait for it, until the deadline.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stdint.h>

/*
 * From here on this is the child, with a parent that waits for it until shortly
 * after ${end_ms} (CLOCK_MONOTONIC), passes signals on, ends as the child ends,
 * and takes it along when it is killed.  ${forget} wipes, in the parent, what only
 * the child needs.  To be called by the only thread.  0, or a negative errno and
 * there is no guard.
 */
int guard_start(int64_t end_ms, void (*forget)(void *arg), void *arg);

/* Something is in the vault: with no word from the child, the run is partial. */
void guard_stored(void);

/* How it all ended, before the last line is written to a reader who may be slow. */
void guard_result(int status);

/*
 * All is done and said: nobody needs to wait for this process any more, which
 * gives up its standard streams.  After guard_result().  Without a guard, all
 * three do nothing.
 */
void guard_end(void);

#endif
