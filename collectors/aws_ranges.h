/* aws_ranges.h - which addresses are Amazon's: its published table, ip-ranges.json. */
#ifndef AWS_RANGES_H
#define AWS_RANGES_H

#include <stddef.h>
#include <stdint.h>

struct aws_ranges;

/* A published prefix that an address lies in. */
struct aws_range {
	uint8_t network[16];
	uint8_t address_len, bits; /* 4 or 16; length of the prefix */
	const char *region, *service, *border;
};

#define AWS_RANGES_BYTES_MAX ((size_t)32 << 20)

/*
 * Read the document as https://ip-ranges.amazonaws.com/ip-ranges.json has it
 * ("AWS IP address ranges" in the VPC User Guide).  ${text} may go afterwards.
 * 0; -EBADMSG when it is none; -ENOMEM.
 */
int aws_ranges_parse(struct aws_ranges **ret, const char *text, size_t len);

/* The same out of a file.  Also an errno of reading it. */
int aws_ranges_load(struct aws_ranges **ret, const char *path);

void aws_ranges_free(struct aws_ranges *a); /* NULL is fine */

/* When Amazon made the table: "2026-11-23-21-05-07". */
const char *aws_ranges_date(const struct aws_ranges *a);

/*
 * The prefixes that ${address} (of ${len} bytes, 4 or 16) lies in, the longest
 * first.  How many were written to ${ret}, at most ${max}.
 */
size_t aws_ranges_find(const struct aws_ranges *a, const uint8_t *address, size_t len,
		       struct aws_range *ret, size_t max);

#endif
