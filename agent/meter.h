/* meter.h - how fast segments are built and taken by the vault, by all workers together.  No I/O. */
#ifndef METER_H
#define METER_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* To be treated as private. */
struct meter {
	pthread_mutex_t lock;
	unsigned flying;        /* segments in hand */
	size_t flying_bytes;
	int64_t since_ms;       /* so far it is counted */
	double busy_ms, bytes;  /* while one was in hand; older time counts less */
};

void meter_open(struct meter *m);

/* A segment of about ${bytes} is begun at ${now_ms} (any clock, the same for all). */
void meter_begin(struct meter *m, size_t bytes, int64_t now_ms);

/* It is through: ${taken} of its ${bytes} count, 0 when it was not. */
void meter_end(struct meter *m, size_t bytes, size_t taken, int64_t now_ms);

/* Bytes a second; 0: none came through so far. */
double meter_rate(struct meter *m, int64_t now_ms);

/* Milliseconds that the objects on their way and ${more_bytes} take at that rate;
 * -1: not known. */
int64_t meter_need_ms(struct meter *m, uint64_t more_bytes, int64_t now_ms);

#endif
