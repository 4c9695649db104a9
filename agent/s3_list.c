/*
 * s3_list.c - the listing of a bucket.
 *
 * Amazon S3 API Reference, ListObjectsV2, with encoding-type=url: the keys are
 * anybody's, so they come encoded.  A page that lacks what it must have is
 * refused: half a list of evidence is worse than none.
 */
#include "s3_list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "s3_xml.h"

void s3_list_query(char ret[S3_QUERY_MAX], const char *prefix, const char *cursor)
{
	char text[3 * S3_CURSOR_MAX + 1];
	int n = 0;

	ret[0] = '\0';
	/* In the order of their names: that is how they are signed. */
	if (cursor[0] != '\0') {
		s3_encode(text, sizeof(text), cursor, "");
		n = snprintf(ret, S3_QUERY_MAX, "continuation-token=%s&", text);
	}
	s3_encode(text, sizeof(text), prefix, "");
	(void)snprintf(ret + n, S3_QUERY_MAX - (size_t)n,
		       "encoding-type=url&list-type=2&prefix=%s", text);
}

static int digit(char c)
{
	static const char digits[] = "0123456789ABCDEFabcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	if (at == NULL)
		return -1;
	return (int)(at - digits < 16 ? at - digits : at - digits - 6);
}

/* Decode in place.  -EBADMSG for what is no encoding, or a NUL. */
static int decode(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++) {
		if (*text == '+') {
			*to++ = ' ';
		} else if (*text == '%') {
			int high = digit(text[1]), low = high < 0 ? -1 : digit(text[2]);

			if (low < 0 || (high == 0 && low == 0))
				return -EBADMSG;
			*to++ = (char)(high << 4 | low);
			text += 2;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
	return 0;
}

static int parse_object(const char *from, const char *end, struct s3_listed *ret)
{
	char key[3 * S3_KEY_MAX], size[24];

	s3_xml_text(key, sizeof(key), from, end, "Key");
	s3_xml_text(size, sizeof(size), from, end, "Size");
	s3_xml_text(ret->etag, sizeof(ret->etag), from, end, "ETag");
	if (key[0] == '\0' || decode(key) < 0 || strlen(key) >= sizeof(ret->key) ||
	    parse_dec(size, &ret->size) < 0)
		return -EBADMSG;
	memcpy(ret->key, key, strlen(key) + 1);
	return 0;
}

int s3_list_parse(const char *body, size_t len, char cursor[S3_CURSOR_MAX],
		  int (*each)(void *arg, const struct s3_listed *object), void *arg)
{
	const char *end = body + len, *at = s3_xml_find(body, end, "<ListBucketResult");
	struct s3_listed object;
	char more[8];
	int r;

	if (at == NULL || s3_xml_find(at, end, "</ListBucketResult>") == NULL)
		return -EBADMSG;
	s3_xml_text(more, sizeof(more), at, end, "IsTruncated");
	s3_xml_text(cursor, S3_CURSOR_MAX, at, end, "NextContinuationToken");
	if (strcmp(more, "true") != 0)
		cursor[0] = '\0';
	else if (cursor[0] == '\0')
		return -EBADMSG;
	while ((at = s3_xml_find(at, end, "<Contents>")) != NULL) {
		const char *stop = s3_xml_find(at, end, "</Contents>");

		r = stop == NULL ? -EBADMSG : parse_object(at, stop, &object);
		if (r == 0)
			r = each(arg, &object);
		if (r < 0)
			return r;
		at = stop;
	}
	return 0;
}
