/* collection_id.h - the name of a collection and its place in the vault. */
#ifndef COLLECTION_ID_H
#define COLLECTION_ID_H

#include <stdbool.h>

#define COLLECTION_CASE_MAX 65

struct collection_id {
	char id[32];            /* "20261124T093000Z-7f3a" */
	char host[65];          /* host name, [A-Za-z0-9._-] only */
	char path[COLLECTION_CASE_MAX + 65 + 32]; /* "CASE/HOST/ID" */
};

/* May ${text} be a part of a collection's path, a case above all?  1 to 64 of [A-Za-z0-9._-], not beginning with
 * a dot: it becomes part of object names. */
bool collection_case_ok(const char *text);

/* Make an id from the time and two random bytes.  0 or a negative errno. */
int collection_id_make(struct collection_id *ret, const char *case_id);

/*
 * Take the place "CASE/${place}" that somebody else chose, "HOST/ID", and its
 * id.  0; -EINVAL when ${place} is none.
 */
int collection_id_place(struct collection_id *ret, const char *case_id, const char *place);

#endif
