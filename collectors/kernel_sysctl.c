/*
 * kernel_sysctl.c - every readable setting below /proc/sys.
 *
 * Never writes.  Left out: settings that only take orders, secrets, and what
 * other file systems hang there unless it is binfmt_misc, whose entries are a
 * way to be started.  An automount point is never looked into.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "attr.h"
#include "dir.h"
#include "host.h"
#include "io.h"
#include "kernel.h"
#include "mount.h"
#include "scope.h"
#include "sink.h"
#include "table.h"

#define DEPTH_MAX 12
#define VALUE_BYTES ((size_t)16 << 10)
#define SETTINGS_MAX 200000u
#define PATH_BYTES 4096

struct sysctl_pass {
	struct sink *sink;
	struct table *table;
	struct mount_set mounts;
	uint64_t mount; /* that of /proc/sys */
	char *value;
	uint64_t unreadable;
	size_t path_len;
	char path[PATH_BYTES];
};

/* Append "/${name}" to the path.  False when it has no room. */
static bool push(struct sysctl_pass *p, const char *name)
{
	size_t len = strlen(name);

	if (p->path_len + len + 2 > sizeof(p->path))
		return false;
	if (p->path_len > 0)
		p->path[p->path_len++] = '/';
	memcpy(p->path + p->path_len, name, len + 1);
	p->path_len += len;
	return true;
}

static int setting(struct sysctl_pass *p, int dir, const char *name)
{
	ssize_t n = io_read_file(dir, name, p->value, VALUE_BYTES);
	bool cut = n == -EFBIG;
	char dotted[PATH_BYTES];
	struct json *j;

	if (cut)
		n = (ssize_t)VALUE_BYTES - 1;
	if (n < 0) {
		p->unreadable++; /* many refuse in their unset state */
		return 0;
	}
	if (n > 0 && p->value[n - 1] == '\n')
		n--;
	/* As sysctl(8) writes names: the two separators change places. */
	for (size_t i = 0; i <= p->path_len; i++)
		dotted[i] = p->path[i] == '/' ? '.' : p->path[i] == '.' ? '/' : p->path[i];
	j = table_row(p->table);
	json_bytes(j, "name", dotted, p->path_len);
	json_bytes(j, "subsystem", p->path, strcspn(p->path, "/"));
	json_bytes(j, "current_value", p->value, (size_t)n);
	if (cut)
		json_bool(j, "cut", true);
	return table_row_end(p->table);
}

static bool wanted(struct sysctl_pass *p, const char *name, const struct attr *a)
{
	/* The secret makes addresses, and says nothing. */
	if (S_ISREG(a->mode))
		return (a->mode & 0444) != 0 && strcmp(name, "stable_secret") != 0;
	if (!S_ISDIR(a->mode))
		return false;
	return a->mount_id == p->mount ||
	       (strcmp(name, "binfmt_misc") == 0 &&
		mount_set_kind(&p->mounts, a, NULL) == MOUNT_KERNEL);
}

/* One directory after the other, the open ones in ${stack}. */
static int walk(struct sysctl_pass *p, DIR *stack[DEPTH_MAX], size_t lens[DEPTH_MAX])
{
	int depth = 0, r = 0;

	while (depth >= 0 && r == 0 && table_rows(p->table) < SETTINGS_MAX) {
		struct dirent *d = readdir(stack[depth]);
		struct attr a;

		p->path_len = lens[depth];
		if (d == NULL) {
			(void)closedir(stack[depth]);
			stack[depth--] = NULL;
			continue;
		}
		if (d->d_name[0] == '.' ||
		    attr_get(dirfd(stack[depth]), d->d_name, false, &a) < 0 ||
		    !wanted(p, d->d_name, &a) || !push(p, d->d_name))
			continue;
		if (S_ISREG(a.mode)) {
			r = setting(p, dirfd(stack[depth]), d->d_name);
		} else if (depth + 1 < DEPTH_MAX) {
			stack[depth + 1] = dir_open(dirfd(stack[depth]), d->d_name);
			if (stack[depth + 1] != NULL)
				lens[++depth] = p->path_len;
		}
	}
	for (; depth >= 0; depth--)
		(void)closedir(stack[depth]);
	return r;
}

static int start(struct sysctl_pass *p, int proc)
{
	DIR *stack[DEPTH_MAX] = { dir_open(proc, "sys") };
	size_t lens[DEPTH_MAX] = { 0 };
	struct attr a;
	int r;

	if (stack[0] == NULL)
		return sink_gap(p->sink, "proc/sys", -errno, NULL);
	if (attr_get(dirfd(stack[0]), "", false, &a) == 0)
		p->mount = a.mount_id;
	(void)mount_set_add(&p->mounts, proc, "self/mountinfo");
	r = walk(p, stack, lens);
	if (r == 0 && table_rows(p->table) >= SETTINGS_MAX)
		r = sink_gap(p->sink, "proc/sys", -E2BIG, "the rest was left out");
	if (r == 0)
		r = sink_note(p->sink, "kernel.sysctl_unreadable", "%llu",
			      (unsigned long long)p->unreadable);
	return r;
}

int kernel_sysctl_read(const struct host *host, struct sink *sink)
{
	struct sysctl_pass *p = calloc(1, sizeof(*p));
	int r = -ENOMEM, end;

	if (p == NULL)
		return r;
	p->sink = sink;
	p->value = malloc(VALUE_BYTES);
	if (p->value != NULL)
		r = table_open(&p->table, sink, "system_controls");
	if (r == 0) {
		r = start(p, host->proc);
		end = table_close(p->table);
		if (r == 0)
			r = end;
	}
	mount_set_free(&p->mounts);
	free(p->value);
	free(p);
	return r;
}
