/*
 * signer.c - the option --signer.
 *
 * Reads a file of the responder's, at most 64 KiB of it.  Where that is saved
 * output of evac collect, other lines may stand around the one that counts.
 */
#include "signer.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "io.h"
#include "scope.h"

#define FILE_MAX (64u << 10)

/* The key in the line "{"evac":...,"public_key":"RW..."...}" of ${text}; NULL: there is none. */
static const char *find_key(const char *text)
{
	static const char begin[] = "{\"evac\":\"", name[] = "\"public_key\":\"";
	const char *line, *end, *at;

	for (line = text; line != NULL; line = *end == '\n' ? end + 1 : NULL) {
		end = line + strcspn(line, "\n");
		if (strncmp(line, begin, sizeof(begin) - 1) != 0)
			continue;
		at = strstr(line, name);
		if (at == NULL || at > end)
			continue;
		at += sizeof(name) - 1;
		if (strcspn(at, "\"\n") == MINISIGN_PUBLIC_TEXT - 1)
			return at;
	}
	return NULL;
}

int signer_set(void *at, const char *value, char error[CLI_ERROR_MAX])
{
	struct signer *s = at;
	char why[MINISIGN_ERROR_MAX] = "";
	const char *key = NULL;
	AUTO_FREE void *text = NULL;
	size_t len;
	int r;

	if (io_load(AT_FDCWD, value, FILE_MAX, &text, &len) == 0)
		key = find_key(text);
	r = key != NULL ? minisign_parse_public(key, MINISIGN_PUBLIC_TEXT - 1, &s->key, why) :
			  minisign_load_public(value, &s->key, why);
	s->given = r == 0;
	(void)snprintf(error, CLI_ERROR_MAX, "%s", why);
	return r;
}

const struct minisign_public *signer_key(const struct signer *s)
{
	return s->given ? &s->key : NULL;
}
