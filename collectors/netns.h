/* netns.h - the network namespaces of the host, and a visit to one. */
#ifndef NETNS_H
#define NETNS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct host;

struct netns {
	uint64_t inode;   /* its number, as in "net:[4026531840]" */
	int fd;           /* -1: our own, when nothing else can be had */
	pid_t pid;        /* a process, or a thread, in it; 0: none */
	const char *how;  /* "process", "thread", "descriptor", "mount", "self" */
};

/* All zero is empty. */
struct netns_list {
	struct netns *list;
	size_t count, cap;
	size_t refused; /* too many, or no descriptors left */
};

#define NETNS_MAX 512u

/*
 * Add the namespace of the link ${name} below ${dir}, unless it is there.  A
 * link that is gone is no error.
 */
void netns_add(struct netns_list *l, int dir, const char *name, pid_t pid,
	       const char *how);

/* Add those that only a mount keeps alive (as "ip netns add" makes them). */
void netns_add_mounts(struct netns_list *l, const struct host *host);

void netns_free(struct netns_list *l);

/* Our own namespace.  0 or a negative errno; ${ret->fd} is then -1. */
int netns_home(struct netns *ret, const struct host *host);

/*
 * Let ${visit} run with the calling thread in ${ns}, and return to ${home}.  0,
 * ${visit}'s error, or that of setns(); a failed return is -ENOTRECOVERABLE: the
 * thread must then not go on.
 */
int netns_visit(const struct netns *ns, const struct netns *home,
		int (*visit)(void *arg), void *arg);

#endif
