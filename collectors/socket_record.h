/* socket_record.h - one socket as the kernel shows it, by either of its interfaces. */
#ifndef SOCKET_RECORD_H
#define SOCKET_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct table;

/* How the text in /proc/net is laid out. */
enum socket_layout {
	LAYOUT_NONE,
	LAYOUT_INET,
	LAYOUT_UNIX,
	LAYOUT_PACKET,
	LAYOUT_NETLINK,
};

/* How sock_diag is asked and answers. */
enum socket_diag {
	DIAG_NONE,
	DIAG_INET,
	DIAG_RAW,
	DIAG_MPTCP,
	DIAG_UNIX,
	DIAG_PACKET,
	DIAG_NETLINK,
	DIAG_VSOCK,
};

/* A kind of sockets: one table of the kernel's. */
struct socket_kind {
	const char *name;     /* "tcp6", and the file in /proc/net */
	const char *protocol; /* in /proc/net/protocols; absent there: not asked */
	int family;           /* AF_* */
	int number;           /* IPPROTO_*, 0 where there is none */
	int type;             /* SOCK_*, 0 when it differs */
	enum socket_diag diag;
	enum socket_layout layout;
};

/* At most 32; the end has no name. */
extern const struct socket_kind socket_kinds[];

#define SOCKET_TCP_CLOSE 7
#define SOCKET_TCP_LISTEN 10
#define SOCKET_TCP_BOUND_INACTIVE 13

/* One socket.  What an interface does not tell stays 0. */
struct socket_record {
	const struct socket_kind *kind;
	int type, protocol;
	unsigned state;          /* TCP_*, also for others; 0: has none */
	unsigned address_len;    /* 0, 4 or 16 */
	uint8_t local[16], remote[16];
	uint32_t local_port, remote_port;
	uint64_t inode, cookie, cgroup;
	bool has_uid, has_mark;
	uint32_t uid, mark, interface;
	uint32_t recv_queue, send_queue;
	uint32_t timer, retransmits, expires_ms;
	/* tcp */
	bool has_info;
	uint64_t bytes_acked, bytes_received;
	uint32_t rtt_us, last_sent_ms, last_received_ms;
	/* unix: bytes of the address; the leading NUL of an abstract one is there */
	const uint8_t *name;
	size_t name_len;
	uint64_t peer, file_inode, file_device;
	/* packet: classic BPF, as struct sock_filter[] */
	const uint8_t *filter;
	size_t filter_len;
	uint32_t flags;
	/* netlink */
	uint64_t groups;
	/* vsock: context ids */
	uint32_t local_cid, remote_cid;
};

/* Name of a state: "LISTEN"; "" for 0 and what is unknown. */
const char *socket_state_name(unsigned state);

/*
 * Write a row of "process_open_sockets".  ${pid} and ${fd} are -1 when nobody
 * has it open; ${net_namespace} is an inode number.  0, or the sink's error.
 */
int socket_record_row(struct table *t, const struct socket_record *s, pid_t pid,
		      int fd, uint64_t net_namespace, const char *source);

#endif
