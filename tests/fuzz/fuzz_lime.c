/* fuzz_lime.c - a LiME stream in pieces: no byte twice, none out of its range. */
#include <stdlib.h>
#include <string.h>

#include "lime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Take one piece; the bytes that came out, or -1 when the stream is broken. */
static int64_t take(struct lime_stream *s, const uint8_t *p, size_t len)
{
	struct lime_item item;
	int64_t out = 0;
	int r;

	while ((r = lime_next(s, &p, &len, &item)) > 0) {
		if (item.kind == LIME_RANGE && item.range.end < item.range.start)
			abort();
		if (item.kind != LIME_DATA)
			continue;
		if (item.len == 0 || item.address < item.range.start ||
		    item.address + (item.len - 1) > item.range.end)
			abort();
		out += (int64_t)item.len;
	}
	if (r == 0 && len != 0)
		abort();
	return r < 0 ? -1 : out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lime_stream s = { 0 };
	size_t step, whole = size;
	int64_t out = 0;

	if (size == 0)
		return 0;
	step = (size_t)data[0] + 1;
	data++;
	whole = --size;
	while (size > 0) {
		size_t n = size < step ? size : step;
		int64_t r = take(&s, data, n);

		if (r < 0)
			return 0;
		out += r;
		data += n;
		size -= n;
	}
	if ((uint64_t)out > whole)
		abort();
	(void)lime_whole(&s);
	return 0;
}
