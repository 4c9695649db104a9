/* socket_proc.h - the kernel's sockets by the texts of /proc/net. */
#ifndef SOCKET_PROC_H
#define SOCKET_PROC_H

#include <stddef.h>

struct socket_kind;
struct socket_record;

/*
 * Parse one line of the file of ${kind} (net/ipv4/tcp_ipv4.c, net/unix/
 * af_unix.c, net/packet/af_packet.c, net/netlink/af_netlink.c).  0, or -EINVAL:
 * the heading, or another form.  ${ret} points into ${line}.  No I/O.
 */
int socket_proc_parse(const struct socket_kind *kind, const char *line,
		      size_t len, struct socket_record *ret);

#endif
