/*
 * queue.c - the one thread boundary.
 */
#include "queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "segment.h"

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t segment_size;
	struct segment *free;
	struct segment *head, **tail; /* full ones, first in first out */
	unsigned next_number;
	unsigned reading; /* put, to be read from a source, not yet released */
	bool closed;
};

int queue_open(struct queue **ret, unsigned count, size_t size)
{
	struct queue *q = calloc(1, sizeof(*q));
	pthread_condattr_t attr;

	if (q == NULL)
		return -ENOMEM;
	(void)pthread_mutex_init(&q->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&q->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	q->segment_size = size;
	q->tail = &q->head;
	for (unsigned i = 0; i < count; i++) {
		struct segment *seg;

		if (segment_open(&seg, size) < 0) {
			queue_free(q);
			return -ENOMEM;
		}
		seg->next = q->free;
		q->free = seg;
	}
	*ret = q;
	return 0;
}

static void free_list(struct segment *seg)
{
	while (seg != NULL) {
		struct segment *next = seg->next;

		segment_free(seg);
		seg = next;
	}
}

void queue_free(struct queue *q)
{
	if (q == NULL)
		return;
	free_list(q->free);
	free_list(q->head);
	(void)pthread_cond_destroy(&q->changed);
	(void)pthread_mutex_destroy(&q->lock);
	free(q);
}

size_t queue_segment_size(const struct queue *q)
{
	return q->segment_size;
}

/* Wait for a change, but look at the caller's stop flag ten times a second. */
static void wait_a_little(struct queue *q)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += 100 * 1000 * 1000;
	if (until.tv_nsec >= 1000 * 1000 * 1000) {
		until.tv_nsec -= 1000 * 1000 * 1000;
		until.tv_sec++;
	}
	(void)pthread_cond_timedwait(&q->changed, &q->lock, &until);
}

int queue_get(struct queue *q, const atomic_int *stop, struct segment **ret)
{
	int r;

	(void)pthread_mutex_lock(&q->lock);
	while ((r = atomic_load(stop)) == 0 && q->free == NULL)
		wait_a_little(q);
	if (r == 0) {
		*ret = q->free;
		q->free = q->free->next;
	}
	(void)pthread_mutex_unlock(&q->lock);
	return r;
}

void queue_put(struct queue *q, struct segment *seg)
{
	(void)pthread_mutex_lock(&q->lock);
	seg->number = q->next_number++;
	seg->next = NULL;
	*q->tail = seg;
	q->tail = &seg->next;
	q->reading += seg->reads;
	(void)pthread_cond_broadcast(&q->changed);
	(void)pthread_mutex_unlock(&q->lock);
}

struct segment *queue_take(struct queue *q)
{
	struct segment *seg;

	(void)pthread_mutex_lock(&q->lock);
	while (q->head == NULL && !q->closed)
		(void)pthread_cond_wait(&q->changed, &q->lock);
	seg = q->head;
	if (seg != NULL) {
		q->head = seg->next;
		if (q->head == NULL)
			q->tail = &q->head;
	}
	(void)pthread_mutex_unlock(&q->lock);
	return seg;
}

struct segment *queue_take_reading(struct queue *q)
{
	struct segment **at, *seg;

	(void)pthread_mutex_lock(&q->lock);
	for (at = &q->head; *at != NULL && !(*at)->reads; at = &(*at)->next)
		;
	seg = *at;
	if (seg != NULL)
		*at = seg->next;
	if (seg != NULL && q->tail == &seg->next)
		q->tail = at;
	(void)pthread_mutex_unlock(&q->lock);
	return seg;
}

void queue_release(struct queue *q, struct segment *seg)
{
	(void)pthread_mutex_lock(&q->lock);
	if (seg->number != SEGMENT_UNNUMBERED)
		q->reading -= seg->reads;
	seg->number = SEGMENT_UNNUMBERED;
	seg->next = q->free;
	q->free = seg;
	(void)pthread_cond_broadcast(&q->changed);
	(void)pthread_mutex_unlock(&q->lock);
}

void queue_drain(struct queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	while (q->reading > 0)
		(void)pthread_cond_wait(&q->changed, &q->lock);
	(void)pthread_mutex_unlock(&q->lock);
}

void queue_close(struct queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	q->closed = true;
	(void)pthread_cond_broadcast(&q->changed);
	(void)pthread_mutex_unlock(&q->lock);
}

unsigned queue_count(struct queue *q)
{
	unsigned n;

	(void)pthread_mutex_lock(&q->lock);
	n = q->next_number;
	(void)pthread_mutex_unlock(&q->lock);
	return n;
}
