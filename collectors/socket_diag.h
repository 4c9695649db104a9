/* socket_diag.h - the kernel's sockets by NETLINK_SOCK_DIAG. */
#ifndef SOCKET_DIAG_H
#define SOCKET_DIAG_H

#include <stddef.h>

struct netlink;
struct netlink_result;
struct socket_kind;
struct socket_record;

/* One socket; pointers in it are valid during the call.  Non-zero ends. */
typedef int socket_each(void *arg, const struct socket_record *s);

/*
 * Every socket of ${kind} in the namespace of ${n}.  Messages of another form
 * are skipped.  As netlink_dump().
 */
int socket_diag_dump(struct netlink *n, const struct socket_kind *kind,
		     socket_each *each, void *arg, struct netlink_result *ret);

/*
 * Parse the payload of one answer (include/uapi/linux/{inet,unix,packet,
 * netlink,vm_sockets}_diag.h).  0, or -EINVAL when it is too short or of
 * another family.  ${ret} points into ${data}.  No I/O.
 */
int socket_diag_parse(const struct socket_kind *kind, const void *data,
		      size_t len, struct socket_record *ret);

#endif
