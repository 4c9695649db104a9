/*
 * extract.c - writing files with hostile names, never outside one directory.
 *
 * Every part of a path is opened by itself, below the part before it, and no
 * part may be "..", a link or anything but a directory: so whatever is in the
 * names, and whatever was written before, nothing leads out.  This asks nothing
 * of the kernel, where openat2() would need Linux 5.6.
 */
#include "extract.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scope.h"

struct extract {
	int root;
	int last;             /* the directory of ${last_path}, or -1 */
	char last_path[PATH_MAX];
};

int extract_probe(const char *path)
{
	AUTO_CLOSEDIR DIR *d = opendir(path);
	struct dirent *e;

	if (d == NULL)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			return -ENOTEMPTY;
	return 0;
}

bool extract_is_below(const char *path, const char *dir)
{
	AUTO_FREE char *top = realpath(dir, NULL);
	AUTO_FREE char *rest = strdup(path);
	size_t len = top != NULL ? strlen(top) : 0;
	char real[PATH_MAX];

	if (top == NULL || rest == NULL)
		return false;
	/* What is not there yet is where its nearest directory is. */
	while (realpath(rest, real) == NULL) {
		char *slash = strrchr(rest, '/');

		if (slash == NULL) {
			if (realpath(".", real) == NULL)
				return false;
			break;
		}
		if (rest[1] == '\0')
			return false;
		slash[slash == rest] = '\0';
	}
	return strncmp(real, top, len) == 0 && (real[len] == '\0' || real[len] == '/');
}

int extract_open(struct extract **ret, const char *path)
{
	struct extract *x;
	int r = extract_probe(path);

	if (r < 0)
		return r;
	x = calloc(1, sizeof(*x));
	if (x == NULL)
		return -ENOMEM;
	x->last = -1;
	x->root = -1;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		r = -errno;
	else
		x->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && x->root < 0)
		r = -errno;
	if (r < 0) {
		extract_close(x);
		return r;
	}
	*ret = x;
	return 0;
}

void extract_close(struct extract *x)
{
	if (x == NULL)
		return;
	if (x->last >= 0)
		(void)close(x->last);
	if (x->root >= 0)
		(void)close(x->root);
	free(x);
}

const char *extract_refusal(const char *path)
{
	if (*path == '\0')
		return "its name is empty";
	if (*path == '/')
		return "its name is absolute";
	if (strlen(path) >= PATH_MAX)
		return "its name is too long";
	for (;;) {
		size_t len = strcspn(path, "/");

		if (len == 0)
			return "its name has an empty part";
		if (len == 1 && path[0] == '.')
			return "its name has the part \".\"";
		if (len == 2 && memcmp(path, "..", 2) == 0)
			return "its name has the part \"..\"";
		if (len > NAME_MAX)
			return "a part of its name is too long";
		if (path[len] == '\0')
			return NULL;
		path += len + 1;
	}
}

/* Open the directory ${name} in ${dir}, making it first if ${make}. */
static int step(int dir, const char *name, bool make)
{
	int fd;

	if (make && mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Walk to the directory ${path} (${len} bytes); the descriptor is new. */
static int walk(int root, const char *path, size_t len, bool make)
{
	char name[NAME_MAX + 1];
	int dir = fcntl(root, F_DUPFD_CLOEXEC, 0);

	if (dir < 0)
		return -errno;
	while (len > 0) {
		const char *slash = memchr(path, '/', len);
		size_t part = slash == NULL ? len : (size_t)(slash - path);
		int next;

		memcpy(name, path, part);
		name[part] = '\0';
		next = step(dir, name, make);
		(void)close(dir);
		if (next < 0)
			return next;
		dir = next;
		len -= part + (slash != NULL);
		path += part + (slash != NULL);
	}
	return dir;
}

/*
 * The directory that ${path} lies in and, in ${ret_name}, its last part.  The
 * last directory is kept open: files of one come one after the other.
 */
static int parent(struct extract *x, const char *path, bool make, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);
	int dir;

	if (extract_refusal(path) != NULL)
		return -EINVAL;
	*ret_name = slash == NULL ? path : slash + 1;
	if (x->last >= 0 && strlen(x->last_path) == len &&
	    memcmp(x->last_path, path, len) == 0)
		return x->last;
	dir = walk(x->root, path, len, make);
	if (dir < 0)
		return dir;
	if (x->last >= 0)
		(void)close(x->last);
	x->last = dir;
	memcpy(x->last_path, path, len);
	x->last_path[len] = '\0';
	return dir;
}

int extract_create(struct extract *x, const char *path)
{
	const char *name;
	int dir = parent(x, path, true, &name), fd;

	if (dir < 0)
		return dir;
	fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int extract_reopen(struct extract *x, const char *path)
{
	const char *name;
	int dir = parent(x, path, false, &name), fd;

	if (dir < 0)
		return dir;
	fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int extract_remove(struct extract *x, const char *path)
{
	const char *name;
	int dir = parent(x, path, false, &name);

	if (dir < 0)
		return dir;
	return unlinkat(dir, name, 0) < 0 ? -errno : 0;
}

void extract_prune(struct extract *x, const char *path)
{
	if (x->last >= 0) {
		(void)close(x->last);
		x->last = -1;
	}
	if (extract_refusal(path) == NULL && strchr(path, '/') == NULL)
		(void)unlinkat(x->root, path, AT_REMOVEDIR);
}
