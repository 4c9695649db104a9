/* aside.h - a call that may never return, in a thread of its own. */
#ifndef ASIDE_H
#define ASIDE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The first member of what a call works on, in memory from malloc(): a call that
 * is left behind keeps all of it, and frees it when it comes back after all.
 */
struct aside {
	int (*run)(struct aside *a);   /* its result: 0 or a negative errno */
	void (*drop)(struct aside *a); /* free it; in the thread that was left behind */
	/* private */
	int result;
	struct aside_state *state;
};

/* Within ${a->run}: does nobody wait for it any more? */
bool aside_is_left(struct aside *a);

/*
 * Call ${a->run} and wait for it until ${until_ms} (CLOCK_MONOTONIC; 0: as long as
 * it takes, and then in this thread).  Its result; -ETIMEDOUT with ${ret_left}
 * set when it does not come back: ${a} is then no longer the caller's.  Another
 * negative errno when it could not be started.
 */
int aside_call(struct aside *a, int64_t until_ms, bool *ret_left);

#endif
