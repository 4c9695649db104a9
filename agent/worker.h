/* worker.h - threads that turn segments into stored objects. */
#ifndef WORKER_H
#define WORKER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "vault.h"

struct comment;
struct manifest;
struct minisign_key;
struct queue;
struct seal_recipients;

/* What all workers share.  Everything lives longer than they do. */
struct worker_context {
	struct queue *queue;
	const struct seal_recipients *recipients;
	const struct minisign_key *key;
	const char *collection;
	const struct vault_ops *ops;
	struct vault *vault;
	struct manifest *manifest;
	size_t segment_size;
	/* progress, for people */
	atomic_uint_fast64_t sealed_bytes, stored_bytes, stored;
	/* The vault refused for good: later segments are not tried. */
	atomic_int dead;
};

struct workers;

/* Start ${count} of them.  0 or a negative errno, and then none runs. */
int worker_start(struct workers **ret, struct worker_context *ctx, unsigned count);

/* Wait until the queue is closed and empty and all have ended; frees them.
 * NULL is fine. */
void worker_join(struct workers *w);

/*
 * Sign ${obj} and store it, the signature first: an object that can be seen
 * can be checked.  ${about} says whether it is a segment and which; the rest of
 * it is filled in.  0, or a negative errno and ${error}.
 */
int worker_store(struct worker_context *ctx, struct vault_session *session,
		 const struct vault_object *obj, struct comment *about,
		 char error[VAULT_ERROR_MAX]);

#endif
