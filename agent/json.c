/*
 * json.c - writing JSON into a buffer.
 *
 * Host text is bytes.  What is not UTF-8 is shown with U+FFFD and kept exactly
 * in base64 beside it, so no record can be broken or made ambiguous by a name.
 */
#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "parse.h"

static void put(struct json *j, const void *data, size_t len)
{
	if (j->error == 0)
		j->error = buf_add(j->out, data, len);
}

static void put_text(struct json *j, const char *text)
{
	put(j, text, strlen(text));
}

/* Comma and key, before any value. */
static void lead(struct json *j, const char *key)
{
	if (j->comma)
		put(j, ",", 1);
	if (key != NULL) {
		put(j, "\"", 1);
		put_text(j, key);
		put(j, "\":", 2);
	}
	j->comma = true;
}

void json_open(struct json *j, struct buf *out)
{
	*j = (struct json){ .out = out };
}

static void nest(struct json *j, const char *key, const char *mark)
{
	lead(j, key);
	put(j, mark, 1);
	j->comma = false;
}

static void unnest(struct json *j, const char *mark)
{
	put(j, mark, 1);
	j->comma = true;
}

void json_object(struct json *j, const char *key)
{
	nest(j, key, "{");
}

void json_object_end(struct json *j)
{
	unnest(j, "}");
}

void json_array(struct json *j, const char *key)
{
	nest(j, key, "[");
}

void json_array_end(struct json *j)
{
	unnest(j, "]");
}

void json_u64(struct json *j, const char *key, uint64_t v)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, v);
	lead(j, key);
	put_text(j, text);
}

void json_i64(struct json *j, const char *key, int64_t v)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, v);
	lead(j, key);
	put_text(j, text);
}

void json_hex(struct json *j, const char *key, uint64_t v)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "\"0x%" PRIx64 "\"", v);
	lead(j, key);
	put_text(j, text);
}

void json_bool(struct json *j, const char *key, bool v)
{
	lead(j, key);
	put_text(j, v ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
	lead(j, key);
	put_text(j, "null");
}

void json_raw(struct json *j, const char *key, const char *text, size_t len)
{
	lead(j, key);
	put(j, text, len);
}

void json_str(struct json *j, const char *key, const char *text)
{
	if (text == NULL)
		json_null(j, key);
	else
		json_bytes(j, key, text, strlen(text));
}

/* One character as JSON wants it; DEL and C1 are escaped for the terminal's sake. */
static void put_char(struct json *j, const uint8_t *p, size_t n)
{
	char esc[8];

	if (n == 1 && (p[0] == '"' || p[0] == '\\')) {
		esc[0] = '\\';
		esc[1] = (char)p[0];
		put(j, esc, 2);
	} else if (n == 1 && (p[0] < 0x20 || p[0] == 0x7f)) {
		(void)snprintf(esc, sizeof(esc), "\\u%04x", p[0]);
		put(j, esc, 6);
	} else if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0) {
		(void)snprintf(esc, sizeof(esc), "\\u%04x", p[1]);
		put(j, esc, 6);
	} else {
		put(j, p, n);
	}
}

/* The string value; true when every byte was valid. */
static bool put_string(struct json *j, const uint8_t *p, size_t len)
{
	bool whole = true;

	put(j, "\"", 1);
	while (len > 0) {
		size_t n = parse_utf8(p, len);

		if (n == 0) {
			put(j, "\xef\xbf\xbd", 3);
			whole = false;
			n = 1;
		} else {
			put_char(j, p, n);
		}
		p += n;
		len -= n;
	}
	put(j, "\"", 1);
	return whole;
}

static void put_base64(struct json *j, const uint8_t *p, size_t len)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789+/";

	put(j, "\"", 1);
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)p[i] << 16;
		char quad[4];

		if (n > 1)
			v |= (uint32_t)p[i + 1] << 8;
		if (n > 2)
			v |= p[i + 2];
		quad[0] = set[v >> 18];
		quad[1] = set[v >> 12 & 63];
		quad[2] = n > 1 ? set[v >> 6 & 63] : '=';
		quad[3] = n > 2 ? set[v & 63] : '=';
		put(j, quad, 4);
	}
	put(j, "\"", 1);
}

void json_bytes(struct json *j, const char *key, const void *data, size_t len)
{
	lead(j, key);
	if (put_string(j, data, len) || key == NULL)
		return;
	put(j, ",\"", 2);
	put_text(j, key);
	put(j, "_b64\":", 6);
	put_base64(j, data, len);
}

void json_base64(struct json *j, const char *key, const void *data, size_t len)
{
	lead(j, key);
	put_base64(j, data, len);
}

int json_end(struct json *j)
{
	return j->error;
}
