/* fetch_object.h - one object out of a bucket into a file, resumed where it breaks off. */
#ifndef FETCH_OBJECT_H
#define FETCH_OBJECT_H

#include <stdatomic.h>
#include <stdint.h>

#include "s3.h"
#include "s3_list.h"

struct s3_session;

struct fetch_object {
	char *key;
	uint64_t size;
	char etag[S3_ETAG_MAX];
};

/*
 * Write the object to ${fd}, an empty file; ${taken} counts the bytes as they
 * come.  0; a negative errno, and ${why} where the server or the network is
 * the reason.
 */
int fetch_object_get(struct s3_session *s, const struct fetch_object *o, int fd,
		     atomic_ullong *taken, char why[S3_ERROR_MAX]);

#endif
