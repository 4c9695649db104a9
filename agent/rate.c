/*
 * rate.c - a limit in bytes a second that threads share.
 *
 * Each piece takes the time that it costs at this rate, one after the other,
 * whoever sends it.  Time that nobody used is lost: there are no bursts.
 */
#include "rate.h"

#include <errno.h>
#include <time.h>

#define PIECES_PER_S 20
#define PIECE_MIN 1024

void rate_open(struct rate *r, uint64_t bytes_per_s)
{
	r->bytes_per_s = bytes_per_s;
	r->next_us = 0;
	(void)pthread_mutex_init(&r->lock, NULL);
}

void rate_close(struct rate *r)
{
	(void)pthread_mutex_destroy(&r->lock);
}

size_t rate_piece(const struct rate *r, size_t len)
{
	uint64_t piece = r->bytes_per_s / PIECES_PER_S;

	if (r->bytes_per_s == 0)
		return len;
	if (piece < PIECE_MIN)
		piece = PIECE_MIN;
	return piece < len ? (size_t)piece : len;
}

void rate_wait(struct rate *r, size_t len)
{
	struct timespec t;
	int64_t now, at;

	if (r->bytes_per_s == 0)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	now = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
	(void)pthread_mutex_lock(&r->lock);
	at = r->next_us > now ? r->next_us : now;
	r->next_us = at + (int64_t)((double)len / (double)r->bytes_per_s * 1e6);
	(void)pthread_mutex_unlock(&r->lock);
	t.tv_sec = (time_t)(at / 1000000);
	t.tv_nsec = at % 1000000 * 1000;
	while (at > now && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}
