/*
 * raw.c - the kernel's own texts, copied as they are.
 *
 * Reads files of /proc and /sys, which have no size beforehand; opened
 * non-blocking, never through a symbolic link at the end.
 */
#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "blob.h"
#include "scope.h"
#include "sink.h"

#define CHUNK ((size_t)64 << 10)

int raw_copy_fd(struct sink *sink, int fd, const char *path)
{
	AUTO_FREE char *chunk = malloc(CHUNK);
	struct blob b;
	uint64_t total = 0;
	ssize_t n = 0;
	int r = chunk == NULL ? -ENOMEM : blob_open(&b, sink, path);

	if (r < 0)
		return sink_gap(sink, path, r, NULL);
	while (total < RAW_MAX && (n = read(fd, chunk, CHUNK)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			n = -errno;
			break;
		}
		total += (uint64_t)n;
		if (blob_write(&b, chunk, (size_t)n) < 0)
			break;
	}
	if (n < 0 && total == 0) {
		blob_drop(&b);
		return sink_gap(sink, path, (int)n, NULL);
	}
	r = blob_close(&b);
	if (r == 0 && n < 0)
		r = sink_gap(sink, path, (int)n, "the rest could not be read");
	else if (r == 0 && total >= RAW_MAX)
		r = sink_gap(sink, path, -EFBIG, "the rest was left out");
	return r;
}

int raw_copy(struct sink *sink, int dir, const char *name, const char *prefix,
	     uint64_t *count)
{
	char path[512];
	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW |
				   O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (snprintf(path, sizeof(path), "%s/%s", prefix, name) >= (int)sizeof(path))
		return sink_gap(sink, name, -ENAMETOOLONG, NULL);
	if (fd < 0)
		return sink_gap(sink, path, -errno, NULL);
	if (count != NULL)
		++*count;
	return raw_copy_fd(sink, fd, path);
}
