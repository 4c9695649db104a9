/*
 * test_parse.c - numbers, units and UTF-8 out of text, and JSON into a buffer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "buf.h"
#include "check.h"
#include "json.h"
#include "parse.h"
#include "scope.h"

static void test_numbers(void)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "0x1", "1a", "\xb2" };
	uint64_t v = 7;

	CHECK(parse_dec("0", &v) == 0 && v == 0, "0");
	CHECK(parse_dec("18446744073709551615", &v) == 0 && v == UINT64_MAX, "the largest");
	CHECK(parse_dec("18446744073709551616", &v) == -ERANGE, "one more is too many");
	CHECK(parse_dec("99999999999999999999", &v) == -ERANGE, "and so is this");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(parse_dec(bad[i], &v) == -EINVAL, "bad number %zu", i);
	CHECK(parse_u64("fFff0000zz", 8, 16, &v) == 0 && v == 0xffff0000u, "base 16");
	CHECK(parse_u64("10000000000000000", 17, 16, &v) == -ERANGE, "past 64 bits");
	CHECK(parse_u64("g", 1, 16, &v) == -EINVAL, "g is no digit");
	CHECK(parse_u64("1\0002", 3, 10, &v) == -EINVAL, "nor is a NUL");
}

static void test_pids(void)
{
	CHECK(parse_pid("1") == 1 && parse_pid("4194304") == 4194304, "pids");
	CHECK(parse_pid("2147483647") == 2147483647 && parse_pid("2147483648") == 0,
	      "up to 31 bits");
	CHECK(parse_pid("") == 0 && parse_pid("0") == 0 && parse_pid("01") == 0 &&
	      parse_pid("self") == 0 && parse_pid("1x") == 0 && parse_pid("-1") == 0,
	      "and other names are none");
}

static void test_units(void)
{
	static const char *const bad[] = { "", "K", "1T", "1KK", "1.5M", "M1", "1 M", "-1M" };
	uint64_t v;

	CHECK(parse_size("4096", &v) == 0 && v == 4096, "bytes");
	CHECK(parse_size("64k", &v) == 0 && v == 65536, "64k");
	CHECK(parse_size("16M", &v) == 0 && v == 16u << 20, "16M");
	CHECK(parse_size("2G", &v) == 0 && v == 2ull << 30, "2G");
	CHECK(parse_size("17179869184G", &v) == -ERANGE, "too many G");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(parse_size(bad[i], &v) == -EINVAL, "bad size '%s'", bad[i]);
	CHECK(parse_duration("90", &v) == 0 && v == 90, "seconds");
	CHECK(parse_duration("90s", &v) == 0 && v == 90, "90s");
	CHECK(parse_duration("10m", &v) == 0 && v == 600, "10m");
	CHECK(parse_duration("2h", &v) == 0 && v == 7200, "2h");
	CHECK(parse_duration("2d", &v) == -EINVAL && parse_duration("M", &v) == -EINVAL,
	      "bad durations");
}

static void test_utf8(void)
{
	static const struct { const char *text; size_t len; } bad[] = {
		{ "\x80", 1 }, { "\xc0\x80", 2 }, { "\xc1\xbf", 2 }, { "\xc3", 1 },
		{ "\xc3(", 2 }, { "\xe0\x9f\xbf", 3 }, { "\xed\xa0\x80", 3 },
		{ "\xe2\x82", 2 }, { "\xf0\x8f\xbf\xbf", 4 }, { "\xf4\x90\x80\x80", 4 },
		{ "\xf5\x80\x80\x80", 4 }, { "\xff", 1 }, { "\xf0\x9f\x98", 3 },
	};
	static const char good[] = "a\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"
				   "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf";

	CHECK(parse_is_utf8(good, sizeof(good)), "the limits of each length, and NUL");
	CHECK(parse_is_utf8("", 0), "nothing is valid");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!parse_is_utf8(bad[i].text, bad[i].len), "bad sequence %zu", i);
}

static void test_hex(void)
{
	char hex[9];

	parse_to_hex(hex, (const uint8_t *)"\x00\x9f\xa0\xff", 4);
	CHECK(strcmp(hex, "009fa0ff") == 0, "hex is %s", hex);
}

/* What is written is read by another's parser, and compared. */
static void test_json_whole(void)
{
	static const char host[] = "q\"b\\ \n\t\x01\x7f\xc2\x85 \xe2\x98\xa0";
	struct buf b;
	struct json j;
	yyjson_doc *doc;
	yyjson_val *root, *list;

	CHECK(buf_open(&b, 4096) == 0, "room");
	json_open(&j, &b);
	json_object(&j, NULL);
	json_u64(&j, "u", UINT64_MAX);
	json_i64(&j, "i", INT64_MIN);
	json_bool(&j, "t", true);
	json_null(&j, "n");
	json_hex(&j, "h", 0xdeadbeef);
	json_str(&j, "no", NULL);
	json_bytes(&j, "host", host, sizeof(host)); /* with its NUL */
	json_array(&j, "list");
	json_array_end(&j);
	json_array(&j, "two");
	json_str(&j, NULL, "a");
	json_object(&j, NULL);
	json_object_end(&j);
	json_array_end(&j);
	json_raw(&j, "raw", "1.5", 3);
	json_object_end(&j);
	CHECK(json_end(&j) == 0, "all of it fits");
	doc = yyjson_read((char *)b.data, b.len, YYJSON_READ_NOFLAG);
	root = yyjson_doc_get_root(doc);
	CHECK(doc != NULL && yyjson_obj_size(root) == 10, "a strict parser reads it");
	CHECK(yyjson_get_uint(yyjson_obj_get(root, "u")) == UINT64_MAX &&
	      yyjson_get_sint(yyjson_obj_get(root, "i")) == INT64_MIN, "the largest numbers");
	CHECK(yyjson_equals_strn(yyjson_obj_get(root, "host"), host, sizeof(host)),
	      "host text comes back byte by byte");
	CHECK(yyjson_equals_str(yyjson_obj_get(root, "h"), "0xdeadbeef") &&
	      yyjson_is_null(yyjson_obj_get(root, "no")), "hex and null");
	list = yyjson_obj_get(root, "two");
	CHECK(yyjson_arr_size(list) == 2 && yyjson_arr_size(yyjson_obj_get(root, "list")) == 0,
	      "arrays");
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] < 0x20 || b.data[i] == 0x7f)
			CHECK(0, "no control character is in it");
	CHECK(memmem(b.data, b.len, "\xc2\x85", 2) == NULL, "nor a C1 control");
	yyjson_doc_free(doc);
	buf_free(&b);
}

static void check_base64(const char *data, size_t len, const char *want)
{
	char text[256];
	struct buf b = { .data = (uint8_t *)text, .cap = sizeof(text) };
	struct json j;
	char expect[128];

	(void)snprintf(expect, sizeof(expect), "\"k_b64\":\"%s\"}", want);
	json_open(&j, &b);
	json_object(&j, NULL);
	json_bytes(&j, "k", data, len);
	json_object_end(&j);
	text[b.len] = '\0';
	CHECK(strstr(text, expect) != NULL, "bytes that are no text: %s", want);
	CHECK(strstr(text, "\xef\xbf\xbd") != NULL && parse_is_utf8(text, b.len),
	      "shown with U+FFFD");
}

static void test_json_full(void)
{
	uint8_t bytes[64];
	struct json j;

	for (size_t cap = 0; cap < 40; cap++) {
		struct buf b = { .data = bytes, .cap = cap };

		memset(bytes, 0xaa, sizeof(bytes));
		json_open(&j, &b);
		json_object(&j, NULL);
		json_bytes(&j, "key", "\xff\"abc", 5);
		json_u64(&j, "n", 12);
		json_object_end(&j);
		if (json_end(&j) != -ENOBUFS || b.len > cap || bytes[cap] != 0xaa)
			CHECK(0, "room of %zu: an error, and nothing beyond", cap);
	}
	CHECK(1, "too little room is an error, whatever is cut");
}

int main(void)
{
	test_numbers();
	test_pids();
	test_units();
	test_utf8();
	test_hex();
	test_json_whole();
	/* RFC 4648's paddings. */
	check_base64("\xff", 1, "/w==");
	check_base64("\xff\xfe", 2, "//4=");
	check_base64("a\xff\n", 3, "Yf8K");
	check_base64("\xed\xa0\x80\x00", 4, "7aCAAA==");
	test_json_full();
	return CHECK_DONE();
}
