/* s3_list.h - the listing of a bucket (ListObjectsV2).  No I/O. */
#ifndef S3_LIST_H
#define S3_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "s3.h"

#define S3_CURSOR_MAX 2048
#define S3_ETAG_MAX 128
#define S3_QUERY_MAX (3 * S3_KEY_MAX + 3 * S3_CURSOR_MAX + 128)

struct s3_listed {
	char key[S3_KEY_MAX];     /* as it is: any bytes but NUL */
	uint64_t size;
	char etag[S3_ETAG_MAX];   /* with its quotes; "" when there is none */
};

/* The query for the page at ${cursor} ("": the first) of the keys with ${prefix}. */
void s3_list_query(char ret[S3_QUERY_MAX], const char *prefix, const char *cursor);

/*
 * Read one page; ${each} is called for every object.  ${cursor} becomes the
 * next page's, "" at the end.  0; what ${each} returned when it is negative;
 * -EBADMSG when the document is no listing.
 */
int s3_list_parse(const char *body, size_t len, char cursor[S3_CURSOR_MAX],
		  int (*each)(void *arg, const struct s3_listed *object), void *arg);

#endif
