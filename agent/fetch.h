/* fetch.h - collections out of a bucket, for the responder: downloaded into a directory that is removed again. */
#ifndef FETCH_H
#define FETCH_H

#include <stddef.h>

struct fetch;
struct vault_options;

#define FETCH_ERROR_MAX 320

/* Is ${where} in S3? */
int fetch_is_remote(const char *where);

/*
 * Download everything below ${o->url} into a new directory whose path begins
 * with ${near} (NULL: below TMPDIR, else /tmp).  What cannot be a collection's
 * file is left out, and said on stderr; so is how far it is, on a terminal.  An
 * object that is listed but cannot be had is missing then, and said.  0; a
 * negative errno and ${error} in one line.
 */
int fetch_open(struct fetch **ret, const struct vault_options *o, const char *near,
	       char error[FETCH_ERROR_MAX]);

/* The directory. */
const char *fetch_dir(const struct fetch *f);

/* How many objects could not be had. */
size_t fetch_failed(const struct fetch *f);

/* The name of ${path}, which is in the directory, for people: its place in the bucket. */
void fetch_name(const struct fetch *f, const char *path, char *ret, size_t cap);

/* Remove the directory; NULL is fine. */
void fetch_close(struct fetch *f);

#endif
