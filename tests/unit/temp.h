/* temp.h - a directory for one test, removed with all that is in it. */
#ifndef TEMP_H
#define TEMP_H

#include <stddef.h>

struct temp {
	char path[256];
	int fd;
};

/* Make it below $TMPDIR or /tmp.  The program ends when that fails. */
void temp_open(struct temp *t);

void temp_close(struct temp *t);

/* How many files and directories are in the directory ${fd} itself. */
size_t temp_count(int fd);

#endif
