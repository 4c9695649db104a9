/* manifest_read.h - the responder's view of a manifest. */
#ifndef MANIFEST_READ_H
#define MANIFEST_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MANIFEST_READ_VERSION 1 /* of "evac_manifest": the highest that is known */
#define MANIFEST_READ_MAX (256u << 20)
#define MANIFEST_READ_ERROR 160

struct manifest_read_segment {
	unsigned number;
	const char *name, *group;
	uint64_t size;          /* bytes of the sealed object */
	uint8_t sha256[32];     /* of the sealed object */
	uint64_t entries, entry_bytes;
};

struct manifest_read_lost {
	unsigned number;
	const char *name;       /* may be empty */
	const char *why;
};

/* Texts belong to it, are not quoted and may be hostile. */
struct manifest_view {
	const char *collection, *case_id, *host, *public_key;
	bool complete;
	bool has_marker;        /* "volatile.done" was stored */
	struct manifest_read_segment *segments; /* in order of their numbers */
	size_t segment_count;
	struct manifest_read_lost *lost;
	size_t lost_count;
	const char **spooled;   /* names of segments that were only in the spool */
	size_t spooled_count;
	void *document;         /* private */
};

/*
 * Read ${len} bytes of JSON.  Members that are not known are ignored.  On
 * success ${ret} is the caller's.  0; -EINVAL no manifest; -EPROTONOSUPPORT a
 * version that is not known; -ENOMEM.  ${error} says what is wrong.
 */
int manifest_read(const void *data, size_t len, struct manifest_view **ret,
		  char error[MANIFEST_READ_ERROR]);

/*
 * Only its public key, out of a manifest that is not verified yet, as text.
 * 0 or -EINVAL.
 */
int manifest_read_public_key(const void *data, size_t len, char *ret, size_t cap);

void manifest_read_free(struct manifest_view *m); /* NULL is fine */

#endif
