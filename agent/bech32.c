/*
 * bech32.c - text with a checksum (BIP-173), without its limit on the length.
 *
 * Reads text that a person typed or pasted and writes bytes, or the reverse.
 * Nothing is guessed or corrected: text that is wrong in any way is refused.
 */
#include "bech32.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define CHECKSUM_LEN 6

static const char charset[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static uint32_t checksum_add(uint32_t sum, uint8_t value)
{
	static const uint32_t generator[5] = {
		0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3,
	};
	uint32_t top = sum >> 25;

	sum = (sum & 0x1ffffff) << 5 ^ value;
	for (unsigned i = 0; i < 5; i++)
		if (top >> i & 1)
			sum ^= generator[i];
	return sum;
}

static uint8_t to_lower(char c)
{
	return (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static uint32_t checksum_hrp(const char *hrp, size_t len)
{
	uint32_t sum = 1;

	for (size_t i = 0; i < len; i++)
		sum = checksum_add(sum, to_lower(hrp[i]) >> 5);
	sum = checksum_add(sum, 0);
	for (size_t i = 0; i < len; i++)
		sum = checksum_add(sum, to_lower(hrp[i]) & 31);
	return sum;
}

/* Value of a character of the data part, or -1. */
static int symbol_value(char c)
{
	const char *at;

	if (c == '\0')
		return -1;
	at = strchr(charset, to_lower(c));
	return at == NULL ? -1 : (int)(at - charset);
}

int bech32_encode(const char *hrp, const uint8_t *data, size_t len, char *ret,
		  size_t cap)
{
	size_t hrp_len = strlen(hrp);
	uint32_t sum = checksum_hrp(hrp, hrp_len);
	uint32_t bits = 0;
	unsigned have = 0;
	char *out = ret;

	if (hrp_len == 0)
		return -EINVAL;
	if (len > SIZE_MAX / 16 || cap < BECH32_TEXT_MAX(hrp_len, len))
		return -ENOBUFS;
	for (size_t i = 0; i < hrp_len; i++) {
		if (hrp[i] < 33 || hrp[i] > 126)
			return -EINVAL;
		*out++ = (char)to_lower(hrp[i]);
	}
	*out++ = '1';
	for (size_t i = 0; i < len || have > 0;) {
		uint8_t value;

		if (have < 5 && i < len) {
			bits = (bits << 8 | data[i++]) & 0xfff;
			have += 8;
		} else if (have < 5) {
			bits <<= 5 - have;
			have = 5;
		}
		have -= 5;
		value = bits >> have & 31;
		sum = checksum_add(sum, value);
		*out++ = charset[value];
	}
	for (unsigned i = 0; i < CHECKSUM_LEN; i++)
		sum = checksum_add(sum, 0);
	sum ^= 1;
	for (unsigned i = 0; i < CHECKSUM_LEN; i++)
		*out++ = charset[sum >> (5 * (5 - i)) & 31];
	*out = '\0';
	return 0;
}

/* Are all characters allowed, in one case only? */
static int check_characters(const char *text, size_t len)
{
	bool upper = false, lower = false;

	for (size_t i = 0; i < len; i++) {
		if (text[i] < 33 || text[i] > 126)
			return -EILSEQ;
		upper |= text[i] >= 'A' && text[i] <= 'Z';
		lower |= text[i] >= 'a' && text[i] <= 'z';
	}
	return upper && lower ? -EPROTOTYPE : 0;
}

/* Regroup the ${count} characters of the data part into bytes. */
static int to_bytes(const char *symbols, size_t count, uint8_t *data, size_t cap,
		    size_t *ret_len)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t len = 0;

	for (size_t i = 0; i < count; i++) {
		bits = (bits << 5 | (uint32_t)symbol_value(symbols[i])) & 0xfff;
		have += 5;
		if (have < 8)
			continue;
		have -= 8;
		if (len == cap)
			return -ENOBUFS;
		data[len++] = (uint8_t)(bits >> have);
	}
	if (have >= 5 || (bits & ((1u << have) - 1)) != 0)
		return -EPROTO;
	*ret_len = len;
	return 0;
}

int bech32_decode(const char *text, size_t len, uint8_t *data, size_t cap,
		  struct bech32 *ret)
{
	const char *separator = memrchr(text, '1', len);
	int r = check_characters(text, len);
	size_t count;
	uint32_t sum;

	if (r < 0)
		return r;
	if (separator == NULL || separator == text)
		return -EINVAL;
	ret->hrp = text;
	ret->hrp_len = (size_t)(separator - text);
	count = len - ret->hrp_len - 1;
	if (count < CHECKSUM_LEN)
		return -EINVAL;
	sum = checksum_hrp(text, ret->hrp_len);
	for (size_t i = 0; i < count; i++) {
		int value = symbol_value(separator[1 + i]);

		if (value < 0)
			return -EILSEQ;
		sum = checksum_add(sum, (uint8_t)value);
	}
	if (sum != 1)
		return -EBADMSG;
	return to_bytes(separator + 1, count - CHECKSUM_LEN, data, cap, &ret->len);
}

const char *bech32_error(int error)
{
	switch (error) {
	case -EILSEQ:
		return "it has a character that does not belong there";
	case -EPROTOTYPE:
		return "it mixes upper and lower case";
	case -EINVAL:
		return "it is cut short or has no prefix";
	case -EBADMSG:
		return "its checksum is wrong: a character was changed or lost";
	case -EPROTO:
		return "its length is wrong";
	case -ENOBUFS:
		return "it is too long";
	default:
		return "it cannot be read";
	}
}
