/* tree.h - files of the host: a bounded walk that follows no link, and their bytes. */
#ifndef TREE_H
#define TREE_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

struct attr;
struct host;
struct sink;
struct table;
struct taken;
struct tree;

/* How far a walk goes. */
struct tree_found;

struct tree_limits {
	unsigned depth;        /* directories below one another, at most TREE_DEPTH */
	uint64_t entries;      /* of all kinds */
	uint64_t file_bytes;   /* of one file, holes not counted */
	uint64_t bytes;        /* of all files together; 0: no limit */
	/* Called for everything that is met, in place of a row and of the bytes; see
	 * tree_found.  0, or an error that ends the walk. */
	int (*visit)(void *arg, const struct tree_found *found);
	void *visit_arg;
	bool mask;             /* secrets in the files: see mask.h */
	struct taken *taken;   /* what others took, or NULL */
};

#define TREE_DEPTH 4096

/* One thing that a walk met. */
struct tree_found {
	int dir;             /* where it lies, and its name there */
	const char *name;
	const char *path;    /* on the host; "" is the root */
	const struct attr *attr;
	const char *target;  /* of a link */
	size_t target_len;
	const char *refused; /* why a directory is not entered, or NULL */
};

/*
 * A walker that lists everything it sees in ${files} and puts the bytes of
 * regular files into ${sink} as "files/HOST PATH".  All four stay the caller's.
 * 0 or -ENOMEM.
 */
int tree_open(struct tree **ret, const struct host *host, struct sink *sink,
	      struct table *files, const struct tree_limits *limits);

/*
 * Take ${path}, absolute on the host: a file, or a directory and all below it.
 * Symbolic links in ${path} itself are followed within the host's root, for
 * administrators move such directories; those met below are listed only.  A
 * path that is not there is no error and no gap.  0, or the sink's error.
 */
int tree_take(struct tree *t, const char *path);

/*
 * Walk all that the host's root holds.  A mount that shows what another one
 * showed already is not entered again.  0, or an error of the sink or the visit.
 */
int tree_walk(struct tree *t);

/* Why the walk would not enter or read what has these attributes; NULL: it would. */
const char *tree_refuses(struct tree *t, const struct attr *a);

/* The host's root, as tree_open() got it. */
int tree_root(const struct tree *t);

/*
 * tree_open.c.  ${path} is relative to ${root}, links are followed but never out
 * of it.  A descriptor (O_PATH) or -errno.
 */
int tree_lookup(int root, const char *path);

/* Open a directory below ${at} without changing its access time, where that is
 * permitted, not through a link; for closedir().  NULL, and errno. */
DIR *tree_dir(int at, const char *name);

/*
 * Open the directory ${path} of the host for closedir(), links followed within
 * its root, unless the walk would not enter it.  NULL, and errno.
 */
DIR *tree_open_dir(struct tree *t, const char *path);

/*
 * Open the regular file ${path} of the host for reading, in the same way; its
 * attributes go to ${ret}.  The descriptor, or -errno: -EINVAL, -EISDIR when it
 * is no regular file, -EXDEV when the walk would not read it.
 */
int tree_open_file(struct tree *t, const char *path, struct attr *ret);

/* What was met; for the manifest. */
struct tree_counts {
	uint64_t entries, files, bytes;
	uint64_t masked;   /* files with secrets that were masked */
	uint64_t withheld; /* files that are all secret: listed only */
	uint64_t touched;  /* files whose access time we may have changed */
	uint64_t skipped;  /* on file systems that may hang or mount */
};

const struct tree_counts *tree_count(const struct tree *t);

void tree_free(struct tree *t); /* NULL is fine */

#endif
