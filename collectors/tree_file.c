/*
 * tree_file.c - one regular file of the host into the evidence.
 *
 * Opens without waiting (a lease or a FIFO would hang), without following a
 * link, and without changing the access time where that is permitted.  A file
 * that grows is read up to its first size; one that shrinks, or fails, leaves a
 * gap behind what was read.  Pages that were not in the page cache before are
 * given back: the host's memory is evidence.
 */
#include "tree_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "attr.h"
#include "io.h"
#include "scope.h"
#include "sink.h"

#define XATTRS_MAX 32u
#define XATTR_NAMES 4096u
#define XATTR_BYTES ((size_t)64 << 10)
#define NO_WAIT 8 /* RWF_NOWAIT: only what is cached */
#define SPARSE_FROM ((uint64_t)64 << 20) /* smaller holes come as zeros */

struct xattrs {
	size_t count;
	struct sink_xattr list[XATTRS_MAX];
	char names[XATTR_NAMES];
	char values[XATTR_BYTES];
};

struct copy {
	struct sink *sink;
	struct sink_entry entry;
	struct tree_file *ret;
	char *chunk;
	int fd;
};

static int open_file(int dir, const char *name, bool *touched)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = openat(dir, name, flags | O_NOATIME);

	*touched = fd < 0 && errno == EPERM;
	if (*touched)
		fd = openat(dir, name, flags);
	return fd < 0 ? -errno : fd;
}

/* 0, or -E2BIG when some had no room. */
static int read_xattrs(int fd, struct xattrs *x)
{
	ssize_t len = flistxattr(fd, x->names, sizeof(x->names));
	size_t used = 0;
	int r = 0;

	x->count = 0;
	if (len < 0)
		return errno == ERANGE ? -E2BIG : 0; /* none, or not supported */
	for (const char *n = x->names; n < x->names + len; n += strlen(n) + 1) {
		ssize_t size;

		if (x->count == XATTRS_MAX)
			return -E2BIG;
		size = fgetxattr(fd, n, x->values + used, sizeof(x->values) - used);
		if (size < 0) {
			r = errno == ERANGE ? -E2BIG : r;
			continue;
		}
		x->list[x->count++] = (struct sink_xattr){
			.name = n, .value = x->values + used, .len = (size_t)size,
		};
		used += (size_t)size;
	}
	return r;
}

/* Read at ${offset} to ${at} in the chunk; what comes from the disk does not stay
 * in the cache. */
static ssize_t read_at(const struct copy *c, size_t at, uint64_t offset, size_t len)
{
	struct iovec iov = { .iov_base = c->chunk + at, .iov_len = len };
	ssize_t got = syscall(SYS_preadv2, c->fd, &iov, 1L, (long)offset, 0L,
			      (long)NO_WAIT);
	bool told = got >= 0 || errno == EAGAIN; /* not every file system knows */
	size_t cached = got > 0 ? (size_t)got : 0;
	ssize_t n;

	if (cached == len)
		return (ssize_t)len;
	n = io_pread(c->fd, c->chunk + at + cached, len - cached, (off_t)(offset + cached));
	if (n < 0)
		return cached > 0 ? (ssize_t)cached : n;
	if (n > 0 && told)
		(void)posix_fadvise(c->fd, (off_t)(offset + cached), n,
				    POSIX_FADV_DONTNEED);
	return (ssize_t)cached + n;
}

static ssize_t read_chunk(const struct copy *c, uint64_t offset, size_t len)
{
	return read_at(c, 0, offset, len);
}

static void fail(struct copy *c, int error, const char *detail)
{
	c->ret->error = error;
	c->ret->detail = detail;
}

/* The whole file as one entry. */
static int copy_dense(struct copy *c, uint64_t size)
{
	int r = sink_begin(c->sink, &c->entry), end;

	if (r < 0)
		return r;
	while (r == 0 && c->ret->copied < size) {
		uint64_t left = size - c->ret->copied;
		ssize_t n = read_chunk(c, c->ret->copied, left < TREE_FILE_CHUNK ?
				       (size_t)left : TREE_FILE_CHUNK);

		if (n < 0) {
			fail(c, (int)n, "the rest could not be read");
			break;
		}
		if (n == 0) {
			fail(c, -ENODATA, "it became shorter while it was read");
			break;
		}
		r = sink_write(c->sink, c->chunk, (size_t)n);
		c->ret->copied += (uint64_t)n;
	}
	end = sink_end(c->sink);
	return r < 0 ? r : end;
}

/* One run of data, in pieces. */
static int copy_run(struct copy *c, uint64_t from, uint64_t to, uint64_t max)
{
	size_t piece = sink_room(c->sink);

	if (piece > TREE_FILE_CHUNK)
		piece = TREE_FILE_CHUNK;
	while (from < to) {
		ssize_t n;
		int r;

		if (c->ret->copied >= max) {
			fail(c, -EFBIG, "more data than is taken of one file");
			return 0;
		}
		n = read_chunk(c, from, to - from < piece ? (size_t)(to - from) : piece);
		if (n <= 0) {
			fail(c, n < 0 ? (int)n : -ENODATA, "a part could not be read");
			return 0;
		}
		r = sink_part(c->sink, &c->entry, from, c->chunk, (size_t)n);
		if (r < 0)
			return r;
		from += (uint64_t)n;
		c->ret->copied += (uint64_t)n;
	}
	return 0;
}

/* An empty piece says: from here to the next piece the file has a hole. */
static int mark_hole(struct copy *c, uint64_t at)
{
	return sink_part(c->sink, &c->entry, at, "", 0);
}

/* Only what is not a hole, and the last byte, which makes its length right. */
static int copy_sparse(struct copy *c, uint64_t size, uint64_t max)
{
	uint64_t at = 0, end_of_data = 0;
	int r = 0;

	while (at < size && c->ret->error == 0) {
		off_t data = lseek(c->fd, (off_t)at, SEEK_DATA);
		off_t hole = data < 0 ? -1 : lseek(c->fd, data, SEEK_HOLE);

		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0 || hole <= data) {
			fail(c, -EIO, "its holes could not be told from its data");
			break;
		}
		if ((uint64_t)data >= size)
			break;
		if ((uint64_t)data > at)
			r = mark_hole(c, at);
		if (r < 0)
			return r;
		at = (uint64_t)hole < size ? (uint64_t)hole : size;
		r = copy_run(c, (uint64_t)data, at, max);
		if (r < 0)
			return r;
		end_of_data = at;
	}
	if (c->ret->error != 0 || end_of_data == size)
		return 0;
	if (end_of_data < size - 1)
		r = mark_hole(c, end_of_data);
	return r < 0 ? r : copy_run(c, size - 1, size, UINT64_MAX);
}

/* A text with its secrets masked, window by window, cut between lines. */
static int copy_masked(struct copy *c, uint64_t size, enum mask_kind kind)
{
	uint64_t at = 0;
	size_t kept = 0, done, put;
	int r, end;

	c->entry.size = SINK_SIZE_UNKNOWN;
	r = sink_begin(c->sink, &c->entry);
	while (r == 0 && (at < size || kept > 0)) {
		size_t room = TREE_FILE_CHUNK - kept;
		ssize_t n = 0;

		if (at < size)
			n = read_at(c, kept, at, size - at < room ? (size_t)(size - at) : room);
		if (n <= 0 && at < size) {
			fail(c, n < 0 ? (int)n : -ENODATA, "the rest could not be read");
			size = at; /* what is kept is the last of it */
		}
		at += n > 0 ? (uint64_t)n : 0;
		kept += n > 0 ? (size_t)n : 0;
		done = mask_text(kind, c->chunk, kept, at == size, &put, &c->ret->masked);
		r = sink_write(c->sink, c->chunk, put);
		c->ret->copied += put;
		kept -= done;
		memmove(c->chunk, c->chunk + done, kept);
	}
	end = sink_end(c->sink);
	return r < 0 ? r : end;
}

static int copy_data(struct copy *c, const struct attr *a, const struct tree_file_how *how)
{
	bool sparse = a->size >= SPARSE_FROM && a->blocks < a->size / 1024;
	uint64_t max = how->max;

	/* Read-ahead would bring in pages that we could not tell from cached ones. */
	(void)posix_fadvise(c->fd, 0, 0, POSIX_FADV_RANDOM);
	if (sparse)
		return copy_sparse(c, a->size, max);
	if (a->size > max) {
		fail(c, -EFBIG, "larger than is taken of one file");
		c->entry.size = max;
	} else {
		max = a->size;
	}
	return how->mask != MASK_NONE ? copy_masked(c, max, how->mask) : copy_dense(c, max);
}

int tree_file_copy(struct sink *sink, int dir, const char *name, const char *path,
		   const struct tree_file_how *how, struct attr *a, struct tree_file *ret)
{
	AUTO_FREE struct xattrs *x = malloc(sizeof(*x));
	struct copy c = { .sink = sink, .ret = ret, .chunk = how->chunk };
	struct attr end;
	int r;

	*ret = (struct tree_file){ 0 };
	AUTO_CLOSE int fd = open_file(dir, name, &ret->touched);
	r = fd < 0 ? fd : attr_get(fd, "", false, a);
	if (r >= 0 && !S_ISREG(a->mode))
		r = -ESTALE; /* replaced since it was listed */
	if (x == NULL)
		r = -ENOMEM;
	if (r < 0) {
		ret->error = r;
		return sink_gap(sink, path, r, NULL);
	}
	if (read_xattrs(fd, x) < 0)
		r = sink_gap(sink, path, -E2BIG, "some extended attributes were left out");
	c.fd = fd;
	c.entry = (struct sink_entry){
		.path = path, .size = a->size, .mode = a->mode & 07777,
		.uid = a->uid, .gid = a->gid,
		.has_times = true, .mtime = a->mtime, .atime = a->atime, .ctime = a->ctime,
		.xattrs = x->list, .xattr_count = x->count,
	};
	if (r >= 0)
		r = copy_data(&c, a, how);
	ret->size_end = attr_get(fd, "", false, &end) == 0 ? end.size : a->size;
	if (r == 0 && ret->error != 0)
		r = sink_gap(sink, path, ret->error, ret->detail);
	return r;
}
