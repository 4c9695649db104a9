/* worker.h - threads that turn segments into stored objects. */
#ifndef WORKER_H
#define WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct delivery;
struct manifest;
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
	/* The marker that volatile state is safe, once this many segments are. */
	atomic_uint marker_due, marker_have; /* due 0: not known yet */
	atomic_bool marker_sent;
	/* progress, for people */
	atomic_uint_fast64_t sealed_bytes, stored_bytes, stored;
};

struct workers;

/* Start ${count} of them.  0 or a negative errno, and then none runs. */
int worker_start(struct workers **ret, struct worker_context *ctx, unsigned count);

/*
 * Store the marker "volatile.done" if all volatile segments are in the vault
 * and nobody has: an orchestrator may cut the network now.
 */
void worker_mark(struct worker_context *ctx, struct vault_session *session);

/* Wait until the queue is closed and empty and all have ended; frees them.
 * NULL is fine. */
void worker_join(struct workers *w);

#endif
