/*
 * socket_owner.c - who has which socket open.
 *
 * Reads the links in /proc/PID/fd.  Where a process' first thread has ended its
 * own table is empty, while other threads still hold descriptors: then theirs
 * are read.  Processes that end meanwhile are left out.
 */
#include "socket_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dir.h"
#include "netns.h"
#include "parse.h"
#include "procfs.h"
#include "scope.h"

static void append(struct socket_owners *o, uint64_t inode, pid_t pid, int fd)
{
	if (o->count == o->cap) {
		size_t cap = o->cap == 0 ? 1024 : o->cap * 2;
		struct socket_owner *more = NULL;

		if (cap <= SOCKET_OWNERS_MAX)
			more = realloc(o->list, cap * sizeof(*more));
		if (more == NULL) {
			o->full = true;
			return;
		}
		o->list = more;
		o->cap = cap;
	}
	o->list[o->count++] = (struct socket_owner){
		.inode = inode, .pid = pid, .fd = fd,
	};
}

/* The descriptors in the directory ${name} below ${dir}; how many there were. */
static size_t scan_fds(struct socket_owners *o, struct netns_list *ns, int at,
		       const char *name, pid_t pid)
{
	AUTO_CLOSEDIR DIR *dir = dir_open(at, name);
	struct dirent *d;
	size_t count = 0;

	if (dir == NULL)
		return 0;
	while ((d = readdir(dir)) != NULL) {
		char link[64];
		uint64_t fd, inode;
		ssize_t n;

		if (parse_dec(d->d_name, &fd) < 0 || fd > INT32_MAX)
			continue;
		count++;
		n = readlinkat(dirfd(dir), d->d_name, link, sizeof(link));
		if (n <= 0)
			continue;
		if (procfs_parse_link(link, (size_t)n, "socket", &inode) == 0)
			append(o, inode, pid, (int)fd);
		else if (n > 4 && memcmp(link, "net:", 4) == 0)
			netns_add(ns, dirfd(dir), d->d_name, pid, "descriptor");
	}
	return count;
}

static void scan_threads(struct socket_owners *o, struct netns_list *ns, int at,
			 pid_t pid, bool fds)
{
	AUTO_CLOSEDIR DIR *dir = dir_open(at, "task");
	struct dirent *d;

	if (dir == NULL)
		return;
	while ((d = readdir(dir)) != NULL) {
		pid_t tid = parse_pid(d->d_name);
		char name[64];

		if (tid == 0 || tid == pid)
			continue;
		(void)snprintf(name, sizeof(name), "%d/ns/net", (int)tid);
		netns_add(ns, dirfd(dir), name, tid, "thread");
		(void)snprintf(name, sizeof(name), "%d/fd", (int)tid);
		if (fds && scan_fds(o, ns, dirfd(dir), name, pid) > 0)
			fds = false;
	}
}

static int by_inode(const void *a, const void *b)
{
	const struct socket_owner *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x->fd > y->fd) - (x->fd < y->fd);
}

int socket_owner_scan(struct socket_owners *o, int proc, struct netns_list *ns)
{
	AUTO_CLOSEDIR DIR *dir = dir_open(proc, ".");
	struct dirent *d;

	if (dir == NULL)
		return -errno;
	o->count = 0;
	o->full = false;
	while ((d = readdir(dir)) != NULL) {
		pid_t pid = parse_pid(d->d_name);
		AUTO_CLOSE int at = pid == 0 ? -1 : openat(proc, d->d_name, O_RDONLY |
							   O_DIRECTORY | O_CLOEXEC);

		if (at < 0)
			continue;
		netns_add(ns, at, "ns/net", pid, "process");
		scan_threads(o, ns, at, pid, scan_fds(o, ns, at, "fd", pid) == 0);
	}
	if (o->count > 0)
		qsort(o->list, o->count, sizeof(*o->list), by_inode);
	return 0;
}

size_t socket_owner_find(const struct socket_owners *o, uint64_t inode,
			 const struct socket_owner **ret)
{
	size_t low = 0, high = o->count, n = 0;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (o->list[mid].inode < inode)
			low = mid + 1;
		else
			high = mid;
	}
	while (low + n < o->count && o->list[low + n].inode == inode)
		n++;
	*ret = o->list + low;
	return n;
}

void socket_owner_free(struct socket_owners *o)
{
	free(o->list);
	*o = (struct socket_owners){ 0 };
}
