/* test_lime.c - LiME headers, and streams cut at every byte or full of garbage. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "lime.h"

/* The first bytes of a file that LiME 1.9.1 wrote. */
static const uint8_t real[LIME_HEADER_BYTES] = {
	0x45, 0x4d, 0x69, 0x4c, 0x01, 0x00, 0x00, 0x00,
	0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0xff, 0xfb, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00,
};

static void test_header(void)
{
	uint8_t h[LIME_HEADER_BYTES];
	struct range r;

	lime_header(h, 0x1000, 0x9fbff);
	CHECK(memcmp(h, real, sizeof(h)) == 0, "the header that LiME writes");
	CHECK(lime_parse(real, &r) == 0 && r.start == 0x1000 && r.end == 0x9fbff,
	      "and reads back");
	lime_header(h, 0x123456789abcdef0, 0x123456789abcdef0);
	CHECK(lime_parse(h, &r) == 0 && r.start == 0x123456789abcdef0 &&
	      r.end == r.start, "one byte, far up");
	lime_header(h, 2, 1);
	CHECK(lime_parse(h, &r) == -EPROTO, "an end before the start");
	lime_header(h, 0, UINT64_MAX);
	CHECK(lime_parse(h, &r) == -EPROTO, "a length that does not fit");
	for (unsigned i = 0; i < 8; i++) {
		memcpy(h, real, sizeof(h));
		h[i] ^= 0x10;
		CHECK(lime_parse(h, &r) == -EPROTO, "byte %u of magic or version wrong", i);
	}
}

#define FIRST_BYTES 100u
#define SECOND_BYTES 37u
#define STREAM_BYTES (2 * LIME_HEADER_BYTES + FIRST_BYTES + SECOND_BYTES)

static uint8_t content(uint64_t address)
{
	return (uint8_t)(address * 7 + 3);
}

static void make_stream(uint8_t *p)
{
	lime_header(p, 0x1000, 0x1000 + FIRST_BYTES - 1);
	p += LIME_HEADER_BYTES;
	for (unsigned i = 0; i < FIRST_BYTES; i++)
		*p++ = content(0x1000 + i);
	lime_header(p, 0x5000, 0x5000 + SECOND_BYTES - 1);
	p += LIME_HEADER_BYTES;
	for (unsigned i = 0; i < SECOND_BYTES; i++)
		*p++ = content(0x5000 + i);
}

/* Feed ${len} bytes in pieces of ${step}; counts what comes out. */
struct seen {
	unsigned ranges, bytes, wrong;
	int error;
	bool whole;
};

static struct seen feed(const uint8_t *p, size_t len, size_t step)
{
	struct lime_stream s = { 0 };
	struct seen ret = { 0 };

	while (len > 0 && ret.error == 0) {
		size_t n = len < step ? len : step;
		/* An own copy: reading past it is an error of the sanitizer. */
		uint8_t *copy = malloc(n);
		const uint8_t *q = copy;
		size_t left = n;
		struct lime_item item;
		int r;

		if (copy == NULL)
			abort();
		memcpy(copy, p, n);
		while ((r = lime_next(&s, &q, &left, &item)) > 0) {
			ret.ranges += item.kind == LIME_RANGE;
			for (size_t i = 0; item.kind == LIME_DATA && i < item.len; i++) {
				ret.bytes++;
				ret.wrong += item.data[i] != content(item.address + i);
			}
		}
		ret.error = r;
		ret.wrong += r == 0 && left != 0;
		free(copy);
		p += n;
		len -= n;
	}
	ret.whole = lime_whole(&s);
	return ret;
}

static void test_stream(void)
{
	uint8_t p[STREAM_BYTES];
	unsigned bad = 0;

	make_stream(p);
	for (size_t step = 1; step <= sizeof(p); step++) {
		struct seen s = feed(p, sizeof(p), step);

		bad += s.ranges != 2 || s.bytes != FIRST_BYTES + SECOND_BYTES ||
		       s.wrong != 0 || s.error != 0 || !s.whole;
	}
	CHECK(bad == 0, "a stream in pieces of every size (%u bad)", bad);
	bad = 0;
	for (size_t cut = 0; cut < sizeof(p); cut++) {
		struct seen s = feed(p, cut, 11);

		/* Only the end of the first range is a clean end. */
		bad += s.error != 0 || s.wrong != 0 ||
		       s.whole != (cut == LIME_HEADER_BYTES + FIRST_BYTES);
	}
	CHECK(bad == 0, "a stream cut at every byte (%u bad)", bad);
}

static void test_garbage(void)
{
	uint8_t p[STREAM_BYTES], q[2 * LIME_HEADER_BYTES + 2];
	struct seen s;

	make_stream(p);
	memset(p + LIME_HEADER_BYTES + FIRST_BYTES, 0xa5, LIME_HEADER_BYTES);
	s = feed(p, sizeof(p), 64);
	CHECK(s.error == -EPROTO && s.bytes == FIRST_BYTES,
	      "garbage where a header belongs ends it");
	memset(p, 0, sizeof(p));
	CHECK(feed(p, sizeof(p), 64).error == -EPROTO, "zeros");
	lime_header(q, 0x5000, 0x5000);
	q[LIME_HEADER_BYTES] = content(0x5000);
	lime_header(q + LIME_HEADER_BYTES + 1, 0x1000, 0x1000);
	q[sizeof(q) - 1] = content(0x1000);
	s = feed(q, sizeof(q), sizeof(q));
	CHECK(s.error == -EPROTO && s.bytes == 1, "ranges that do not ascend");
	lime_header(q + LIME_HEADER_BYTES + 1, 0x5000, 0x5000);
	CHECK(feed(q, sizeof(q), 3).error == -EPROTO, "a range twice");
	CHECK(!feed(q, 0, 1).whole, "nothing at all is not whole");
}

int main(void)
{
	test_header();
	test_stream();
	test_garbage();
	return CHECK_DONE();
}
