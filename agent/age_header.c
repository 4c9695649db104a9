/*
 * age_header.c - the text header of an age file.
 *
 * Reads memory; nothing is trusted before the caller has checked the MAC.  The
 * format has one form for each header, and any other is refused: LF only,
 * canonical base64, bodies wrapped at 64 columns.
 */
#include "age_header.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base64.h"

#define VERSION "age-encryption.org/v1\n"
#define COLUMNS 64
#define LINE_BYTES (COLUMNS / 4 * 3)

/* The next line without its LF; ${h->at} moves behind it. */
static int take_line(struct age_header *h, const char **ret, size_t *ret_len)
{
	const char *newline = memchr(h->at, '\n', (size_t)(h->end - h->at));

	if (newline == NULL)
		return -EINVAL;
	*ret = h->at;
	*ret_len = (size_t)(newline - h->at);
	h->at = newline + 1;
	return 0;
}

int age_header_open(struct age_header *h, const void *data, size_t len)
{
	memset(h, 0, sizeof(*h));
	h->start = data;
	h->at = data;
	h->end = h->start + (len < AGE_HEADER_MAX ? len : AGE_HEADER_MAX);
	if (len < strlen(VERSION) || memcmp(data, VERSION, strlen(VERSION)) != 0)
		return -EINVAL;
	h->at += strlen(VERSION);
	return 0;
}

/* Words of visible characters with one blank between. */
static int parse_args(const char *text, size_t len, struct age_stanza *ret)
{
	const char *end = text + len;

	for (;;) {
		const char *blank = memchr(text, ' ', (size_t)(end - text));
		const char *stop = blank == NULL ? end : blank;

		if (stop == text)
			return -EINVAL;
		for (const char *c = text; c < stop; c++)
			if (*c < 33 || *c > 126)
				return -EINVAL;
		if (ret->arg_count < AGE_HEADER_ARGS_MAX) {
			ret->args[ret->arg_count].text = text;
			ret->args[ret->arg_count].len = (size_t)(stop - text);
		}
		ret->arg_count++;
		if (blank == NULL)
			return 0;
		text = blank + 1;
	}
}

/* Lines of 64 columns and one that is shorter, perhaps empty. */
static int parse_body(struct age_header *h, struct age_stanza *ret)
{
	uint8_t bytes[LINE_BYTES];
	const char *line;
	size_t len, got, keep;

	do {
		if (take_line(h, &line, &len) < 0 || len > COLUMNS)
			return -EINVAL;
		got = len * 3 / 4;
		if (base64_decode(line, len, false, bytes, got) < 0)
			return -EINVAL;
		if (ret->body_len < sizeof(ret->body)) {
			keep = sizeof(ret->body) - ret->body_len;
			memcpy(ret->body + ret->body_len, bytes, got < keep ? got : keep);
		}
		ret->body_len += got;
	} while (len == COLUMNS);
	return 0;
}

int age_header_next(struct age_header *h, struct age_stanza *ret)
{
	const char *line;
	size_t len;

	if (take_line(h, &line, &len) < 0)
		return -EINVAL;
	if (len > 4 && memcmp(line, "--- ", 4) == 0) {
		h->mac_len = (size_t)(line + 3 - h->start);
		return base64_decode(line + 4, len - 4, false, h->mac, sizeof(h->mac));
	}
	if (len < 3 || memcmp(line, "-> ", 3) != 0 ||
	    ++h->stanzas > AGE_HEADER_STANZAS_MAX)
		return -EINVAL;
	memset(ret, 0, sizeof(*ret));
	if (parse_args(line + 3, len - 3, ret) < 0 || parse_body(h, ret) < 0)
		return -EINVAL;
	return 1;
}
