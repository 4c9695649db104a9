/*
 * tree_open.c - directories and files of the host by their paths.
 *
 * A path may be led elsewhere by links, but not out of the root.  What is no
 * regular file is never opened for reading, and what may hang is not opened.
 */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attr.h"
#include "dir.h"
#include "scope.h"

/* Kernels before 5.6 look it up plainly, which is the same when the root is "/". */
static int look_up(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)(O_PATH | O_CLOEXEC | flags),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(root, path, O_PATH | O_CLOEXEC | flags);
	return fd < 0 ? -errno : fd;
}

int tree_lookup(int root, const char *path)
{
	return look_up(root, path, O_DIRECTORY);
}

DIR *tree_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
			O_NOATIME | O_CLOEXEC);
	DIR *dir;

	if (fd < 0 && errno == EPERM)
		return dir_open(at, name);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL && fd >= 0)
		(void)close(fd);
	return dir;
}

static int find(struct tree *t, const char *path, struct attr *a)
{
	int fd = look_up(tree_root(t), path[1] != '\0' ? path + 1 : ".", 0);
	int r = fd < 0 ? fd : attr_get(fd, "", false, a);

	if (r == 0 && tree_refuses(t, a) != NULL)
		r = -EXDEV;
	if (r == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return r;
}

DIR *tree_open_dir(struct tree *t, const char *path)
{
	struct attr a;
	AUTO_CLOSE int fd = find(t, path, &a);

	if (fd >= 0)
		return tree_dir(fd, ".");
	errno = -fd;
	return NULL;
}

static int reopen(int root, const char *path)
{
	int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct open_how how = {
		.flags = (unsigned)(flags | O_NOATIME),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
		fd = openat(root, path, flags | O_NOATIME);
		if (fd < 0 && errno == EPERM)
			fd = openat(root, path, flags);
	}
	return fd < 0 ? -errno : fd;
}

int tree_open_file(struct tree *t, const char *path, struct attr *ret)
{
	struct attr a;
	AUTO_CLOSE int at = find(t, path, ret);
	int fd, r;

	if (at < 0)
		return at;
	if (!S_ISREG(ret->mode))
		return S_ISDIR(ret->mode) ? -EISDIR : -EINVAL;
	fd = reopen(tree_root(t), path + 1);
	r = fd < 0 ? fd : attr_get(fd, "", false, &a);
	if (r == 0 && (a.inode != ret->inode || a.device != ret->device))
		r = -ESTALE;
	if (r == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return r;
}
