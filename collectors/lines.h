/* lines.h - records of a text file of any size, through a buffer of fixed size. */
#ifndef LINES_H
#define LINES_H

#include <stdbool.h>
#include <stddef.h>

struct blob;

struct lines {
	int fd;
	char *buf;
	size_t cap;        /* of buf; a record has at most cap - 1 bytes */
	size_t start, end; /* not yet delivered */
	char delim;
	bool eof;
	bool skip;         /* the rest of a long record is still to come */
	struct blob *copy; /* everything read goes there too; NULL: nowhere */
};

/* Read records that end with ${delim} from ${fd}; both stay the caller's. */
void lines_open(struct lines *l, int fd, void *buf, size_t cap, char delim);

/*
 * The next record, without its delimiter but ended by a NUL, valid until the
 * next call; the last one needs no delimiter.  ${cut} (may be NULL) becomes
 * true when the record was longer than the buffer: its beginning is delivered.
 * 1; 0 at the end of the file; a negative errno of read() or of ${copy} (whose
 * error member is then set).
 */
int lines_next(struct lines *l, const char **ret, size_t *len, bool *cut);

#endif
