/*
 * parse.c - numbers and units out of text; strict, no locale, no I/O.
 */
#include "parse.h"

#include <errno.h>
#include <string.h>

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

int parse_u64(const char *text, size_t len, unsigned base, uint64_t *ret)
{
	uint64_t v = 0;

	if (len == 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		unsigned d = (unsigned)digit_of(text[i]);

		if (d >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(v, (uint64_t)base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)d, &v))
			return -ERANGE;
	}
	*ret = v;
	return 0;
}

int parse_dec(const char *text, uint64_t *ret)
{
	return parse_u64(text, strlen(text), 10, ret);
}

pid_t parse_pid(const char *name)
{
	uint64_t v;

	if (name[0] == '0' || parse_dec(name, &v) < 0 || v > INT32_MAX)
		return 0;
	return (pid_t)v;
}

/* A number with one optional suffix letter; its meaning is ${units}' row. */
struct unit {
	char letter;
	uint64_t factor;
};

static int parse_with_unit(const char *text, const struct unit *units,
			   uint64_t *ret)
{
	size_t len = strlen(text);
	uint64_t factor = 1, v;
	int r;

	if (len > 0 && digit_of(text[len - 1]) > 9) {
		while (units->letter != '\0' && units->letter != text[len - 1])
			units++;
		if (units->letter == '\0')
			return -EINVAL;
		factor = units->factor;
		len--;
	}
	r = parse_u64(text, len, 10, &v);
	if (r < 0)
		return r;
	if (__builtin_mul_overflow(v, factor, ret))
		return -ERANGE;
	return 0;
}

int parse_size(const char *text, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{ 'K', 1ull << 10 }, { 'k', 1ull << 10 }, { 'M', 1ull << 20 },
		{ 'm', 1ull << 20 }, { 'G', 1ull << 30 }, { 'g', 1ull << 30 },
		{ '\0', 0 },
	};

	return parse_with_unit(text, units, ret_bytes);
}

int parse_duration(const char *text, uint64_t *ret_s)
{
	static const struct unit units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { '\0', 0 },
	};

	return parse_with_unit(text, units, ret_s);
}

void parse_to_hex(char *ret, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret[2 * len] = '\0';
}

size_t parse_utf8(const uint8_t *p, size_t len)
{
	/* RFC 3629: the second byte's range rules out overlong forms,
	 * surrogates and what lies past U+10FFFF. */
	uint8_t low = 0x80, high = 0xbf;
	size_t n;

	if (len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (n > len || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool parse_is_utf8(const void *text, size_t len)
{
	const uint8_t *p = text;

	while (len > 0) {
		size_t n = parse_utf8(p, len);

		if (n == 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}
