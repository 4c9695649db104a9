/*
 * comment.c - the trusted comment of an evac signature.
 *
 * Reads and writes one line of text.  Every text has one form only: it is
 * parsed loosely and then compared with what would be written for it.
 */
#include "comment.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"

static bool is_word(const char *word)
{
	if (*word == '\0')
		return false;
	for (; *word != '\0'; word++)
		if (*word <= ' ' || *word > '~')
			return false;
	return true;
}

int comment_build(const struct comment *c, char ret[COMMENT_TEXT_MAX])
{
	char segment[32] = "", utc[32];
	struct tm tm;
	int n;

	if (!is_word(c->collection) || !is_word(c->name) || c->utc < 0 ||
	    gmtime_r(&c->utc, &tm) == NULL || tm.tm_year > 9999 - 1900)
		return -EINVAL;
	if (strftime(utc, sizeof(utc), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return -EINVAL;
	if (c->is_segment)
		(void)snprintf(segment, sizeof(segment), "segment=%u ", c->segment);
	n = snprintf(ret, COMMENT_TEXT_MAX,
		     "evac collection=%s %sname=%s size=%" PRIu64 " utc=%s",
		     c->collection, segment, c->name, c->size, utc);
	return n < 0 || n >= COMMENT_TEXT_MAX ? -EINVAL : 0;
}

/* Copy the word after ${key} up to the next blank; ${at} moves behind both. */
static int take(const char **at, const char *key, char *ret, size_t cap)
{
	size_t skip = strlen(key), len;

	if (strncmp(*at, key, skip) != 0)
		return -EINVAL;
	*at += skip;
	len = strcspn(*at, " ");
	if (len == 0 || len >= cap)
		return -EINVAL;
	memcpy(ret, *at, len);
	ret[len] = '\0';
	*at += len + ((*at)[len] == ' ');
	return 0;
}

static int take_number(const char **at, const char *key, uint64_t *ret)
{
	char word[24];
	int r = take(at, key, word, sizeof(word));

	return r < 0 ? r : parse_dec(word, ret);
}

int comment_parse(const char *text, struct comment *ret)
{
	char utc[32], again[COMMENT_TEXT_MAX];
	const char *at = text;
	uint64_t number = 0;
	struct tm tm = { 0 };
	int r;

	memset(ret, 0, sizeof(*ret));
	r = take(&at, "evac collection=", ret->collection, sizeof(ret->collection));
	if (r < 0)
		return -EINVAL;
	ret->is_segment = strncmp(at, "segment=", 8) == 0;
	if (ret->is_segment && take_number(&at, "segment=", &number) < 0)
		return -EINVAL;
	if (number > UINT_MAX || take(&at, "name=", ret->name, sizeof(ret->name)) < 0 ||
	    take_number(&at, "size=", &ret->size) < 0 ||
	    take(&at, "utc=", utc, sizeof(utc)) < 0)
		return -EINVAL;
	ret->segment = (unsigned)number;
	if (strptime(utc, "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL)
		return -EINVAL;
	ret->utc = timegm(&tm);
	r = comment_build(ret, again);
	return r < 0 || strcmp(text, again) != 0 ? -EINVAL : 0;
}
