/*
 * socket_diag.c - the kernel's sockets by NETLINK_SOCK_DIAG.
 *
 * One dump a kind.  Structures are copied out of the datagram before they are
 * looked at, and an attribute is used only when it is as long as it must be.
 */
#include "socket_diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <linux/vm_sockets_diag.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink.h"
#include "socket_record.h"

/* Numbers that older headers lack. */
#define ATTR_REQ_PROTOCOL 3
#define ATTR_MARK 15
#define ATTR_CGROUP 21
#define ATTR_UNIX_UID 7
#define SHOW_UNIX_UID 0x40

#define EXT(attr) (1u << ((attr) - 1))

static uint64_t cookie_of(const uint32_t c[2])
{
	return (uint64_t)c[1] << 32 | c[0];
}

/* Copy an attribute's value when it has at least ${want} bytes. */
static bool take(void *ret, size_t want, const uint8_t *data, size_t len)
{
	if (len < want)
		return false;
	memcpy(ret, data, want);
	return true;
}

static void inet_info(struct socket_record *s, const uint8_t *data, size_t len)
{
	struct tcp_info info;

	memset(&info, 0, sizeof(info));
	memcpy(&info, data, len < sizeof(info) ? len : sizeof(info));
	s->has_info = true;
	s->bytes_acked = info.tcpi_bytes_acked;
	s->bytes_received = info.tcpi_bytes_received;
	s->rtt_us = info.tcpi_rtt;
	s->last_sent_ms = info.tcpi_last_data_sent;
	s->last_received_ms = info.tcpi_last_data_recv;
}

static void inet_attrs(struct socket_record *s, const uint8_t *data, size_t len)
{
	const uint8_t *value;
	uint16_t type;
	size_t n;

	while (netlink_attr(&data, &len, &type, &value, &n)) {
		if (type == INET_DIAG_INFO && s->protocol == IPPROTO_TCP)
			inet_info(s, value, n);
		else if (type == ATTR_MARK)
			s->has_mark = take(&s->mark, sizeof(s->mark), value, n);
		else if (type == ATTR_CGROUP)
			(void)take(&s->cgroup, sizeof(s->cgroup), value, n);
	}
}

static int parse_inet(const uint8_t *data, size_t len, struct socket_record *s)
{
	struct inet_diag_msg m;

	if (!take(&m, sizeof(m), data, len) || m.idiag_family != s->kind->family)
		return -EINVAL;
	s->state = m.idiag_state;
	s->address_len = m.idiag_family == AF_INET ? 4 : 16;
	memcpy(s->local, m.id.idiag_src, s->address_len);
	memcpy(s->remote, m.id.idiag_dst, s->address_len);
	s->local_port = ntohs(m.id.idiag_sport);
	s->remote_port = ntohs(m.id.idiag_dport);
	if (s->kind->diag == DIAG_RAW) { /* its port is its protocol */
		s->protocol = (int)s->local_port;
		s->local_port = 0;
	}
	s->inode = m.idiag_inode;
	s->cookie = cookie_of(m.id.idiag_cookie);
	s->has_uid = true;
	s->uid = m.idiag_uid;
	s->interface = m.id.idiag_if;
	s->recv_queue = m.idiag_rqueue;
	s->send_queue = m.idiag_wqueue;
	s->timer = m.idiag_timer;
	s->retransmits = m.idiag_retrans;
	s->expires_ms = m.idiag_expires;
	inet_attrs(s, data + sizeof(m), len - sizeof(m));
	return 0;
}

static void unix_attrs(struct socket_record *s, const uint8_t *data, size_t len)
{
	struct unix_diag_rqlen queue;
	struct unix_diag_vfs file;
	const uint8_t *value;
	uint32_t peer;
	uint16_t type;
	size_t n;

	while (netlink_attr(&data, &len, &type, &value, &n)) {
		if (type == UNIX_DIAG_NAME) {
			s->name = value;
			s->name_len = n;
		} else if (type == UNIX_DIAG_PEER && take(&peer, sizeof(peer), value, n)) {
			s->peer = peer;
		} else if (type == UNIX_DIAG_VFS && take(&file, sizeof(file), value, n)) {
			s->file_inode = file.udiag_vfs_ino;
			s->file_device = file.udiag_vfs_dev;
		} else if (type == UNIX_DIAG_RQLEN && take(&queue, sizeof(queue), value, n)) {
			s->recv_queue = queue.udiag_rqueue;
			s->send_queue = queue.udiag_wqueue;
		} else if (type == ATTR_UNIX_UID) {
			s->has_uid = take(&s->uid, sizeof(s->uid), value, n);
		}
	}
}

static int parse_unix(const uint8_t *data, size_t len, struct socket_record *s)
{
	struct unix_diag_msg m;

	if (!take(&m, sizeof(m), data, len) || m.udiag_family != AF_UNIX)
		return -EINVAL;
	s->type = m.udiag_type;
	s->state = m.udiag_state;
	s->inode = m.udiag_ino;
	s->cookie = cookie_of(m.udiag_cookie);
	unix_attrs(s, data + sizeof(m), len - sizeof(m));
	return 0;
}

static int parse_packet(const uint8_t *data, size_t len, struct socket_record *s)
{
	struct packet_diag_info info;
	struct packet_diag_msg m;
	const uint8_t *value;
	uint16_t type;
	size_t n;

	if (!take(&m, sizeof(m), data, len) || m.pdiag_family != AF_PACKET)
		return -EINVAL;
	s->type = m.pdiag_type;
	s->protocol = m.pdiag_num; /* an Ethertype, in host order */
	s->inode = m.pdiag_ino;
	s->cookie = cookie_of(m.pdiag_cookie);
	data += sizeof(m);
	len -= sizeof(m);
	while (netlink_attr(&data, &len, &type, &value, &n)) {
		if (type == PACKET_DIAG_INFO && take(&info, sizeof(info), value, n)) {
			s->interface = info.pdi_index;
			s->flags = info.pdi_flags;
		} else if (type == PACKET_DIAG_UID) {
			s->has_uid = take(&s->uid, sizeof(s->uid), value, n);
		} else if (type == PACKET_DIAG_FILTER) {
			s->filter = value;
			s->filter_len = n;
		}
	}
	return 0;
}

static int parse_netlink(const uint8_t *data, size_t len, struct socket_record *s)
{
	struct netlink_diag_msg m;
	const uint8_t *value;
	uint16_t type;
	size_t n;

	if (!take(&m, sizeof(m), data, len) || m.ndiag_family != AF_NETLINK)
		return -EINVAL;
	s->type = m.ndiag_type;
	s->protocol = m.ndiag_protocol;
	s->local_port = m.ndiag_portid;
	s->remote_port = m.ndiag_dst_portid;
	s->inode = m.ndiag_ino;
	s->cookie = cookie_of(m.ndiag_cookie);
	data += sizeof(m);
	len -= sizeof(m);
	while (netlink_attr(&data, &len, &type, &value, &n))
		if (type == NETLINK_DIAG_GROUPS)
			memcpy(&s->groups, value,
			       n < sizeof(s->groups) ? n : sizeof(s->groups));
	return 0;
}

static int parse_vsock(const uint8_t *data, size_t len, struct socket_record *s)
{
	struct vsock_diag_msg m;

	if (!take(&m, sizeof(m), data, len) || m.vdiag_family != s->kind->family)
		return -EINVAL;
	s->type = m.vdiag_type;
	s->state = m.vdiag_state;
	s->local_cid = m.vdiag_src_cid;
	s->local_port = m.vdiag_src_port;
	s->remote_cid = m.vdiag_dst_cid;
	s->remote_port = m.vdiag_dst_port;
	s->inode = m.vdiag_ino;
	s->cookie = cookie_of(m.vdiag_cookie);
	return 0;
}

int socket_diag_parse(const struct socket_kind *kind, const void *data,
		      size_t len, struct socket_record *ret)
{
	*ret = (struct socket_record){
		.kind = kind,
		.type = kind->type,
		.protocol = kind->number,
	};
	switch (kind->diag) {
	case DIAG_INET:
	case DIAG_RAW:
	case DIAG_MPTCP:
		return parse_inet(data, len, ret);
	case DIAG_UNIX:
		return parse_unix(data, len, ret);
	case DIAG_PACKET:
		return parse_packet(data, len, ret);
	case DIAG_NETLINK:
		return parse_netlink(data, len, ret);
	case DIAG_VSOCK:
		return parse_vsock(data, len, ret);
	case DIAG_NONE:
		break;
	}
	return -EINVAL;
}

union request {
	struct inet_diag_req_v2 inet;
	struct unix_diag_req un;
	struct packet_diag_req packet;
	struct netlink_diag_req netlink;
	struct vsock_diag_req vsock;
	uint8_t bytes[128];
};

/* The request for all sockets of a kind.  Its length. */
static size_t request_of(const struct socket_kind *kind, union request *q)
{
	/* a struct nlattr and its value */
	const struct { uint16_t len, type; uint32_t protocol; } mptcp = {
		8, ATTR_REQ_PROTOCOL, (uint32_t)kind->number,
	};
	const uint8_t family = (uint8_t)kind->family;

	memset(q, 0, sizeof(*q));
	switch (kind->diag) {
	case DIAG_UNIX:
		q->un = (struct unix_diag_req){
			.sdiag_family = family, .udiag_states = UINT32_MAX,
			.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS |
				      UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | SHOW_UNIX_UID,
		};
		return sizeof(q->un);
	case DIAG_PACKET:
		q->packet = (struct packet_diag_req){
			.sdiag_family = family,
			.pdiag_show = PACKET_SHOW_INFO | PACKET_SHOW_FILTER,
		};
		return sizeof(q->packet);
	case DIAG_NETLINK:
		q->netlink = (struct netlink_diag_req){
			.sdiag_family = family, .sdiag_protocol = NDIAG_PROTO_ALL,
			.ndiag_show = NDIAG_SHOW_GROUPS,
		};
		return sizeof(q->netlink);
	case DIAG_VSOCK:
		q->vsock = (struct vsock_diag_req){
			.sdiag_family = family, .vdiag_states = UINT32_MAX,
		};
		return sizeof(q->vsock);
	default:
		/* MPTCP does not fit into the field: its low byte is TCP's. */
		q->inet = (struct inet_diag_req_v2){
			.sdiag_family = family,
			.sdiag_protocol = (uint8_t)(kind->number & 0xff),
			.idiag_ext = EXT(INET_DIAG_INFO),
			.pad = kind->diag == DIAG_RAW ? IPPROTO_RAW : 0,
			.idiag_states = UINT32_MAX,
		};
		if (kind->diag != DIAG_MPTCP)
			return sizeof(q->inet);
		memcpy(q->bytes + sizeof(q->inet), &mptcp, sizeof(mptcp));
		return sizeof(q->inet) + sizeof(mptcp);
	}
}

struct dump {
	const struct socket_kind *kind;
	socket_each *each;
	void *arg;
};

static int message(void *arg, uint16_t type, const void *data, size_t len)
{
	struct dump *d = arg;
	struct socket_record s;

	if (type != SOCK_DIAG_BY_FAMILY ||
	    socket_diag_parse(d->kind, data, len, &s) < 0)
		return 0;
	return d->each(d->arg, &s);
}

int socket_diag_dump(struct netlink *n, const struct socket_kind *kind,
		     socket_each *each, void *arg, struct netlink_result *ret)
{
	struct dump d = { .kind = kind, .each = each, .arg = arg };
	union request q;
	size_t len = request_of(kind, &q);

	return netlink_dump(n, SOCK_DIAG_BY_FAMILY, &q, len, message, &d, ret);
}
