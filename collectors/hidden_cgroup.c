/*
 * hidden_cgroup.c - the processes that the tree of control groups names.
 *
 * Reads cgroup.procs of every group below /sys/fs/cgroup: of the unified
 * hierarchy, or of systemd's own where version 1 stands.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "dir.h"
#include "hidden.h"
#include "host.h"
#include "lines.h"
#include "parse.h"
#include "scope.h"
#include "set.h"

#define DEPTH_MAX 32u
#define GROUPS_MAX 50000u
#define TEXT_BYTES ((size_t)16 << 10)

struct groups {
	struct set *pids;
	char *text;
	unsigned count;
};

static void read_group(struct groups *g, int dir)
{
	AUTO_CLOSE int fd = openat(dir, "cgroup.procs", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	const char *line;
	struct lines l;
	uint64_t pid;
	size_t len;

	if (fd < 0)
		return;
	lines_open(&l, fd, g->text, TEXT_BYTES, '\n');
	while (lines_next(&l, &line, &len, NULL) > 0)
		/* 0: of another pid namespace */
		if (parse_u64(line, len, 10, &pid) == 0 && pid > 0 && pid <= INT32_MAX)
			(void)set_add(g->pids, pid);
}

static void walk(struct groups *g, int at, const char *name, unsigned depth)
{
	AUTO_CLOSEDIR DIR *dir = dir_open(at, name);
	struct dirent *d;

	if (dir == NULL || ++g->count > GROUPS_MAX)
		return;
	read_group(g, dirfd(dir));
	while (depth < DEPTH_MAX && (d = readdir(dir)) != NULL)
		if (d->d_type == DT_DIR && strcmp(d->d_name, ".") != 0 &&
		    strcmp(d->d_name, "..") != 0)
			walk(g, dirfd(dir), d->d_name, depth + 1);
}

bool hidden_cgroup_pids(const struct hidden *h, struct set *ret)
{
	static const char *const roots[] = { "fs/cgroup", "fs/cgroup/unified", "fs/cgroup/systemd" };
	AUTO_FREE char *text = malloc(TEXT_BYTES);
	struct groups g = { .pids = ret, .text = text };

	for (size_t i = 0; text != NULL && i < ARRAY_LEN(roots); i++) {
		AUTO_CLOSE int dir = openat(h->host->sys, roots[i], O_RDONLY | O_DIRECTORY |
					    O_NOFOLLOW | O_CLOEXEC);

		if (dir < 0 || faccessat(dir, "cgroup.procs", F_OK, 0) < 0)
			continue;
		walk(&g, dir, ".", 0);
		return true;
	}
	return false;
}
