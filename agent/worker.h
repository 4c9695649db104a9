/* worker.h - threads that turn segments into stored objects. */
#ifndef WORKER_H
#define WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct delivery;
struct manifest;
struct meter;
struct queue;
struct seal_recipients;
struct vault_session;

/* The object that tells an orchestrator that the segments of this group are safe. */
#define WORKER_MARKER "volatile.done"
#define WORKER_MARKED_GROUP "volatile"

/* What all workers share.  Everything lives longer than they do. */
struct worker_context {
	struct queue *queue;
	const struct seal_recipients *recipients;
	struct delivery *delivery;
	struct manifest *manifest;
	size_t segment_size;
	atomic_bool over;  /* no time at all: what is not built is lost */
	struct meter *meter;
	/* Called once, by the first worker, before anything is sent; NULL: nothing. */
	void (*first)(void *arg, struct vault_session *session);
	void *first_arg;
	pthread_mutex_t first_lock;
	bool first_done;
	/* The marker that volatile state is safe, once this many segments are. */
	atomic_uint marker_due, marker_have; /* due 0: not known yet */
	atomic_bool marker_sent;
	/* progress, for people */
	atomic_uint_fast64_t sealed_bytes, sealed, stored_bytes, stored;
	atomic_uint_fast64_t recent_bytes; /* of a sealed segment, of late */
};

struct workers;

/* Start ${count} of them.  0 or a negative errno, and then none runs. */
int worker_start(struct workers **ret, struct worker_context *ctx, unsigned count);

/* Bytes of a sealed segment that is not built yet, by those that were. */
size_t worker_guess(const struct worker_context *ctx);

/*
 * Store the marker "volatile.done" if all volatile segments are in the vault
 * and nobody has: an orchestrator may cut the network now.
 */
void worker_mark(struct worker_context *ctx, struct vault_session *session);

/*
 * Wait until the queue is closed and empty and all have ended; frees them.  After
 * ${until_ms} (CLOCK_MONOTONIC; 0: never) what is not built is lost, and a worker
 * that hangs is left behind with its segment and all that it uses: then -ETIMEDOUT,
 * and nothing of the context may ever be freed.  0 else.  NULL is fine.
 */
int worker_join(struct workers *w, int64_t until_ms);

#endif
