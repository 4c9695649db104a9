/* extract.h - writing files with hostile names, never outside one directory. */
#ifndef EXTRACT_H
#define EXTRACT_H

#include <stdbool.h>
struct extract;

/*
 * Would extract_open() take ${path}: is it absent, or an empty directory?  0,
 * -ENOTEMPTY, -ENOTDIR or another negative errno.
 */
int extract_probe(const char *path);

/* Is ${path}, which need not be there yet, the directory ${dir} or in it? */
bool extract_is_below(const char *path, const char *dir);

/* Create the directory ${path}, mode 0700, if need be.  As extract_probe(). */
int extract_open(struct extract **ret, const char *path);

void extract_close(struct extract *x); /* NULL is fine */

/*
 * Why ${path} cannot be a file below the directory, in plain words, or NULL
 * when it can: relative, no empty, "." or ".." parts.
 */
const char *extract_refusal(const char *path);

/*
 * Create the file ${path} and the directories above it.  The descriptor (to
 * read and write, the caller's); -EEXIST when there is one; -ELOOP or -ENOTDIR
 * when a part of it is no directory; another negative errno.
 */
int extract_create(struct extract *x, const char *path);

/* Open a file that extract_create() made.  As above. */
int extract_reopen(struct extract *x, const char *path);

/* Remove a file.  0 or a negative errno. */
int extract_remove(struct extract *x, const char *path);

/* Remove a directory if it is empty. */
void extract_prune(struct extract *x, const char *path);

#endif
