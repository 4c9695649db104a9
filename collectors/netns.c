/*
 * netns.c - the network namespaces of the host, and a visit to one.
 *
 * Found by the links in /proc/PID/ns, /proc/PID/task/TID/ns and /proc/PID/fd,
 * and by mounts.  A descriptor keeps each from going away before it is read.
 */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attr.h"
#include "host.h"
#include "lines.h"
#include "mount.h"
#include "procfs.h"
#include "scope.h"

#define MOUNT_LINE ((size_t)32 << 10)

static bool known(const struct netns_list *l, uint64_t inode)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->list[i].inode == inode)
			return true;
	return false;
}

static bool room(struct netns_list *l)
{
	size_t cap = l->cap == 0 ? 16 : l->cap * 2;
	struct netns *more;

	if (l->count < l->cap)
		return true;
	if (cap > NETNS_MAX)
		return false;
	more = realloc(l->list, cap * sizeof(*more));
	if (more == NULL)
		return false;
	l->list = more;
	l->cap = cap;
	return true;
}

static void append(struct netns_list *l, int dir, const char *name, pid_t pid,
		   const char *how)
{
	struct attr a;
	int fd;

	if (!room(l)) {
		l->refused++;
		return;
	}
	fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		l->refused += errno == EMFILE || errno == ENFILE;
		return;
	}
	if (attr_get(fd, "", false, &a) < 0 || known(l, a.inode)) {
		(void)close(fd);
		return;
	}
	l->list[l->count++] = (struct netns){
		.inode = a.inode, .fd = fd, .pid = pid, .how = how,
	};
}

void netns_add(struct netns_list *l, int dir, const char *name, pid_t pid,
	       const char *how)
{
	char link[64];
	ssize_t n = readlinkat(dir, name, link, sizeof(link));
	uint64_t inode;

	if (n > 0 && procfs_parse_link(link, (size_t)n, "net", &inode) == 0 &&
	    !known(l, inode))
		append(l, dir, name, pid, how);
}

/* A mount of nsfs whose root is "net:[N]". */
static void add_mount(struct netns_list *l, int root, const struct mount_line *m)
{
	char path[4096];
	uint64_t inode;
	size_t n;

	if (m->type_len != 4 || memcmp(m->type, "nsfs", 4) != 0 ||
	    procfs_parse_link(m->root, m->root_len, "net", &inode) < 0 ||
	    known(l, inode) || m->path_len >= sizeof(path) || m->path_len < 2)
		return;
	n = mount_unescape(path, m->path, m->path_len);
	path[n] = '\0';
	append(l, root, path + 1, 0, "mount");
}

void netns_add_mounts(struct netns_list *l, const struct host *host)
{
	AUTO_CLOSE int fd = openat(host->proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *buf = malloc(MOUNT_LINE);
	struct mount_line m;
	struct lines in;
	const char *line;
	size_t len;

	if (fd < 0 || buf == NULL)
		return;
	lines_open(&in, fd, buf, MOUNT_LINE, '\n');
	while (lines_next(&in, &line, &len, NULL) > 0)
		if (mount_parse(line, len, &m) == 0)
			add_mount(l, host->root, &m);
}

void netns_free(struct netns_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->list[i].fd >= 0)
			(void)close(l->list[i].fd);
	free(l->list);
	*l = (struct netns_list){ 0 };
}

int netns_home(struct netns *ret, const struct host *host)
{
	struct attr a;
	int r;

	*ret = (struct netns){ .fd = -1, .how = "self" };
	ret->fd = openat(host->proc, "thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (ret->fd < 0)
		return -errno;
	r = attr_get(ret->fd, "", false, &a);
	if (r < 0) {
		(void)close(ret->fd);
		ret->fd = -1;
	} else {
		ret->inode = a.inode;
	}
	return r;
}

int netns_visit(const struct netns *ns, const struct netns *home,
		int (*visit)(void *arg), void *arg)
{
	int r;

	/* To stay at home needs no privilege. */
	if (ns->inode == home->inode)
		return visit(arg);
	if (ns->fd < 0 || home->fd < 0)
		return -EPERM;
	if (setns(ns->fd, CLONE_NEWNET) < 0)
		return -errno;
	r = visit(arg);
	if (setns(home->fd, CLONE_NEWNET) < 0)
		return -ENOTRECOVERABLE;
	return r;
}
