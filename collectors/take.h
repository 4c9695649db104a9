/* take.h - files of the host that a collector names: bytes, a table of them, notes. */
#ifndef TAKE_H
#define TAKE_H

#include <stddef.h>

#include "tree.h"

struct collector_request;
struct host;
struct sink;
struct table;

struct take {
	struct sink *sink;
	struct table *files;
	struct tree *tree;
	const char *name;
	bool mask; /* secrets are */
};

/*
 * Begin, for the collector ${name} (a static text): the table is "files_NAME".
 * Secrets are masked unless ${req} asks for them, and what another collector
 * took is listed only; so ${limits} leaves out both.  0 or a negative errno.
 */
int take_open(struct take *t, const struct host *host, const struct collector_request *req,
	      struct sink *sink, const struct tree_limits *limits, const char *name);

/* As tree_take(). */
int take_path(struct take *t, const char *path);

/* Each of ${count} paths. */
int take_paths(struct take *t, const char *const *paths, size_t count);

/*
 * In the directory ${dir} of the host, all whose names fit one of ${count}
 * ${patterns} of fnmatch(3), and what is below them.  A directory that is not
 * there is no error.
 */
int take_matching(struct take *t, const char *dir, const char *const *patterns, size_t count);

/* One line, without its end, but a NUL after it; 0, or a negative errno that ends it all. */
typedef int take_line(void *arg, char *line, size_t len, unsigned number);

/*
 * Call ${fn} for each line of the text file ${path}; of one that is longer than
 * 64 KiB it gets the beginning.  A file that is not there is no error, one that
 * cannot be read or has more than 64 MiB a gap.  0, or the error of ${fn} or the sink.
 */
int take_lines(struct take *t, const char *path, take_line *fn, void *arg);

/*
 * Note what was taken, unless ${error} (which is returned again) ended the run,
 * and close.
 */
int take_close(struct take *t, int error);

#endif
