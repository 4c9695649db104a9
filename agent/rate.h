/* rate.h - a limit in bytes a second that threads share. */
#ifndef RATE_H
#define RATE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct rate {
	uint64_t bytes_per_s;  /* 0: no limit */
	pthread_mutex_t lock;
	int64_t next_us;       /* CLOCK_MONOTONIC; when the next bytes may go */
};

void rate_open(struct rate *r, uint64_t bytes_per_s);

void rate_close(struct rate *r);

/* How many of ${len} bytes to take at once, so that no one waits long: at least 1. */
size_t rate_piece(const struct rate *r, size_t len);

/* Sleep until ${len} bytes may go.  Each thread waits for those before it. */
void rate_wait(struct rate *r, size_t len);

#endif
