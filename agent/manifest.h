/*
 * manifest.h - what is here, what is missing and why; for anyone to read, so
 * no secret and no host content.  Safe from any thread.
 */
#ifndef MANIFEST_H
#define MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct buf;
struct manifest;
struct sink_summary;
struct spool;

/* Facts that are known at the start.  Texts live as long as the manifest. */
struct manifest_facts {
	const char *collection; /* its id */
	const char *case_id, *host, *path;
	const char *public_key;
	const char *const *recipients;
	size_t recipient_count;
	unsigned workers;
	size_t segment_bytes;
	const char *method;     /* how it was called, for the record: "collect" */
};

/* A segment that is safe in the vault. */
struct manifest_segment {
	unsigned number;
	const char *group, *name;
	uint64_t size;          /* bytes of the sealed object */
	uint8_t sha256[32];     /* of the sealed object */
	size_t entries;
	uint64_t entry_bytes;
	time_t begun, stored;
};

/* Sums over what was reported so far. */
struct manifest_totals {
	unsigned stored, lost;
	uint64_t stored_bytes, entry_bytes;
	uint64_t gaps;
	bool complete;          /* every collector finished, nothing was lost */
};

int manifest_open(struct manifest **ret, const struct manifest_facts *facts);
void manifest_free(struct manifest *m); /* NULL is fine */

/* 0 or -ENOMEM. */
int manifest_segment(struct manifest *m, const struct manifest_segment *seg);

/* A segment that could not be stored.  ${why} is one plain line. */
int manifest_lost(struct manifest *m, unsigned number, const char *name, const char *why);

/* How one collector ended: "complete", "partial", "failed" or "skipped". */
int manifest_collector(struct manifest *m, const char *name, const char *status,
		       const char *why, double seconds,
		       const struct sink_summary *sum);

/* The marker "volatile.done" is in the vault. */
void manifest_marked(struct manifest *m);

/* A fact about the whole run. */
int manifest_note(struct manifest *m, const char *key, const char *text);

void manifest_sum(struct manifest *m, struct manifest_totals *ret);

/*
 * The document, whole; ${spool} (or NULL) knows which segments are only there.
 * The caller frees ${ret} with buf_free().  0 or -ENOMEM.
 */
int manifest_write(struct manifest *m, struct spool *spool, struct buf *ret);

#endif
