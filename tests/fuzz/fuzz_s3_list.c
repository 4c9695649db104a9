/* fuzz_s3_list.c - any page of a bucket's listing: read within its bounds, only keys that can be. */
#include <stdlib.h>
#include <string.h>

#include "s3_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int look(void *arg, const struct s3_listed *object)
{
	size_t *left = arg;

	if (object->key[0] == '\0' || strlen(object->key) >= sizeof(object->key) ||
	    strlen(object->etag) >= sizeof(object->etag))
		abort();
	return (*left)-- == 0 ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char cursor[S3_CURSOR_MAX] = "", query[S3_QUERY_MAX];
	size_t left = 1000;

	if (s3_list_parse((const char *)data, size, cursor, look, &left) == 0) {
		s3_list_query(query, "prefix/", cursor);
		for (const char *p = query; *p != '\0'; p++)
			if (*p <= ' ' || *p > '~')
				abort();
	}
	return 0;
}
