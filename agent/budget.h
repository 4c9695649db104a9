/* budget.h - how the time until the deadline is shared out.  No I/O; CLOCK_MONOTONIC, milliseconds. */
#ifndef BUDGET_H
#define BUDGET_H

#include <stdint.h>

struct budget {
	int64_t begun_ms;
	int64_t end_ms;     /* the deadline; 0: there is none */
	int64_t reserve_ms; /* the last of the time, for the manifest alone */
};

/* ${all_ms} 0: no deadline. */
void budget_open(struct budget *b, int64_t begun_ms, int64_t all_ms);

/* All of these are 0, which means never, without a deadline. */

/* When everything is stored, the manifest too. */
int64_t budget_done(const struct budget *b);

/*
 * When collectors stop: what is in hand then must still be sent, for which the
 * vault needs ${need_ms} by what was measured, and has twice that.  -1: nothing was; a tenth of the
 * time is kept then.  Never before half of the time is over.
 */
int64_t budget_stop(const struct budget *b, int64_t need_ms);

/* When a collector that does not stop is left behind: what it brought must be sent. */
int64_t budget_leave(const struct budget *b);

/*
 * When a collector that begins at ${now_ms} has used up ${percent} of the time until
 * ${stop_ms}: alone it could take all of it, with others to come.
 */
int64_t budget_share(const struct budget *b, int64_t now_ms, int64_t stop_ms, unsigned percent);

/* How long a vault is tried that can be done without: ${usual_ms}, or what the
 * deadline leaves of it. */
int64_t budget_patience(const struct budget *b, int64_t usual_ms);

#endif
