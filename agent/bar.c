/*
 * bar.c - one moving line on stderr for commands that run long.
 */
#include "bar.h"

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

#define EACH_MS 200

static struct {
	const char *doing;
	size_t done, total;
	uint64_t bytes;
	int64_t next_ms;
	bool terminal;
} bar;

void bar_begin(const char *doing, size_t total)
{
	bar.doing = doing;
	bar.total = total;
	bar.done = 0;
	bar.bytes = 0;
	bar.next_ms = clock_now_ms() + EACH_MS;
	bar.terminal = isatty(STDERR_FILENO) == 1;
}

void bar_step(uint64_t bytes)
{
	int64_t now = clock_now_ms();

	bar.done++;
	bar.bytes += bytes;
	if (!bar.terminal || now < bar.next_ms)
		return;
	bar.next_ms = now + EACH_MS;
	/* What was printed before must stand above it. */
	(void)fflush(stdout);
	log_moving("%s: %zu of %zu segments, %.1f MiB", bar.doing, bar.done, bar.total,
		   (double)bar.bytes / (1 << 20));
}

void bar_clear(void)
{
	if (bar.terminal)
		log_moving(NULL);
}

void bar_end(void)
{
	bar_clear();
	bar.terminal = false;
}
