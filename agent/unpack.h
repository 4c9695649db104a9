/* unpack.h - one sealed segment: decrypted, decompressed, its files written. */
#ifndef UNPACK_H
#define UNPACK_H

#include <stddef.h>
#include <stdint.h>

struct agekey_identities;
struct extract;
struct findings;
struct join;

/* Directory that keeps each segment's list of digests. */
#define UNPACK_SUMS "SHA256SUMS.d"

/* Where the files of all segments go. */
struct unpack {
	struct extract *extract;
	struct join *join;
	const struct agekey_identities *identities;
	struct findings *findings;
};

/* A verified segment, and what it may become at most. */
struct unpack_segment {
	const char *name;      /* "NNNN-<group>.tar.zst.age" */
	const void *data;
	size_t len;
	uint64_t entries_max;  /* files */
	uint64_t bytes_max;    /* of all files */
};

struct unpack_totals {
	uint64_t entries, bytes; /* written */
};

/*
 * Unpack one segment; a file that may not or cannot be written is named in a
 * finding and the rest goes on.  Adds to ${totals}.  0; -EBADMSG when the
 * segment is damaged or has too much in it, after a finding; another negative
 * errno when nothing more can be written (disk full).
 */
int unpack_segment(const struct unpack *u, const struct unpack_segment *s,
		   struct unpack_totals *totals);

#endif
