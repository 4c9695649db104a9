/*
 * collection_id.c - the name of a collection.
 */
#include "collection_id.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool collection_case_ok(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len >= COLLECTION_CASE_MAX || text[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!name_char(text[i]))
			return false;
	return true;
}

int collection_id_make(struct collection_id *ret, const char *case_id)
{
	time_t now = time(NULL);
	struct tm tm;
	uint8_t tail[2];
	char when[24];

	if (gethostname(ret->host, sizeof(ret->host) - 1) < 0 ||
	    ret->host[0] == '\0' || ret->host[0] == '.')
		memcpy(ret->host, "unnamed", sizeof("unnamed"));
	ret->host[sizeof(ret->host) - 1] = '\0';
	for (char *c = ret->host; *c != '\0'; c++)
		if (!name_char(*c))
			*c = '_';
	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm) == 0)
		return -EOVERFLOW;
	randombytes_buf(tail, sizeof(tail));
	(void)snprintf(ret->id, sizeof(ret->id), "%s-%02x%02x", when, tail[0], tail[1]);
	(void)snprintf(ret->path, sizeof(ret->path), "%s/%s/%s", case_id,
		       ret->host, ret->id);
	return 0;
}

int collection_id_place(struct collection_id *ret, const char *case_id, const char *place)
{
	const char *slash = strchr(place, '/');
	int n;

	if (slash == NULL || strlen(slash + 1) >= sizeof(ret->id) ||
	    !collection_case_ok(slash + 1))
		return -EINVAL;
	n = snprintf(ret->path, sizeof(ret->path), "%s/%s", case_id, place);
	if (n < 0 || (size_t)n >= sizeof(ret->path))
		return -EINVAL;
	(void)snprintf(ret->id, sizeof(ret->id), "%s", slash + 1);
	return 0;
}
