/*
 * socket_proc.c - the kernel's sockets by the texts of /proc/net.
 *
 * A unix socket's name may hold a newline and so forge the line that follows:
 * nothing here can tell, which is why sock_diag comes first.
 */
#include "socket_proc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "parse.h"
#include "procfs.h"
#include "socket_record.h"

/* A field of a line as a number. */
static bool take(const char **p, size_t *len, unsigned base, uint64_t *ret)
{
	const char *f;
	size_t n;

	return procfs_field(p, len, &f, &n) && parse_u64(f, n, base, ret) == 0;
}

static bool skip(const char **p, size_t *len, int count)
{
	const char *f;
	size_t n;

	while (count-- > 0)
		if (!procfs_field(p, len, &f, &n))
			return false;
	return true;
}

/* "A:B" of hexadecimal numbers. */
static bool take_pair(const char **p, size_t *len, uint64_t *a, uint64_t *b)
{
	const char *f, *mid;
	size_t n;

	if (!procfs_field(p, len, &f, &n))
		return false;
	mid = memchr(f, ':', n);
	return mid != NULL && parse_u64(f, (size_t)(mid - f), 16, a) == 0 &&
	       parse_u64(mid + 1, n - (size_t)(mid - f) - 1, 16, b) == 0;
}

/* Words of the address are printed as the host's numbers. */
static bool take_address(const char **p, size_t *len, uint8_t ret[16],
			 unsigned bytes, uint32_t *port)
{
	const char *f;
	uint64_t v;
	size_t n;

	if (!procfs_field(p, len, &f, &n) || n != 2 * bytes + 5 ||
	    f[2 * bytes] != ':')
		return false;
	for (unsigned i = 0; i < bytes; i += 4) {
		uint32_t word;

		if (parse_u64(f + 2 * (size_t)i, 8, 16, &v) < 0)
			return false;
		word = (uint32_t)v;
		memcpy(ret + i, &word, sizeof(word));
	}
	if (parse_u64(f + 2 * (size_t)bytes + 1, 4, 16, &v) < 0)
		return false;
	*port = (uint32_t)v;
	return true;
}

/* sl local remote st tx:rx tr:when retrnsmt uid timeout inode ... */
static int parse_inet(const char *p, size_t len, struct socket_record *s)
{
	unsigned bytes = s->kind->name[strlen(s->kind->name) - 1] == '6' ? 16 : 4;
	uint64_t state, tx, rx, timer, when, retrans, uid;

	if (!skip(&p, &len, 1) ||
	    !take_address(&p, &len, s->local, bytes, &s->local_port) ||
	    !take_address(&p, &len, s->remote, bytes, &s->remote_port) ||
	    !take(&p, &len, 16, &state) || !take_pair(&p, &len, &tx, &rx) ||
	    !take_pair(&p, &len, &timer, &when) ||
	    !take(&p, &len, 16, &retrans) || !take(&p, &len, 10, &uid) ||
	    !skip(&p, &len, 1) || !take(&p, &len, 10, &s->inode))
		return -EINVAL;
	s->address_len = bytes;
	s->state = (unsigned)state;
	s->send_queue = (uint32_t)tx;
	s->recv_queue = (uint32_t)rx;
	s->timer = (uint32_t)timer;
	s->expires_ms = (uint32_t)(when * 10); /* USER_HZ is 100 everywhere */
	s->retransmits = (uint32_t)retrans;
	s->has_uid = true;
	s->uid = (uint32_t)uid;
	if (s->kind->diag == DIAG_RAW) {
		s->protocol = (int)s->local_port;
		s->local_port = 0;
	}
	return 0;
}

/* A state of the socket layer, as the one that sock_diag tells. */
static unsigned unix_state(uint64_t flags, uint64_t state)
{
	if ((flags & 0x10000) != 0) /* __SO_ACCEPTCON */
		return SOCKET_TCP_LISTEN;
	return state == 3 ? 1 : state == 2 ? 2 : SOCKET_TCP_CLOSE;
}

/* Num: RefCount Protocol Flags Type St Inode Path */
static int parse_unix(const char *p, size_t len, struct socket_record *s)
{
	uint64_t flags, type, state;

	if (!skip(&p, &len, 3) || !take(&p, &len, 16, &flags) ||
	    !take(&p, &len, 16, &type) || !take(&p, &len, 16, &state) ||
	    !take(&p, &len, 10, &s->inode))
		return -EINVAL;
	s->type = (int)(type & 0xff);
	s->state = unix_state(flags, state);
	if (len > 0 && *p == ' ') {
		p++;
		len--;
	}
	s->name = (const uint8_t *)p;
	s->name_len = len;
	return 0;
}

/* sk RefCnt Type Proto Iface R Rmem User Inode */
static int parse_packet(const char *p, size_t len, struct socket_record *s)
{
	uint64_t type, protocol, interface, rmem, uid;

	if (!skip(&p, &len, 2) || !take(&p, &len, 10, &type) ||
	    !take(&p, &len, 16, &protocol) || !take(&p, &len, 10, &interface) ||
	    !skip(&p, &len, 1) || !take(&p, &len, 10, &rmem) ||
	    !take(&p, &len, 10, &uid) || !take(&p, &len, 10, &s->inode))
		return -EINVAL;
	s->type = (int)(type & 0xff);
	s->protocol = (int)(protocol & 0xffff);
	s->interface = (uint32_t)interface;
	s->recv_queue = (uint32_t)rmem;
	s->has_uid = true;
	s->uid = (uint32_t)uid;
	return 0;
}

/* sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode */
static int parse_netlink(const char *p, size_t len, struct socket_record *s)
{
	uint64_t protocol, portid, rmem, wmem;

	if (!skip(&p, &len, 1) || !take(&p, &len, 10, &protocol) ||
	    !take(&p, &len, 10, &portid) || !take(&p, &len, 16, &s->groups) ||
	    !take(&p, &len, 10, &rmem) || !take(&p, &len, 10, &wmem) ||
	    !skip(&p, &len, 3) || !take(&p, &len, 10, &s->inode))
		return -EINVAL;
	s->protocol = (int)(protocol & 0xff);
	s->local_port = (uint32_t)portid;
	s->recv_queue = (uint32_t)rmem;
	s->send_queue = (uint32_t)wmem;
	return 0;
}

int socket_proc_parse(const struct socket_kind *kind, const char *line,
		      size_t len, struct socket_record *ret)
{
	*ret = (struct socket_record){
		.kind = kind,
		.type = kind->type,
		.protocol = kind->number,
	};
	switch (kind->layout) {
	case LAYOUT_INET:
		return parse_inet(line, len, ret);
	case LAYOUT_UNIX:
		return parse_unix(line, len, ret);
	case LAYOUT_PACKET:
		return parse_packet(line, len, ret);
	case LAYOUT_NETLINK:
		return parse_netlink(line, len, ret);
	case LAYOUT_NONE:
		break;
	}
	return -EINVAL;
}
