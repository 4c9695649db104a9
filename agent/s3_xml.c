/*
 * s3_xml.c - the little of XML that S3's answers need.
 *
 * Documents come from outside: they are searched within their bounds, and of
 * their texts only printable ASCII is kept.
 */
#include "s3_xml.h"

#include <stdio.h>
#include <string.h>

#include "scope.h"

const char *s3_xml_find(const char *from, const char *end, const char *what)
{
	return from == NULL ? NULL :
	       memmem(from, (size_t)(end - from), what, strlen(what));
}

/* The character that begins at ${p}, of the five entities of XML; moves ${p} on. */
static char character(const char **p, const char *end)
{
	static const struct {
		const char *name;
		char c;
	} entities[] = {
		{ "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' },
		{ "&quot;", '"' }, { "&apos;", '\'' },
	};
	char c = **p;

	for (size_t i = 0; i < ARRAY_LEN(entities); i++) {
		size_t len = strlen(entities[i].name);

		if ((size_t)(end - *p) >= len && memcmp(*p, entities[i].name, len) == 0) {
			*p += len;
			return entities[i].c;
		}
	}
	(*p)++;
	if (c == '\n' || c == '\r' || c == '\t')
		return ' ';
	return c >= ' ' && c <= '~' ? c : '?';
}

void s3_xml_text(char *ret, size_t cap, const char *from, const char *end, const char *tag)
{
	char open[40], close[40];
	const char *p, *stop;
	size_t n = 0;

	(void)snprintf(open, sizeof(open), "<%s>", tag);
	(void)snprintf(close, sizeof(close), "</%s>", tag);
	p = s3_xml_find(from, end, open);
	if (p != NULL)
		p += strlen(open);
	stop = s3_xml_find(p, end, close);
	while (stop != NULL && p < stop && n + 1 < cap)
		ret[n++] = character(&p, stop);
	ret[n] = '\0';
}
