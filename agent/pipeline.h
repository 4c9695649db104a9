/* pipeline.h - all stages of one collection, put together. */
#ifndef PIPELINE_H
#define PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

struct budget;
struct collection_id;
struct manifest_totals;
struct options;
struct pipeline;
struct queue;
struct segment;
struct sink_summary;

/* What moves, for people who watch. */
struct pipeline_flow {
	uint64_t segments, sealed_bytes, stored_bytes;
	uint64_t waiting;       /* segments in the spool */
};

/*
 * Make the signing key, the segments and the manifest; nothing is sent yet.
 * 0 or a negative errno, said in the journal.  ${o} and ${id} must live on.
 */
int pipeline_prepare(struct pipeline **ret, const struct options *o,
		     const struct collection_id *id);

/*
 * Reach the vault, store evac.pub as the first object, start the workers.  No
 * upload goes on longer than ${budget} says, which must live on.  0 or a negative
 * errno, said in the journal.
 */
int pipeline_start(struct pipeline *p, const struct budget *budget);

/*
 * Milliseconds that the vault needs for what is on its way to it, as fast as it
 * took things so far; -1: it took none yet.
 */
int64_t pipeline_need_ms(struct pipeline *p);

/* A worker was left behind: nothing of the pipeline may be freed. */
bool pipeline_hung(const struct pipeline *p);

/* The 56 characters of the collection's public key. */
const char *pipeline_public_key(const struct pipeline *p);

struct queue *pipeline_queue(struct pipeline *p);

/* Hand a segment to the workers, or back when it is empty. */
void pipeline_put(struct pipeline *p, struct segment *seg);

/*
 * No more segments of the volatile group will come: once all of them are in
 * the vault, the marker "volatile.done" is stored.
 */
void pipeline_volatile_done(struct pipeline *p);

/* While ${on}, what is still to be read from its source and that no worker has
 * begun to build is given up. */
void pipeline_hurry(struct pipeline *p, bool on);

/* 0, or the negative errno with which the vault was lost for good. */
int pipeline_dead(const struct pipeline *p);

/* How a collector ended, for the manifest.  ${sum} may be NULL. */
int pipeline_report(struct pipeline *p, const char *name, const char *status,
		    const char *why, double seconds, const struct sink_summary *sum);

/* A fact about the whole run, for the manifest.  0 or -ENOMEM. */
int pipeline_note(struct pipeline *p, const char *key, const char *text);

void pipeline_flow(const struct pipeline *p, struct pipeline_flow *ret);

/* Everything that was counted; valid at any time. */
void pipeline_totals(struct pipeline *p, struct manifest_totals *ret);

/*
 * Wait for the workers, then sign and store the manifest, last of all.  0; 1
 * when it, or a segment, is only in the spool; a negative errno when the
 * manifest could not be stored anywhere.
 */
int pipeline_finish(struct pipeline *p);

/* Only wipe the secret key: for a process that is about to end. */
void pipeline_wipe(struct pipeline *p);

/* Wipe the secret key and free; NULL is fine. */
void pipeline_free(struct pipeline *p);

#endif
