/*
 * vault_dir.c - objects as files of a directory.
 *
 * An object gets its name only once it is whole and on the disk, and never
 * takes the name of one that is there.  The file system may be a dead one, where
 * every call hangs: such a call is left behind, and until it comes back nothing
 * else is asked of the directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "aside.h"
#include "clock.h"
#include "io.h"
#include "scope.h"
#include "vault.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1u
#endif

/* What is copied for a call, so that nobody has to keep it for one that hangs. */
#define SMALL_BYTES (64u << 10)
#define SLOW_BYTES_PER_MS 256u
#define OPEN_MS 5000

struct vault {
	int dir;
	int64_t deadline_ms, reserve_ms, patience_ms;
	atomic_int hung; /* calls that were left behind, and did not come back */
};

struct vault_session {
	struct vault *vault;
};

/* Opening a vault, as a call that may hang. */
struct open_call {
	struct aside a;
	char *url, *path;
	int dir;
};

/* Storing an object, the same. */
struct put_call {
	struct aside a;
	struct vault *vault;
	struct vault_object obj;
	char name[256];
	uint8_t copy[]; /* of the data, if it is small */
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

static int run_open(struct aside *a)
{
	struct open_call *c = (struct open_call *)(void *)a;
	int base, top, r;

	base = open(c->url[0] == '/' ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base < 0)
		return -errno;
	top = make_dirs(base, c->url);
	(void)close(base);
	if (top < 0)
		return top;
	r = make_dirs(top, c->path);
	(void)close(top);
	c->dir = r;
	return r < 0 ? r : 0;
}

static void free_open(struct aside *a)
{
	struct open_call *c = (struct open_call *)(void *)a;

	free(c->url);
	free(c->path);
	free(c);
}

/* The directory below which all goes, made where it is missing. */
static int reach(const struct vault_options *o, const char *path)
{
	struct open_call *c = calloc(1, sizeof(*c));
	int64_t until = o->deadline_ms, wait_ms = o->patience_ms, end;
	bool left = false;
	int r;

	if (c == NULL)
		return -ENOMEM;
	c->a = (struct aside){ .run = run_open, .drop = free_open };
	c->url = strdup(o->url);
	c->path = strdup(path);
	/* While it waits, nothing is collected: no longer than needs be. */
	if (wait_ms > OPEN_MS)
		wait_ms = OPEN_MS;
	if (wait_ms == 0)
		wait_ms = o->give_up_ms;
	end = clock_now_ms() + wait_ms;
	if (wait_ms != 0 && (until == 0 || end < until))
		until = end;
	r = c->url == NULL || c->path == NULL ? -ENOMEM : aside_call(&c->a, until, &left);
	if (r == -ETIMEDOUT && left)
		return r;
	if (r == 0)
		r = c->dir;
	free_open(&c->a);
	return r;
}

static int dir_open(struct vault **ret, const struct vault_options *o,
		    const char *path, char error[VAULT_ERROR_MAX])
{
	struct vault *v;
	int r = -ENOENT;

	if (o->url[0] == '\0') {
		explain(error, "--to", r);
		return r;
	}
	v = calloc(1, sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	r = reach(o, path);
	if (r == -ETIMEDOUT)
		(void)snprintf(error, VAULT_ERROR_MAX, "%.128s: the directory's file system "
			       "hangs", o->url);
	else if (r < 0)
		explain(error, o->url, r);
	if (r < 0) {
		free(v);
		return r;
	}
	v->dir = r;
	v->deadline_ms = o->deadline_ms;
	v->reserve_ms = o->reserve_ms;
	v->patience_ms = o->patience_ms != 0 ? o->patience_ms : o->give_up_ms;
	*ret = v;
	return 0;
}

static int dir_session(struct vault_session **ret, struct vault *v)
{
	struct vault_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->vault = v;
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

static int run_put(struct aside *a)
{
	struct put_call *c = (struct put_call *)(void *)a;
	int dir = c->vault->dir, r;
	char temp[280];

	(void)snprintf(temp, sizeof(temp), ".%s.part", c->name);
	r = write_file(dir, temp, &c->obj);
	if (r == 0) {
		/* What was given up shall not turn up after all: the manifest lacks it. */
		r = aside_is_left(a) ? -ECANCELED : settle(dir, temp, c->name);
		if (r < 0)
			(void)unlinkat(dir, temp, 0);
	}
	if (r == 0 && fsync(dir) < 0 && errno != EINVAL)
		r = -errno;
	return r;
}

/* It came back after all: the directory lives again. */
static void drop_put(struct aside *a)
{
	struct put_call *c = (struct put_call *)(void *)a;
	struct vault *v = c->vault;

	free(c);
	(void)atomic_fetch_sub(&v->hung, 1);
}

/* When a call for ${obj} is left behind; 0: never. */
static int64_t limit(const struct vault *v, const struct vault_object *obj)
{
	int64_t until = vault_until(v->deadline_ms, v->reserve_ms, obj), end;

	if (v->patience_ms == 0)
		return until;
	end = clock_now_ms() + v->patience_ms + (int64_t)(obj->len / SLOW_BYTES_PER_MS);
	return until == 0 || end < until ? end : until;
}

static int call_put(struct vault *v, const struct vault_object *obj, bool *left)
{
	bool copy = obj->held == NULL || obj->len <= SMALL_BYTES;
	struct put_call *c = malloc(sizeof(*c) + (copy ? obj->len : 0));
	int r;

	if (c == NULL)
		return -ENOMEM;
	c->a = (struct aside){ .run = run_put, .drop = drop_put };
	c->vault = v;
	c->obj = *obj;
	(void)snprintf(c->name, sizeof(c->name), "%s", obj->name);
	if (copy && obj->len > 0)
		c->obj.data = memcpy(c->copy, obj->data, obj->len);
	r = aside_call(&c->a, limit(v, obj), left);
	if (!*left) {
		free(c);
		return r;
	}
	/* It may come back at any moment, even before it is counted. */
	(void)atomic_fetch_add(&v->hung, 1);
	if (!copy)
		*obj->held = true;
	return r;
}

static int dir_put(struct vault_session *s, const struct vault_object *obj,
		   char error[VAULT_ERROR_MAX])
{
	struct vault *v = s->vault;
	int64_t until = vault_until(v->deadline_ms, v->reserve_ms, obj);
	bool left = false;
	int r;

	if (strlen(obj->name) >= 256 - strlen("..part")) {
		explain(error, obj->name, -ENAMETOOLONG);
		return -ENAMETOOLONG;
	}
	if (until != 0 && clock_now_ms() >= until) {
		(void)snprintf(error, VAULT_ERROR_MAX, "not stored: the time is over");
		return -ETIME;
	}
	/* The last ones have their own time, and it may have been a slow disk only. */
	r = atomic_load(&v->hung) > 0 && !obj->last ? -ETIMEDOUT : call_put(v, obj, &left);
	if (r == -ETIMEDOUT)
		(void)snprintf(error, VAULT_ERROR_MAX, "%.128s: not stored in time: the "
			       "directory's file system hangs", obj->name);
	else if (r < 0)
		explain(error, obj->name, r);
	return r;
}

static void dir_session_close(struct vault_session *s)
{
	free(s);
}

static void dir_close(struct vault *v)
{
	/* A call that hangs has all of it still. */
	if (v == NULL || atomic_load(&v->hung) != 0)
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
