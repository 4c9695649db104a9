/*
 * audit.h - checking a collection: each object's signature, and that it is the
 * object which the agent signed under this name, number and collection.
 */
#ifndef AUDIT_H
#define AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "comment.h"
#include "minisign.h"

struct collection;
struct collection_object;
struct findings;
struct manifest_view;

/* Exit statuses of verify and open. */
enum audit_status {
	AUDIT_GENUINE = 0,  /* whole and genuine */
	AUDIT_WRONG = 1,    /* something is wrong or missing */
	AUDIT_CUT = 3,      /* what is there is genuine; the run was cut short */
};

struct audit {
	const struct collection *collection;
	struct findings *findings;
	struct minisign_public key;
	bool key_given;             /* by the caller; else it came with the evidence */
	bool cut;                   /* there is no manifest */
	struct manifest_view *manifest; /* verified, or NULL */
	char id[COMMENT_WORD_MAX];  /* of the collection, once an object told it */
	uint64_t genuine, genuine_bytes; /* segments */
	uint64_t failed;            /* segments, present and not genuine */
	unsigned highest;           /* number of a genuine segment */
};

/*
 * Find the key (${signer}, or NULL: the collection's own) and check evac.pub
 * and the manifest; findings go to ${f}.  0, or -ENOKEY when there is no key,
 * or -EPROTONOSUPPORT for a manifest of an unknown version: nothing more can
 * be checked then, and a finding says so.
 */
int audit_open(struct audit *a, const struct collection *c,
	       const struct minisign_public *signer, struct findings *f);

/*
 * Load the segment ${o} and check all about it.  0 and its bytes, which the
 * caller frees; -ENOENT when only its signature is there; -EBADMSG after a
 * finding has said what is wrong.
 */
int audit_segment(struct audit *a, const struct collection_object *o, void **ret,
		  size_t *len);

/*
 * Check the small signed object ${name}, which is no segment.  0, or -EBADMSG
 * after a finding has said what is wrong.
 */
int audit_object(struct audit *a, const char *name);

/* The manifest's record of a segment, or NULL. */
const struct manifest_read_segment *audit_record(const struct audit *a,
						 const char *name);

/* Does the manifest say that this segment was never stored? */
bool audit_is_lost(const struct audit *a, const char *name);

/* After all segments: what is missing, what is too much. */
void audit_end(struct audit *a);

/* The status as far as it is known. */
enum audit_status audit_status(const struct audit *a);

/* The status as a word or two. */
const char *audit_verdict(enum audit_status status);

void audit_close(struct audit *a);

#endif
