/* tree_file.h - one regular file of the host into the evidence. */
#ifndef TREE_FILE_H
#define TREE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct attr;
struct sink;

/* What became of it. */
struct tree_file {
	uint64_t copied;    /* bytes in the evidence */
	uint64_t size_end;  /* its size when it had been read */
	bool touched;       /* its access time may have changed */
	int error;          /* why it is not, or not wholly, there; 0: it is */
	const char *detail; /* the same in words, or NULL */
};

#define TREE_FILE_CHUNK ((size_t)1 << 20)

/*
 * Copy ${name} below ${dir}, which must be a regular file, as ${path}, with
 * owner, mode, times and extended attributes.  As many bytes as it had when it
 * was opened, at most ${max}.  A sparse file comes as pieces of its data.
 * ${chunk} has TREE_FILE_CHUNK bytes.  ${a} is replaced by the attributes of
 * what was opened.  What goes wrong is in ${ret}, and a gap.  0, or the sink's
 * error.
 */
int tree_file_copy(struct sink *sink, int dir, const char *name, const char *path,
		   uint64_t max, char *chunk, struct attr *a, struct tree_file *ret);

#endif
