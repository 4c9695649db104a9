/*
 * progress.c - how far it is, on stderr.
 */
#include "progress.h"

#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "pipeline.h"

#define MOVING_MS 250
#define LINES_MS 10000

void progress_begin(struct progress *p, const char *doing)
{
	progress_end(p);
	if (p->begun_ms == 0) {
		p->begun_ms = clock_now_ms();
		p->terminal = isatty(STDERR_FILENO) == 1;
		p->next_ms = p->begun_ms + (p->terminal ? MOVING_MS : LINES_MS);
	}
	p->doing = doing;
}

void progress_tick(struct progress *p, const struct pipeline *pipe)
{
	int64_t now = clock_now_ms();
	struct pipeline_flow flow;

	if (now < p->next_ms)
		return;
	pipeline_flow(pipe, &flow);
	p->next_ms = now + (p->terminal ? MOVING_MS : LINES_MS);
	(p->terminal ? log_moving : log_status)(
		"%s%5.1f s  %s: %llu segments safe, %.1f MiB%s", p->terminal ? "" : "evac: ",
		(double)(now - p->begun_ms) / 1000, p->doing,
		(unsigned long long)flow.segments,
		(double)flow.stored_bytes / (1 << 20), p->terminal ? "" : "\n");
}

void progress_end(struct progress *p)
{
	if (p->terminal)
		log_moving(NULL);
}
