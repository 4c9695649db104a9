/*
 * vault_dir.c - objects as files of a directory.
 *
 * An object gets its name only once it is whole and on the disk, and never
 * takes the name of one that is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io.h"
#include "scope.h"
#include "vault.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1u
#endif

struct vault {
	int dir;
};

struct vault_session {
	int dir; /* the vault's, borrowed */
};

/* Make each directory of ${path} below ${dir}; the last one is returned. */
static int make_dirs(int dir, const char *path)
{
	char part[256];
	int at = dup(dir), r = 0;

	if (at < 0)
		return -errno;
	while (r == 0 && *path != '\0') {
		size_t len = strcspn(path, "/");
		int next;

		if (len > 0 && len < sizeof(part)) {
			memcpy(part, path, len);
			part[len] = '\0';
			if (mkdirat(at, part, 0755) < 0 && errno != EEXIST)
				r = -errno;
			next = openat(at, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (r == 0 && next < 0)
				r = -errno;
			(void)close(at);
			at = next;
		} else if (len > 0) {
			r = -ENAMETOOLONG;
		}
		path += len;
		path += strspn(path, "/");
	}
	if (r < 0 && at >= 0)
		(void)close(at);
	return r < 0 ? r : at;
}

static void explain(char error[VAULT_ERROR_MAX], const char *what, int r)
{
	(void)snprintf(error, VAULT_ERROR_MAX, "%.128s: %s", what, strerror(-r));
}

static int dir_open(struct vault **ret, const struct vault_options *o,
		    const char *path, char error[VAULT_ERROR_MAX])
{
	AUTO_CLOSE int base = -1;
	struct vault *v;
	int r;

	if (o->url[0] == '\0') {
		explain(error, "--to", -ENOENT);
		return -ENOENT;
	}
	base = open(o->url[0] == '/' ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base < 0) {
		r = -errno;
		explain(error, o->url, r);
		return r;
	}
	v = calloc(1, sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	r = make_dirs(base, o->url);
	if (r >= 0) {
		int top = r;

		r = make_dirs(top, path);
		(void)close(top);
	}
	if (r < 0) {
		explain(error, o->url, r);
		free(v);
		return r;
	}
	v->dir = r;
	*ret = v;
	return 0;
}

static int dir_session(struct vault_session **ret, struct vault *v)
{
	struct vault_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->dir = v->dir;
	*ret = s;
	return 0;
}

/* Give the file its name, unless there is one; not every file system can. */
static int settle(int dir, const char *from, const char *to)
{
	if (syscall(SYS_renameat2, dir, from, dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (linkat(dir, from, dir, to, 0) < 0)
		return -errno;
	(void)unlinkat(dir, from, 0);
	return 0;
}

static int write_file(int dir, const char *name, const struct vault_object *obj)
{
	AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL |
				   O_NOFOLLOW | O_CLOEXEC, 0644);
	int r;

	if (fd < 0)
		return -errno;
	r = io_write(fd, obj->data, obj->len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	/* What was written need not push the host's own pages out of memory. */
	if (r == 0)
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (r < 0)
		(void)unlinkat(dir, name, 0);
	return r;
}

static int dir_put(struct vault_session *s, const struct vault_object *obj,
		   char error[VAULT_ERROR_MAX])
{
	char temp[280];
	int r;

	if ((size_t)snprintf(temp, sizeof(temp), ".%s.part", obj->name) >= 256) {
		explain(error, obj->name, -ENAMETOOLONG);
		return -ENAMETOOLONG;
	}
	r = write_file(s->dir, temp, obj);
	if (r == 0) {
		r = settle(s->dir, temp, obj->name);
		if (r < 0)
			(void)unlinkat(s->dir, temp, 0);
	}
	if (r == 0 && fsync(s->dir) < 0 && errno != EINVAL)
		r = -errno;
	if (r < 0)
		explain(error, obj->name, r);
	return r;
}

static void dir_session_close(struct vault_session *s)
{
	free(s);
}

static void dir_close(struct vault *v)
{
	if (v == NULL)
		return;
	(void)close(v->dir);
	free(v);
}

const struct vault_ops vault_dir = {
	.scheme = "",
	.open = dir_open,
	.session = dir_session,
	.put = dir_put,
	.session_close = dir_session_close,
	.close = dir_close,
};
