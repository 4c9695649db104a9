/*
 * sums.c - SHA256SUMS, the list of digests that `sha256sum -c` reads.
 *
 * Writes text into memory: 66 characters and the name for each file.  A name
 * with a backslash or a line end is escaped and its line marked with a
 * backslash, as GNU coreutils does.
 */
#include "sums.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

int sums_open(struct sums *s)
{
	s->len = 0;
	s->cap = 4096;
	s->text = malloc(s->cap);
	return s->text == NULL ? -ENOMEM : 0;
}

void sums_close(struct sums *s)
{
	free(s->text);
	memset(s, 0, sizeof(*s));
}

int sums_add(struct sums *s, const uint8_t digest[DIGEST_BYTES], const char *path)
{
	size_t need = s->len + DIGEST_HEX + 2 * strlen(path) + 4;

	if (need > s->cap) {
		char *grown = realloc(s->text, 2 * need);

		if (grown == NULL)
			return -ENOMEM;
		s->text = grown;
		s->cap = 2 * need;
	}
	if (strpbrk(path, "\\\n\r") != NULL)
		s->text[s->len++] = '\\';
	parse_to_hex(s->text + s->len, digest, DIGEST_BYTES);
	s->len += DIGEST_HEX - 1;
	s->text[s->len++] = ' ';
	s->text[s->len++] = ' ';
	for (; *path != '\0'; path++) {
		char escape = *path == '\\' ? '\\' : *path == '\n' ? 'n' :
			      *path == '\r' ? 'r' : '\0';

		if (escape != '\0')
			s->text[s->len++] = '\\';
		s->text[s->len++] = escape != '\0' ? escape : *path;
	}
	s->text[s->len++] = '\n';
	return 0;
}

int sums_compare(const struct sums *s, const char *list, size_t len, char *ret,
		 size_t cap)
{
	size_t line = 0, at = 0, shorter = len < s->len ? len : s->len;
	const char *text = list;
	const char *end;

	while (at < shorter && list[at] == s->text[at])
		if (list[at++] == '\n')
			line = at;
	if (at == len && at == s->len)
		return 0;
	if (line == len) {
		text = s->text;
		len = s->len;
	}
	end = memchr(text + line, '\n', len - line);
	if (end != NULL)
		len = (size_t)(end - text);
	(void)snprintf(ret, cap, "%.*s", (int)(len - line), text + line);
	return -EBADMSG;
}
