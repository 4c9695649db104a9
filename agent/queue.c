/*
 * queue.c - the one thread boundary.
 */
#include "queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "segment.h"

#define GROUPS_MAX 16

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t segment_size;
	struct segment *free;
	struct segment *spare; /* for what is written when the run is over */
	struct segment *head, **tail; /* full ones, first in first out */
	unsigned count, next_number;
	unsigned reading; /* put, to be read from a source, not yet released */
	bool hurry;       /* what is to be read from a source is given up */
	struct { const char *name; unsigned count; } group[GROUPS_MAX];
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
	if (segment_open(&q->spare, size) < 0) {
		queue_free(q);
		return -ENOMEM;
	}
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
	segment_free(q->spare);
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

int queue_get_spare(struct queue *q, struct segment **ret)
{
	int r = 0;

	(void)pthread_mutex_lock(&q->lock);
	if (q->spare != NULL) {
		*ret = q->spare;
		q->spare = NULL;
	} else if (q->free != NULL) {
		*ret = q->free;
		q->free = q->free->next;
	} else {
		r = -EAGAIN;
	}
	(void)pthread_mutex_unlock(&q->lock);
	return r;
}

/* Make it free again, with the lock held. */
static void give_back(struct queue *q, struct segment *seg)
{
	seg->number = SEGMENT_UNNUMBERED;
	seg->next = NULL;
	if (q->spare == NULL) {
		q->spare = seg;
	} else {
		seg->next = q->free;
		q->free = seg;
	}
}

/* With the lock held. */
static void count_group(struct queue *q, const char *name)
{
	for (unsigned i = 0; name != NULL && i < GROUPS_MAX; i++) {
		if (q->group[i].name == NULL)
			q->group[i].name = name;
		if (strcmp(q->group[i].name, name) == 0) {
			q->group[i].count++;
			return;
		}
	}
}

void queue_put(struct queue *q, struct segment *seg)
{
	(void)pthread_mutex_lock(&q->lock);
	seg->next = NULL;
	if (seg->reads && q->hurry) {
		give_back(q, seg);
	} else {
		*q->tail = seg;
		q->tail = &seg->next;
		q->reading += seg->reads;
		q->count++;
		count_group(q, seg->group);
	}
	(void)pthread_cond_broadcast(&q->changed);
	(void)pthread_mutex_unlock(&q->lock);
}

unsigned queue_hurry(struct queue *q, bool on)
{
	struct segment **at = &q->head, *seg;
	unsigned n = 0;

	(void)pthread_mutex_lock(&q->lock);
	q->hurry = on;
	while (on && (seg = *at) != NULL) {
		if (!seg->reads) {
			at = &seg->next;
			continue;
		}
		*at = seg->next;
		q->reading--;
		q->count--;
		n++;
		give_back(q, seg);
	}
	if (on)
		q->tail = at;
	(void)pthread_cond_broadcast(&q->changed);
	(void)pthread_mutex_unlock(&q->lock);
	return n;
}

struct segment *queue_take(struct queue *q)
{
	struct segment *seg;

	(void)pthread_mutex_lock(&q->lock);
	while (q->head == NULL && !q->closed)
		(void)pthread_cond_wait(&q->changed, &q->lock);
	seg = q->head;
	if (seg != NULL) {
		/* Here, not before: what is given up leaves no gap. */
		seg->number = q->next_number++;
		q->head = seg->next;
		if (q->head == NULL)
			q->tail = &q->head;
	}
	(void)pthread_mutex_unlock(&q->lock);
	return seg;
}

void queue_release(struct queue *q, struct segment *seg)
{
	(void)pthread_mutex_lock(&q->lock);
	if (seg->number != SEGMENT_UNNUMBERED)
		q->reading -= seg->reads;
	give_back(q, seg);
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

unsigned queue_waiting(struct queue *q)
{
	unsigned n = 0;

	(void)pthread_mutex_lock(&q->lock);
	for (const struct segment *seg = q->head; seg != NULL; seg = seg->next)
		n++;
	(void)pthread_mutex_unlock(&q->lock);
	return n;
}

unsigned queue_count(struct queue *q)
{
	unsigned n;

	(void)pthread_mutex_lock(&q->lock);
	n = q->count;
	(void)pthread_mutex_unlock(&q->lock);
	return n;
}

unsigned queue_count_group(struct queue *q, const char *group)
{
	unsigned n = 0;

	(void)pthread_mutex_lock(&q->lock);
	for (unsigned i = 0; i < GROUPS_MAX && q->group[i].name != NULL; i++)
		if (strcmp(q->group[i].name, group) == 0)
			n = q->group[i].count;
	(void)pthread_mutex_unlock(&q->lock);
	return n;
}
