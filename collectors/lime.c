/*
 * lime.c - the LiME memory image, written and taken apart.
 *
 * No I/O.  A stream is not trusted: a bad magic, version or range, or ranges
 * that do not ascend, end it.
 */
#include "lime.h"

#include <errno.h>
#include <string.h>

static const uint8_t magic[8] = { 'E', 'M', 'i', 'L', 1, 0, 0, 0 };

static void put_u64(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_u64(const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

void lime_header(uint8_t ret[LIME_HEADER_BYTES], uint64_t start, uint64_t end)
{
	memcpy(ret, magic, sizeof(magic));
	put_u64(ret + 8, start);
	put_u64(ret + 16, end);
	put_u64(ret + 24, 0);
}

int lime_parse(const uint8_t header[LIME_HEADER_BYTES], struct range *ret)
{
	if (memcmp(header, magic, sizeof(magic)) != 0)
		return -EPROTO;
	ret->start = get_u64(header + 8);
	ret->end = get_u64(header + 16);
	if (ret->end < ret->start || ret->end == UINT64_MAX)
		return -EPROTO;
	return 0;
}

/* A whole header is there: begin its range. */
static int begin(struct lime_stream *s, struct lime_item *ret)
{
	struct range r;

	if (lime_parse(s->header, &r) < 0 || (s->begun && r.start <= s->range.end))
		return -EPROTO;
	s->range = r;
	s->next = r.start;
	s->have = 0;
	s->open = true;
	s->begun = true;
	*ret = (struct lime_item){ .kind = LIME_RANGE, .range = r };
	return 1;
}

int lime_next(struct lime_stream *s, const uint8_t **data, size_t *len,
	      struct lime_item *ret)
{
	uint64_t left;
	size_t n;

	if (*len == 0)
		return 0;
	if (!s->open) {
		n = LIME_HEADER_BYTES - s->have;
		if (n > *len)
			n = *len;
		memcpy(s->header + s->have, *data, n);
		s->have += n;
		*data += n;
		*len -= n;
		return s->have < LIME_HEADER_BYTES ? 0 : begin(s, ret);
	}
	left = s->range.end - s->next + 1;
	n = left < *len ? (size_t)left : *len;
	*ret = (struct lime_item){
		.kind = LIME_DATA,
		.range = s->range,
		.address = s->next,
		.data = *data,
		.len = n,
	};
	s->next += n;
	s->open = n < left;
	*data += n;
	*len -= n;
	return 1;
}

bool lime_whole(const struct lime_stream *s)
{
	return s->begun && !s->open && s->have == 0;
}
