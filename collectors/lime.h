/*
 * lime.h - the LiME memory image: ranges, each a 32-byte header and its bytes
 * (LiME's doc/lime_format; volatility3 layers/lime.py).
 */
#ifndef LIME_H
#define LIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranges.h"

#define LIME_HEADER_BYTES 32

/* Write the header of [${start}, ${end}]. */
void lime_header(uint8_t ret[LIME_HEADER_BYTES], uint64_t start, uint64_t end);

/* Read a header.  0; -EPROTO when it is none, or its range is impossible. */
int lime_parse(const uint8_t header[LIME_HEADER_BYTES], struct range *ret);

/* What a stream holds next. */
struct lime_item {
	enum {
		LIME_RANGE, /* a range begins: ${range} */
		LIME_DATA,  /* ${len} bytes of it, at ${address} */
	} kind;
	struct range range;
	uint64_t address;
	const uint8_t *data;
	size_t len;
};

/* A stream that arrives in pieces cut anywhere.  Start with {0}. */
struct lime_stream {
	uint8_t header[LIME_HEADER_BYTES];
	size_t have;         /* bytes of it */
	struct range range;  /* the one in progress */
	uint64_t next;       /* address of its next byte */
	bool open;           /* its data is not complete */
	bool begun;          /* there was a range */
};

/*
 * Take the next item out of ${*len} bytes at ${*data}, which are moved past
 * it.  1 and ${ret}, whose data points into ${*data}; 0 when more bytes are
 * needed; -EPROTO when a header is wrong or its range does not lie after the
 * one before: the stream is then of no use any more.
 */
int lime_next(struct lime_stream *s, const uint8_t **data, size_t *len,
	      struct lime_item *ret);

/* Would the end of the stream be a clean one here? */
bool lime_whole(const struct lime_stream *s);

#endif
