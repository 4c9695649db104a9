/*
 * io.c - whole reads and writes on descriptors.
 *
 * EINTR is repeated; a short read means end of file.
 */
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scope.h"

ssize_t io_read(int fd, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t io_pread(int fd, void *buf, size_t len, off_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)buf + done, len - done,
				  offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int io_write(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

ssize_t io_read_file(int dir, const char *name, char *buf, size_t cap)
{
	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW |
				   O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t n;
	char more;

	buf[0] = '\0';
	if (fd < 0)
		return -errno;
	n = io_read(fd, buf, cap - 1);
	if (n < 0)
		return n;
	buf[n] = '\0';
	if ((size_t)n == cap - 1 && io_read(fd, &more, 1) == 1)
		return -EFBIG;
	return n;
}

int io_load(int dir, const char *path, size_t max, void **ret, size_t *len)
{
	AUTO_CLOSE int fd = openat(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY |
				   O_CLOEXEC);
	struct stat st;
	size_t cap;
	ssize_t n;
	char *p;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	/* One byte more than the size shows whether the file is growing. */
	cap = (size_t)st.st_size + 1;
	p = malloc(cap + 1);
	if (p == NULL)
		return -ENOMEM;
	n = io_read(fd, p, cap);
	if (n < 0 || (size_t)n > (size_t)st.st_size) {
		free(p);
		return n < 0 ? (int)n : -EAGAIN;
	}
	p[n] = '\0';
	*ret = p;
	*len = (size_t)n;
	return 0;
}
