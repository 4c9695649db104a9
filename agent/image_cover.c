/*
 * image_cover.c - which of the machine's memory is not in the image.
 *
 * Reads memory/proc/iomem and the headers of memory.lime, which the host wrote:
 * an image that is not clean ends the comparison, and nothing is said twice.
 */
#include "image_cover.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extract.h"
#include "finding.h"
#include "io.h"
#include "join.h"
#include "lime.h"
#include "ranges.h"
#include "scope.h"

#define IOMEM_MAX (4u << 20)
#define RANGES_MAX 65536u
#define SHOWN_BYTES 300

static int read_ram(struct extract *x, struct ranges *ret)
{
	AUTO_CLOSE int fd = extract_reopen(x, "memory/proc/iomem");
	AUTO_FREE char *text = fd >= 0 ? malloc(IOMEM_MAX) : NULL;
	ssize_t n = text != NULL ? io_read(fd, text, IOMEM_MAX) : -ENOENT;

	return n < 0 ? (int)n : ranges_parse_iomem(ret, text, (size_t)n);
}

static int read_image(struct extract *x, struct ranges *ret)
{
	AUTO_CLOSE int fd = extract_reopen(x, JOIN_MEMORY);
	uint8_t head[LIME_HEADER_BYTES];
	struct stat st;
	uint64_t at = 0;
	int r = fd < 0 || fstat(fd, &st) < 0 ? -ENOENT : 0;

	while (r == 0 && at < (uint64_t)st.st_size) {
		struct range range;

		if (io_pread(fd, head, sizeof(head), (off_t)at) != (ssize_t)sizeof(head) ||
		    lime_parse(head, &range) < 0 ||
		    range.end - range.start >= (uint64_t)st.st_size - at)
			return -EPROTO;
		r = ranges_add(ret, range.start, range.end);
		at += sizeof(head) + (range.end - range.start) + 1;
	}
	return r;
}

static void say(struct findings *f, const struct ranges *ram, const struct ranges *left)
{
	char text[SHOWN_BYTES] = "", more[48] = "";
	size_t n = 0, k = 0;

	for (; k < left->count && n + 48 < sizeof(text); k++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%#" PRIx64 "-%#" PRIx64,
				      k > 0 ? ", " : "", left->at[k].start, left->at[k].end);
	if (k < left->count)
		(void)snprintf(more, sizeof(more), " and %zu more", left->count - k);
	finding_note(f, JOIN_MEMORY, "%" PRIu64 " of the machine's %" PRIu64 " bytes of memory "
		     "are missing: %s%s; see memory/holes.ndjson", ranges_bytes(left),
		     ranges_bytes(ram), text, more);
}

void image_cover_note(struct extract *x, struct findings *f)
{
	struct ranges ram = { 0 }, have = { 0 }, left = { 0 };

	if (ranges_open(&ram, RANGES_MAX) == 0 && ranges_open(&have, RANGES_MAX) == 0 &&
	    ranges_open(&left, 2 * RANGES_MAX) == 0 && read_ram(x, &ram) == 0 &&
	    read_image(x, &have) == 0 && ranges_subtract(&left, &ram, &have) == 0 &&
	    left.count > 0)
		say(f, &ram, &left);
	ranges_free(&ram);
	ranges_free(&have);
	ranges_free(&left);
}
