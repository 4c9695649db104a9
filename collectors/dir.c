/*
 * dir.c - opening a directory below another.
 */
#include "dir.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

DIR *dir_open(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int err = errno;

	if (dir == NULL && fd >= 0)
		(void)close(fd);
	errno = err;
	return dir;
}
