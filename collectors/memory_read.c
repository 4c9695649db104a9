/*
 * memory_read.c - reads from a source that may fail at any page.
 *
 * A large read that fails is halved down to one page, which then becomes the
 * marker pattern; after that reads grow again.
 */
#include "memory.h"

#include <errno.h>
#include <unistd.h>

#define READ_MAX ((size_t)1 << 20)

void memory_mark(uint8_t *buf, uint64_t address, size_t len)
{
	static const char mark[] = "EVAC UNREADABLE ";

	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)mark[(address + i) % (sizeof(mark) - 1)];
}

ssize_t memory_read_fd(const struct memory_reader *r, uint64_t offset, void *buf,
		       size_t len)
{
	ssize_t n;

	do {
		n = pread(r->fd, buf, len, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* What is left of the page at ${address}, of ${len} bytes. */
static size_t page_left(const struct memory_reader *r, uint64_t address, size_t len)
{
	size_t n = r->page - (size_t)(address & (r->page - 1));

	return n < len ? n : len;
}

void memory_read(const struct memory_reader *r, uint64_t offset, uint64_t address,
		 uint8_t *buf, size_t len)
{
	size_t want = READ_MAX;

	while (len > 0) {
		ssize_t n;
		size_t took;

		if (want > len)
			want = len;
		if (want <= r->page)
			want = page_left(r, address, len);
		n = r->read(r, offset, buf, want);
		if (n > 0) {
			took = (size_t)n;
			want = want < READ_MAX / 2 ? want * 2 : READ_MAX;
		} else if (want > r->page) {
			want /= 2;
			continue;
		} else {
			took = page_left(r, address, len);
			memory_mark(buf, address, took);
			r->bad(r, address, took, n < 0 ? (int)n : -ENODATA);
			want = r->page;
		}
		buf += took;
		offset += took;
		address += took;
		len -= took;
	}
}
