/* tree_file.h - one regular file of the host into the evidence. */
#ifndef TREE_FILE_H
#define TREE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mask.h"

struct attr;
struct sink;

/* What became of it. */
struct tree_file {
	uint64_t copied;    /* bytes in the evidence */
	uint64_t size_end;  /* its size when it had been read */
	uint64_t masked;    /* places in it where a secret was masked */
	bool touched;       /* its access time may have changed */
	int error;          /* why it is not, or not wholly, there; 0: it is */
	const char *detail; /* the same in words, or NULL */
};

#define TREE_FILE_CHUNK ((size_t)1 << 20)

struct tree_file_how {
	uint64_t max;        /* bytes at most */
	enum mask_kind mask; /* secrets in it */
	char *chunk;         /* TREE_FILE_CHUNK bytes to work in */
};

/*
 * Copy ${name} below ${dir}, which must be a regular file, as ${path}, with
 * owner, mode, times and extended attributes.  As many bytes as it had when it
 * was opened, at most ${how->max}.  A sparse file comes as pieces of its data.
 * ${a} is replaced by the attributes of what was opened.  What goes wrong is in
 * ${ret}, and a gap.  0, or the sink's error.
 */
int tree_file_copy(struct sink *sink, int dir, const char *name, const char *path,
		   const struct tree_file_how *how, struct attr *a, struct tree_file *ret);

#endif
