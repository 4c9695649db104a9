/* clock.h - the two clocks: monotonic for deadlines, UTC for the record. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <time.h>

/* "2026-11-24T09:30:00Z" and its NUL. */
#define CLOCK_UTC_MAX 32

int64_t clock_now_ms(void); /* CLOCK_MONOTONIC, in milliseconds */

/* RFC 3339, whole seconds, UTC. */
void clock_utc(time_t t, char ret[CLOCK_UTC_MAX]);

#endif
