/* bech32 against the strings that BIP-173 publishes, and damaged ones. */
#include "bech32.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Copies of exact size, so that a sanitizer sees a read past the end. */
static int decode(const char *text, size_t len, uint8_t *data, size_t cap,
		  struct bech32 *b)
{
	char *copy = malloc(len == 0 ? 1 : len);
	int r;

	if (copy == NULL)
		abort();
	memcpy(copy, text, len);
	r = bech32_decode(copy, len, data, cap, b);
	free(copy);
	return r;
}

/* Valid by BIP-173; the last is more than bytes: its bits are no padding. */
static void test_valid(void)
{
	static const struct {
		const char *text;
		size_t hrp_len, len;
		int error;
	} valid[] = {
		{ "A12UEL5L", 1, 0, 0 },
		{ "a12uel5l", 1, 0, 0 },
		{ "an83characterlonghumanreadablepartthatcontainsthenumber1andthe"
		  "excludedcharactersbio1tt5tgs", 83, 0, 0 },
		{ "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", 6, 20, 0 },
		{ "11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"
		  "qqqqqqqqqqqqqqqqqqc8247j", 1, 51, 0 },
		{ "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w", 5, 30, 0 },
		{ "?1ezyfcl", 1, 0, 0 },
	};

	for (size_t i = 0; i < COUNT(valid); i++) {
		uint8_t data[128];
		struct bech32 b = { .len = 0 };
		int r = decode(valid[i].text, strlen(valid[i].text), data, sizeof(data), &b);

		CHECK(r == valid[i].error && b.hrp_len == valid[i].hrp_len &&
		      b.len == valid[i].len, "valid: %s (%d, %zu)", valid[i].text, r, b.len);
	}
}

static void test_invalid(void)
{
	static const struct {
		const char *text;
		int error;
		const char *why;
	} invalid[] = {
		{ "\x20" "1nwldj5", -EILSEQ, "character below 33 in the prefix" },
		{ "\x7f" "1axkwrx", -EILSEQ, "character above 126 in the prefix" },
		{ "\x80" "1eym55h", -EILSEQ, "character that is not ASCII" },
		{ "pzry9x0s0muk", -EINVAL, "no separator" },
		{ "1pzry9x0s0muk", -EINVAL, "empty prefix" },
		{ "x1b4n0q5v", -EILSEQ, "character that is not in the alphabet" },
		{ "li1dgmt3", -EINVAL, "too short a checksum" },
		{ "de1lg7wt\xff", -EILSEQ, "bad character in the checksum" },
		{ "A1G7SGD8", -EBADMSG, "checksum made with an upper-case prefix" },
		{ "10a06t8", -EINVAL, "empty prefix, checksum only" },
		{ "1qzzfhee", -EINVAL, "empty prefix, checksum right" },
		{ "a12UEL5L", -EPROTOTYPE, "mixed case" },
		{ "A12uEL5L", -EPROTOTYPE, "mixed case in the data" },
		{ "a12uel5m", -EBADMSG, "wrong checksum" },
		{ "", -EINVAL, "nothing" },
		{ "1", -EINVAL, "only a separator" },
	};

	for (size_t i = 0; i < COUNT(invalid); i++) {
		uint8_t data[64];
		struct bech32 b;
		int r = decode(invalid[i].text, strlen(invalid[i].text), data,
			       sizeof(data), &b);

		CHECK(r == invalid[i].error, "invalid: %s (%d)", invalid[i].why, r);
	}
}

/* Each single character of a text, changed: BIP-173 promises to see it. */
static void test_changes(void)
{
	static const uint8_t bytes[32] = { 1, 2, 3, 250, 251, 252 };
	static const char symbols[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
	char text[BECH32_TEXT_MAX(3, 32)];
	unsigned seen = 0, tried = 0;

	(void)bech32_encode("age", bytes, sizeof(bytes), text, sizeof(text));
	for (size_t i = 4; i < strlen(text); i++) {
		char was = text[i];

		for (const char *c = symbols; *c != '\0'; c++) {
			uint8_t data[32];
			struct bech32 b;

			if (*c == was)
				continue;
			text[i] = *c;
			tried++;
			seen += decode(text, strlen(text), data, sizeof(data), &b) == -EBADMSG;
		}
		text[i] = was;
	}
	CHECK(tried == 58 * 31 && seen == tried, "%u of %u changed characters seen", seen,
	      tried);
}

static void test_round(void)
{
	uint8_t bytes[200], back[200];
	char text[BECH32_TEXT_MAX(4, 200)];
	bool same = true;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		struct bech32 b;

		same &= bech32_encode("test", bytes, len, text, sizeof(text)) == 0 &&
			strlen(text) + 1 == BECH32_TEXT_MAX(4, len) &&
			decode(text, strlen(text), back, len, &b) == 0 &&
			b.len == len && memcmp(bytes, back, len) == 0;
	}
	CHECK(same, "0 to 200 bytes come back, past BIP-173's 90 characters");
}

static void test_bounds(void)
{
	uint8_t data[32];
	char text[64];
	struct bech32 b;

	CHECK(bech32_encode("age", data, 32, text, 62) == -ENOBUFS, "a small buffer is seen");
	CHECK(bech32_encode("", data, 32, text, 64) == -EINVAL, "an empty prefix is refused");
	CHECK(bech32_encode("a b", data, 2, text, 64) == -EINVAL, "a blank is refused");
	CHECK(decode("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", 45, data, 19, &b) ==
	      -ENOBUFS, "more bytes than fit are refused");
	/* "q" is 5 bits: not a byte, so these are left over. */
	CHECK(decode("a1qqc5z3", 8, data, 32, &b) < 0, "left-over bits are refused");
}

int main(void)
{
	test_valid();
	test_invalid();
	test_changes();
	test_round();
	test_bounds();
	return CHECK_DONE();
}
