/*
 * quote.c - bytes of a hostile source, made fit for a terminal or a log.
 *
 * Reads any bytes; writes text that moves no cursor, sets no title, reverses no
 * reading direction and has no line break in it.
 */
#include "quote.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"

#define ESCAPED 4 /* characters of \xNN */

/* May the UTF-8 character of ${len} bytes at ${p} be shown as it is? */
static bool is_plain(const uint8_t *p, size_t len)
{
	uint32_t c;

	if (len == 0)
		return false;
	if (len == 1)
		return *p >= ' ' && *p < 0x7f && *p != '\\';
	if (len == 2)
		return *p != 0xc2 || p[1] >= 0xa0; /* C1 controls */
	if (len != 3)
		return p[0] != 0xf3; /* tags and variation selectors */
	c = (*p & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	return !((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
		 (c >= 0x2060 && c <= 0x206f) || c == 0xfeff);
}

const char *quote(char *ret, size_t cap, const void *bytes, size_t len)
{
	const uint8_t *p = bytes, *end = p + len;
	size_t out = 0, fits = 0;

	while (p < end) {
		size_t n = parse_utf8(p, (size_t)(end - p));
		bool plain = is_plain(p, n);
		size_t need = plain ? n : *p == '\\' ? 2 : ESCAPED;

		if (out + need >= cap) {
			memcpy(ret + fits, "...", 4);
			return ret;
		}
		if (plain)
			memcpy(ret + out, p, n);
		else if (*p == '\\')
			memcpy(ret + out, "\\\\", 2);
		else
			(void)snprintf(ret + out, cap - out, "\\x%02x", *p);
		p += plain ? n : 1;
		out += need;
		if (out + 3 < cap)
			fits = out;
	}
	ret[out] = '\0';
	return ret;
}

const char *quote_text(char *ret, size_t cap, const char *text)
{
	return quote(ret, cap, text, strlen(text));
}
