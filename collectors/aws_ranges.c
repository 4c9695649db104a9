/*
 * aws_ranges.c - Amazon's published address ranges.
 *
 * The responder brings the table, for it changes weekly.  Prefixes are sorted,
 * and an address is looked up once for each length that a prefix may have.  A
 * row that is malformed makes the whole table invalid: half a table would say
 * "not Amazon's" of what is.
 */
#include "aws_ranges.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "io.h"
#include "parse.h"
#include "scope.h"

#define PREFIXES_MAX 262144u

struct aws_ranges {
	yyjson_doc *doc; /* the texts live here */
	struct aws_range *list;
	size_t count;
	const char *date;
};

static int compare(const void *a, const void *b)
{
	const struct aws_range *one = a, *other = b;
	int r = (int)one->address_len - (int)other->address_len;

	if (r == 0)
		r = memcmp(one->network, other->network, sizeof(one->network));
	return r != 0 ? r : (int)one->bits - (int)other->bits;
}

/* "203.0.113.0/24"; bits behind the prefix are taken off. */
static bool parse_prefix(const char *text, struct aws_range *ret)
{
	const char *slash = text != NULL ? strchr(text, '/') : NULL;
	char address[INET6_ADDRSTRLEN];
	uint64_t bits;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(address) ||
	    parse_dec(slash + 1, &bits) < 0)
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (inet_pton(AF_INET, address, ret->network) == 1)
		ret->address_len = 4;
	else if (inet_pton(AF_INET6, address, ret->network) == 1)
		ret->address_len = 16;
	else
		return false;
	ret->bits = (uint8_t)bits;
	return bits <= 8u * ret->address_len;
}

static const char *text_of(yyjson_val *row, const char *key)
{
	const char *text = yyjson_get_str(yyjson_obj_get(row, key));

	return text != NULL ? text : "";
}

static bool take(struct aws_ranges *a, yyjson_val *list, const char *key)
{
	size_t i, n;
	yyjson_val *row;

	yyjson_arr_foreach(list, i, n, row) {
		struct aws_range *r = &a->list[a->count];

		*r = (struct aws_range){
			.region = text_of(row, "region"),
			.service = text_of(row, "service"),
			.border = text_of(row, "network_border_group"),
		};
		if (!parse_prefix(yyjson_get_str(yyjson_obj_get(row, key)), r))
			return false;
		a->count++;
	}
	return true;
}

int aws_ranges_parse(struct aws_ranges **ret, const char *text, size_t len)
{
	yyjson_doc *doc = len <= AWS_RANGES_BYTES_MAX ? yyjson_read(text, len, 0) : NULL;
	yyjson_val *root = yyjson_doc_get_root(doc);
	yyjson_val *four = yyjson_obj_get(root, "prefixes");
	yyjson_val *six = yyjson_obj_get(root, "ipv6_prefixes");
	size_t count = yyjson_arr_size(four) + yyjson_arr_size(six);
	struct aws_ranges *a = calloc(1, sizeof(*a));

	if (a == NULL) {
		yyjson_doc_free(doc);
		return -ENOMEM;
	}
	a->doc = doc;
	a->date = text_of(root, "createDate");
	if (count == 0 || count > PREFIXES_MAX) {
		aws_ranges_free(a);
		return -EBADMSG;
	}
	a->list = calloc(count, sizeof(*a->list));
	if (a->list == NULL || !take(a, four, "ip_prefix") || !take(a, six, "ipv6_prefix")) {
		int r = a->list == NULL ? -ENOMEM : -EBADMSG;

		aws_ranges_free(a);
		return r;
	}
	qsort(a->list, a->count, sizeof(*a->list), compare);
	*ret = a;
	return 0;
}

int aws_ranges_load(struct aws_ranges **ret, const char *path)
{
	AUTO_FREE void *text = NULL;
	size_t len;
	int r = io_load(AT_FDCWD, path, AWS_RANGES_BYTES_MAX, &text, &len);

	return r < 0 ? r : aws_ranges_parse(ret, text, len);
}

void aws_ranges_free(struct aws_ranges *a)
{
	if (a == NULL)
		return;
	yyjson_doc_free(a->doc);
	free(a->list);
	free(a);
}

const char *aws_ranges_date(const struct aws_ranges *a)
{
	return a->date;
}

/* The first of those that are not before ${key}. */
static size_t lower_bound(const struct aws_ranges *a, const struct aws_range *key)
{
	size_t low = 0, high = a->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare(&a->list[mid], key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

size_t aws_ranges_find(const struct aws_ranges *a, const uint8_t *address, size_t len,
		       struct aws_range *ret, size_t max)
{
	struct aws_range key = { .address_len = (uint8_t)len };
	size_t found = 0;

	if (len != 4 && len != 16)
		return 0;
	memcpy(key.network, address, len);
	for (unsigned bits = 8u * (unsigned)len; bits > 0; bits--) {
		key.bits = (uint8_t)bits;
		for (size_t i = lower_bound(a, &key); i < a->count && found < max &&
		     compare(&a->list[i], &key) == 0; i++)
			ret[found++] = a->list[i];
		/* one bit less for the next */
		key.network[(bits - 1) / 8] &= (uint8_t)~(0x80u >> (bits - 1) % 8);
	}
	return found;
}
