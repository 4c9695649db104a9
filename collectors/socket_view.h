/* socket_view.h - both interfaces to the sockets of one network namespace. */
#ifndef SOCKET_VIEW_H
#define SOCKET_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netlink.h"
#include "set.h"
#include "socket_diag.h"

struct host;
struct netns;
struct sink;

#define SOCKET_KINDS 32

/* Taken from inside a namespace, usable outside of it. */
struct socket_view {
	struct netlink netlink;  /* fd -1: no sock_diag */
	int netlink_error;
	int files[SOCKET_KINDS]; /* of /proc/net, -1: not there */
	uint32_t registered;     /* kinds whose protocol this kernel has */
	uint32_t by_diag, by_proc; /* kinds that could be read */
	bool interrupted, truncated, malformed;
	bool skipped;            /* a text was too long to be read */
	size_t diag_count[SOCKET_KINDS];
	struct set diag, proc;   /* inodes seen: kind and inode */
	struct set cookies;      /* delivered: a repeated dump brings no twins */
};

/*
 * Open the view of ${ns}: a netlink socket and the files in /proc/net.  ${home}
 * is our own namespace.  0 or netns_visit()'s error.  socket_view_close() is
 * needed in any case.
 */
int socket_view_open(struct socket_view *v, const struct host *host,
		     const struct netns *ns, const struct netns *home);

void socket_view_close(struct socket_view *v);

/*
 * Dump all kinds by sock_diag and hand each socket to ${each} (NULL: only
 * remember).  0, or -ECANCELED when ${each} ended it.
 */
int socket_view_diag(struct socket_view *v, socket_each *each, void *arg);

/*
 * Read all files of /proc/net.  The text goes into ${sink} (NULL: nowhere) as
 * "proc/net/${ns}/NAME".  Sockets of kinds that sock_diag could not show are
 * handed to ${each}.  0, -ECANCELED, or the sink's error.
 */
int socket_view_proc(struct socket_view *v, struct sink *sink, uint64_t ns,
		     socket_each *each, void *arg);

/* The sockets that only one of the two shows. */
typedef int socket_lonely(void *arg, const char *kind, uint64_t inode, bool by_diag);

/*
 * Compare kinds that both could show; ${each} for what ${v} shows on one side
 * only.  Nothing is said of tables too large to be remembered.  0, or
 * ${each}'s error.
 */
int socket_view_compare(const struct socket_view *v, socket_lonely *each, void *arg);

/* Is this socket on one side only, in this view? */
bool socket_view_lonely(const struct socket_view *v, const char *kind,
			uint64_t inode, bool by_diag);

#endif
