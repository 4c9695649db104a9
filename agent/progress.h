/* progress.h - how far it is, on stderr: one moving line on a terminal, else a
 * line every ten seconds. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct pipeline;

struct progress {
	const char *doing;    /* the collector that runs */
	int64_t begun_ms, next_ms;
	bool terminal;
};

/* ${doing} begins. */
void progress_begin(struct progress *p, const char *doing);

/* Often: shows something when it is time to. */
void progress_tick(struct progress *p, const struct pipeline *pipe);

/* Leave the moving line behind. */
void progress_end(struct progress *p);

#endif
