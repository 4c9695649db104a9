/*
 * fields.c - the parts of a line of a configuration file.
 */
#include "fields.h"

#include <string.h>

#include "parse.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

size_t fields_split(const char *line, size_t len, char sep, struct field *ret, size_t max)
{
	size_t n = 0, at = 0;

	while (n < max) {
		const char *end = n + 1 < max ? memchr(line + at, sep, len - at) : NULL;
		size_t stop = end != NULL ? (size_t)(end - line) : len;

		ret[n++] = (struct field){ line + at, stop - at };
		if (end == NULL)
			break;
		at = stop + 1;
	}
	return n;
}

size_t fields_words(const char *line, size_t len, struct field *ret, size_t max)
{
	struct field rest = fields_trim((struct field){ line, len });
	size_t n = 0;

	while (rest.len > 0 && n < max) {
		size_t word = 0;

		while (word < rest.len && !is_blank(rest.text[word]))
			word++;
		if (n + 1 == max)
			word = rest.len;
		ret[n++] = (struct field){ rest.text, word };
		rest = fields_trim((struct field){ rest.text + word, rest.len - word });
	}
	return n;
}

struct field fields_trim(struct field f)
{
	while (f.len > 0 && is_blank(f.text[0])) {
		f.text++;
		f.len--;
	}
	while (f.len > 0 && is_blank(f.text[f.len - 1]))
		f.len--;
	return f;
}

bool fields_assignment(const char *line, size_t len, char sep, struct field *name,
		       struct field *value)
{
	const char *sign = memchr(line, sep, len);
	size_t at;

	if (sign == NULL)
		return false;
	at = (size_t)(sign - line);
	*name = fields_trim((struct field){ line, at });
	*value = fields_trim((struct field){ sign + 1, len - at - 1 });
	return true;
}

bool fields_equal(struct field f, const char *text)
{
	return f.len == strlen(text) && memcmp(f.text, text, f.len) == 0;
}

bool fields_begin(struct field f, const char *text)
{
	return f.len >= strlen(text) && memcmp(f.text, text, strlen(text)) == 0;
}

bool fields_number(struct field f, int64_t *ret)
{
	bool minus = f.len > 0 && f.text[0] == '-';
	uint64_t v;

	if (parse_u64(f.text + minus, f.len - minus, 10, &v) < 0 || v > INT64_MAX)
		return false;
	*ret = minus ? -(int64_t)v : (int64_t)v;
	return true;
}
