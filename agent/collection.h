/*
 * collection.h - the objects of one collection in a directory, as they are
 * found: nothing is believed of them yet.
 */
#ifndef COLLECTION_H
#define COLLECTION_H

#include <stdbool.h>
#include <stddef.h>

#define COLLECTION_PUBLIC "evac.pub"
#define COLLECTION_MANIFEST "manifest.json"
#define COLLECTION_MARKER "volatile.done" /* all volatile segments are stored */
#define COLLECTION_GROUP_MAX 32

#define COLLECTION_OBJECT_MAX ((size_t)4 << 30) /* bytes of one object */

struct collection_object {
	char *name;
	unsigned number;                  /* of a segment */
	char group[COLLECTION_GROUP_MAX]; /* empty: it is no segment */
	bool present;                     /* the object itself is there */
	bool has_signature;               /* NAME.minisig is there */
};

struct collection {
	char *path;                       /* as it was reached */
	int dir;
	struct collection_object *segments; /* by number, then name */
	size_t segment_count;
	struct collection_object *others; /* nothing that belongs here */
	size_t other_count;
	bool has_public;
	struct collection_object manifest, marker;
};

/* Paths of collections. */
struct collection_paths {
	char **list;
	size_t count;
};

/*
 * Find the collections at or below ${where}, at most four levels down; a link
 * is followed only where ${where} itself is one.  Sorted.  0, even when there
 * is none; a negative errno.
 */
int collection_find(const char *where, struct collection_paths *ret);

void collection_free_paths(struct collection_paths *paths);

/* List the directory ${path}.  0 or a negative errno. */
int collection_open(const char *path, struct collection **ret);

/*
 * Load one object whole.  The caller frees ${ret}.  0; -ENOENT; -EFBIG; a
 * negative errno.
 */
int collection_load(const struct collection *c, const char *name, size_t max,
		    void **ret, size_t *len);

void collection_free(struct collection *c); /* NULL is fine */

/*
 * Is ${name} a segment's, "NNNN-<group>.tar.zst.age" with a group of
 * [a-z0-9_-]?  0 and its parts, or -EINVAL.
 */
int collection_parse_name(const char *name, unsigned *ret_number,
			  char ret_group[COLLECTION_GROUP_MAX]);

#endif
