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

/* Make the file ${path} in it, of ${len} bytes, and the directories above it. */
void temp_put_bytes(const struct temp *t, const char *path, const void *data, size_t len);

void temp_put(const struct temp *t, const char *path, const char *text);

/* Make the symbolic link ${path} in it, and the directories above it. */
void temp_link(const struct temp *t, const char *path, const char *target);

/* How many files and directories are in the directory ${fd} itself. */
size_t temp_count(int fd);

#endif
