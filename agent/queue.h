/*
 * queue.h - segments between the collectors' thread and the workers: the only
 * object that both sides touch.
 *
 * A segment is owned by whoever holds it.  The free list is the memory limit
 * and the back-pressure.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue;
struct segment;

/* Allocate ${count} segments of ${size} bytes, and a spare one.  0 or -ENOMEM. */
int queue_open(struct queue **ret, unsigned count, size_t size);

void queue_free(struct queue *q); /* NULL is fine */

/* Size of its segments, in bytes. */
size_t queue_segment_size(const struct queue *q);

/*
 * Collectors' side: take an empty segment, waiting for one until ${stop}
 * becomes non-zero.  0, or ${*stop} (a negative errno).
 */
int queue_get(struct queue *q, const atomic_int *stop, struct segment **ret);

/*
 * The same without waiting, when the run is over: one more segment than was
 * asked for lies ready for it.  0 or -EAGAIN.
 */
int queue_get_spare(struct queue *q, struct segment **ret);

/* Collectors' side: hand a full segment to the workers. */
void queue_put(struct queue *q, struct segment *seg);

/*
 * Workers' side: the next full segment, which gets its number; NULL when the
 * queue was closed and is empty.
 */
struct segment *queue_take(struct queue *q);

/* Either side: give an empty or used-up segment back to the free list. */
void queue_release(struct queue *q, struct segment *seg);

/*
 * While ${on}, segments that are still to be read from their source and that no
 * worker has taken are given up, also those that are put.  How many there were.
 */
unsigned queue_hurry(struct queue *q, bool on);

/*
 * Wait until every segment that is read from its source has been released.
 * ${stop} as above does not end this wait: a source that workers still read
 * from must not go away.
 */
void queue_drain(struct queue *q);

/* No more puts: workers end when the queue is empty. */
void queue_close(struct queue *q);

/* Segments that no worker has taken yet. */
unsigned queue_waiting(struct queue *q);

/* Segments put so far, but for those that were given up. */
unsigned queue_count(struct queue *q);

/* Those of them that are of ${group}. */
unsigned queue_count_group(struct queue *q, const char *group);

#endif
