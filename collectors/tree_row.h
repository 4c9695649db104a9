/* tree_row.h - one file of the host as a row of "files". */
#ifndef TREE_ROW_H
#define TREE_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct attr;
struct table;

struct tree_row {
	const char *path;   /* on the host */
	const struct attr *attr;
	const char *target; /* of a link */
	size_t target_len;
	uint64_t size_end;  /* when it had been read */
	uint64_t copied;    /* bytes in the evidence */
	uint64_t masked;    /* places in it where a secret was masked */
	bool collected;     /* wholly */
	const char *why;    /* it was not; NULL when it was */
};

/* Write the row.  0, or the sink's error. */
int tree_row_write(struct table *t, const struct tree_row *row);

/* What kind of file that mode is, by osquery's name of it, or "unknown". */
const char *tree_row_type(uint32_t mode);

#endif
