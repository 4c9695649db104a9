/*
 * clock.c - the two clocks.
 */
#include "clock.h"

#include <string.h>

int64_t clock_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void clock_utc(time_t t, char ret[CLOCK_UTC_MAX])
{
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(ret, CLOCK_UTC_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		memcpy(ret, "0000-00-00T00:00:00Z", sizeof("0000-00-00T00:00:00Z"));
}
