/*
 * ranges.c - sets of address ranges, and /proc/iomem's System RAM as one.
 *
 * No I/O.  The text may be cut anywhere or be garbage: numbers are checked and
 * the set never grows past its capacity.
 */
#include "ranges.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "parse.h"

int ranges_open(struct ranges *r, size_t cap)
{
	void *p;

	*r = (struct ranges){ 0 };
	/* Straight from mmap(): room that is never used costs nothing. */
	p = mmap(NULL, cap * sizeof(*r->at), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	r->at = p;
	r->cap = cap;
	return 0;
}

void ranges_free(struct ranges *r)
{
	if (r->at != NULL)
		(void)munmap(r->at, r->cap * sizeof(*r->at));
	*r = (struct ranges){ 0 };
}

/* Index of the first range that ends at or after ${address}. */
static size_t find(const struct ranges *r, uint64_t address)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->at[mid].end < address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int ranges_add(struct ranges *r, uint64_t start, uint64_t end)
{
	size_t first, last;

	if (end < start || end == UINT64_MAX)
		return -EINVAL;
	first = find(r, start > 0 ? start - 1 : 0);
	last = first;
	while (last < r->count && r->at[last].start <= end + 1) {
		if (r->at[last].start < start)
			start = r->at[last].start;
		if (r->at[last].end > end)
			end = r->at[last].end;
		last++;
	}
	if (last == first && r->count == r->cap)
		return -ENOSPC;
	/* ${last} - ${first} old ranges become one. */
	memmove(&r->at[first + 1], &r->at[last],
		(r->count - last) * sizeof(*r->at));
	r->count = r->count - (last - first) + 1;
	r->at[first] = (struct range){ start, end };
	return 0;
}

bool ranges_has(const struct ranges *r, uint64_t start, uint64_t end)
{
	size_t i = find(r, start);

	return i < r->count && r->at[i].start <= start && r->at[i].end >= end;
}

const struct range *ranges_find(const struct ranges *r, uint64_t address)
{
	size_t i = find(r, address);

	return i < r->count ? &r->at[i] : NULL;
}

uint64_t ranges_bytes(const struct ranges *r)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < r->count; i++)
		if (__builtin_add_overflow(sum, r->at[i].end - r->at[i].start + 1,
					   &sum))
			return UINT64_MAX;
	return sum;
}

int ranges_subtract(struct ranges *ret, const struct ranges *a,
		    const struct ranges *b)
{
	for (size_t i = 0; i < a->count; i++) {
		uint64_t start = a->at[i].start;
		uint64_t end = a->at[i].end;
		size_t k = find(b, start);
		int r = 0;

		for (; r == 0 && k < b->count && b->at[k].start <= end; k++) {
			if (b->at[k].start > start)
				r = ranges_add(ret, start, b->at[k].start - 1);
			start = b->at[k].end + 1;
			if (start > end)
				break;
		}
		if (r == 0 && start <= end)
			r = ranges_add(ret, start, end);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Does the resource's name mean RAM that the kernel uses? */
static bool is_ram(const char *name, size_t len)
{
	static const char ram[] = "System RAM";
	size_t n = sizeof(ram) - 1;

	return len >= n && memcmp(name, ram, n) == 0 &&
	       (len == n || (len > n + 2 && name[n] == ' ' && name[n + 1] == '('));
}

/* The resource that a line names, e.g. "  00100000-7ffdcfff : System RAM". */
struct resource {
	const char *name;
	size_t name_len;
	struct range range;
	bool bad; /* its addresses are not addresses */
};

/* Take a line apart.  False when it names nothing. */
static bool parse_line(const char *line, size_t len, struct resource *ret)
{
	const char *colon, *dash;

	while (len > 0 && *line == ' ') {
		line++;
		len--;
	}
	colon = memmem(line, len, " : ", 3);
	if (colon == NULL)
		return false;
	ret->name = colon + 3;
	ret->name_len = len - (size_t)(ret->name - line);
	dash = memchr(line, '-', (size_t)(colon - line));
	ret->bad = dash == NULL ||
		   parse_u64(line, (size_t)(dash - line), 16, &ret->range.start) < 0 ||
		   parse_u64(dash + 1, (size_t)(colon - dash) - 1, 16,
			     &ret->range.end) < 0;
	return true;
}

/* Cut the next line off the text.  False when it is used up. */
static bool next_line(const char **text, size_t *len, const char **line, size_t *n)
{
	const char *nl;

	if (*len == 0)
		return false;
	nl = memchr(*text, '\n', *len);
	*line = *text;
	*n = nl != NULL ? (size_t)(nl - *text) : *len;
	*text += nl != NULL ? *n + 1 : *n;
	*len -= nl != NULL ? *n + 1 : *n;
	return true;
}

int ranges_parse_iomem(struct ranges *ret, const char *text, size_t len)
{
	bool hidden = false, found = false;
	const char *line;
	size_t n;

	while (next_line(&text, &len, &line, &n)) {
		struct resource one;
		int r = 0;

		if (!parse_line(line, n, &one) || !is_ram(one.name, one.name_len))
			continue;
		if (one.bad)
			return -EINVAL;
		if (one.range.start == 0 && one.range.end == 0) {
			hidden = true;
			continue;
		}
		r = ranges_add(ret, one.range.start, one.range.end);
		if (r < 0)
			return r;
		found = true;
	}
	if (!found)
		return hidden ? -EPERM : -ENODATA;
	return 0;
}

static bool is_named(const struct resource *one, const char *name)
{
	return one->name_len == strlen(name) &&
	       memcmp(one->name, name, one->name_len) == 0;
}

int ranges_parse_kernel(struct range *ret, const char *text, size_t len)
{
	bool found = false;
	const char *line;
	size_t n;

	while (next_line(&text, &len, &line, &n)) {
		struct resource one;

		if (!parse_line(line, n, &one) || one.bad ||
		    one.range.end <= one.range.start || one.range.end == UINT64_MAX)
			continue;
		if (!found && is_named(&one, "Kernel code")) {
			*ret = one.range;
			found = true;
		} else if (found && one.range.end > ret->end &&
			   (is_named(&one, "Kernel rodata") ||
			    is_named(&one, "Kernel data") ||
			    is_named(&one, "Kernel bss"))) {
			ret->end = one.range.end;
		}
	}
	return found ? 0 : -ENOENT;
}
