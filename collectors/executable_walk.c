/*
 * executable_walk.c - programs on file systems in memory that nobody needs to run.
 *
 * Walks /dev/shm, /tmp and /var/tmp where these are in memory: no
 * snapshot of a disk will have them.  Follows no link, crosses no mount, opens
 * regular files only, and stops at a limit.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "attr.h"
#include "dir.h"
#include "executable.h"
#include "host.h"
#include "process.h"
#include "scope.h"
#include "sink.h"

#define DEPTH_MAX 16u
#define ENTRIES_MAX 20000u

struct walk {
	struct executable *x;
	int self;          /* /proc/self: the mounts are ours */
	uint64_t mount;    /* stays within */
	unsigned entries;
	char path[PATH_MAX];
};

static bool in_memory(int dir)
{
	struct statfs st;

	return fstatfs(dir, &st) == 0 &&
	       (st.f_type == TMPFS_MAGIC || st.f_type == RAMFS_MAGIC);
}

static int take_file(struct walk *w, int dir, const char *name, const struct attr *a,
		     size_t len)
{
	struct executable_row row = { .kind = "file", .path = w->path, .path_len = len };

	row.why = executable_why(w->path, &row.path_len, a);
	row.path_len = len; /* a name may look like the kernel's mark */
	/* What may be run, be it a script; what may not, if it is a program. */
	return executable_file(w->x, w->self, dir, name, a, &row, (a->mode & 0111) != 0);
}

static int walk_dir(struct walk *w, int at, const char *name, size_t len, unsigned depth)
{
	AUTO_CLOSEDIR DIR *dir = dir_open(at, name);
	struct dirent *d;
	int r = 0;

	if (dir == NULL)
		return sink_gap(w->x->pass->sink, w->path, -errno, NULL);
	while (r == 0 && (d = readdir(dir)) != NULL) {
		struct attr a;
		int n;

		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		n = snprintf(w->path + len, sizeof(w->path) - len, "/%s", d->d_name);
		if (++w->entries > ENTRIES_MAX || (size_t)n >= sizeof(w->path) - len ||
		    attr_get(dirfd(dir), d->d_name, false, &a) < 0 || a.mount_id != w->mount)
			continue;
		if (S_ISREG(a.mode) && a.size > 0)
			r = take_file(w, dirfd(dir), d->d_name, &a, len + (size_t)n);
		else if (S_ISDIR(a.mode) && depth < DEPTH_MAX)
			r = walk_dir(w, dirfd(dir), d->d_name, len + (size_t)n, depth + 1);
	}
	w->path[len] = '\0';
	return r;
}

static int take_place(struct walk *w, const struct host *host, const char *place)
{
	AUTO_CLOSE int dir = openat(host->root, place + 1, O_RDONLY | O_DIRECTORY |
				    O_NOFOLLOW | O_CLOEXEC);
	struct attr a;
	int n;

	if (dir < 0 || !in_memory(dir) || attr_get(dir, "", false, &a) < 0)
		return 0;
	w->mount = a.mount_id;
	n = snprintf(w->path, sizeof(w->path), "%s", place);
	return walk_dir(w, dir, ".", (size_t)n, 0);
}

int executable_walk(struct executable *x, const struct host *host)
{
	static const char *const places[] = { "/dev/shm", "/tmp", "/var/tmp" };
	AUTO_CLOSE int self = openat(host->proc, "self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct walk w = { .x = x, .self = self };
	int r = 0;

	if (self < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(places) && r == 0; i++)
		r = take_place(&w, host, places[i]);
	if (r == 0 && w.entries > ENTRIES_MAX)
		r = sink_gap(x->pass->sink, "executables", -E2BIG,
			     "more files in memory than are looked at");
	return r;
}
