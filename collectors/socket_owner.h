/* socket_owner.h - who has which socket open. */
#ifndef SOCKET_OWNER_H
#define SOCKET_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct netns_list;

/* A descriptor that is a socket. */
struct socket_owner {
	uint64_t inode;
	pid_t pid;
	int fd;
};

/* All zero is empty. */
struct socket_owners {
	struct socket_owner *list; /* sorted by inode */
	size_t count, cap;
	bool full; /* some were left out */
};

#define SOCKET_OWNERS_MAX ((size_t)1 << 19)

/*
 * Read the descriptors of every process in ${proc}, replacing what is there;
 * network namespaces met on the way are added to ${ns}.  0 or a negative errno
 * when /proc itself cannot be read.
 */
int socket_owner_scan(struct socket_owners *o, int proc, struct netns_list *ns);

/* The owners of a socket: the first, and how many follow it.  0: none. */
size_t socket_owner_find(const struct socket_owners *o, uint64_t inode,
			 const struct socket_owner **ret);

void socket_owner_free(struct socket_owners *o);

#endif
