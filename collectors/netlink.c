/*
 * netlink.c - asking the kernel for a table over netlink, and reading the answer.
 *
 * One request, then datagrams until the kernel says that it is done.  Datagrams
 * that do not come from the kernel are ignored; each length is checked against
 * what was received.  Formats: include/uapi/linux/netlink.h.
 */
#include "netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"

#define BUF_BYTES ((size_t)128 << 10) /* the kernel sends 32 KiB at most */
#define REQUEST_MAX 1024
#define WAIT_S 5
#define DUMP_MS 20000 /* of one dump: a table that never ends */
#define TRIES 3
#define PILE_BYTES ((size_t)8 << 20)
#define ATTR_HEAD sizeof(struct nlattr)
#define ATTR_TYPE 0x3fff /* without the flags "nested" and "network order" */

int netlink_open(struct netlink *n, int protocol)
{
	struct timeval wait = { .tv_sec = WAIT_S };
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	int r = 0;

	*n = (struct netlink){ .fd = -1, .seq = 1 };
	n->buf = malloc(BUF_BYTES);
	if (n->buf == NULL)
		return -ENOMEM;
	n->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (n->fd < 0 ||
	    setsockopt(n->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
	    bind(n->fd, (struct sockaddr *)&self, sizeof(self)) < 0)
		r = -errno;
	if (r < 0)
		netlink_close(n);
	return r;
}

void netlink_close(struct netlink *n)
{
	if (n->fd >= 0)
		(void)close(n->fd);
	free(n->buf);
	*n = (struct netlink){ .fd = -1 };
}

static int ask(struct netlink *n, uint16_t type, const void *req, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	uint8_t text[NLMSG_HDRLEN + REQUEST_MAX] = { 0 };
	struct nlmsghdr h = {
		.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + len),
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		.nlmsg_seq = ++n->seq,
	};
	ssize_t sent;

	if (len > REQUEST_MAX)
		return -EINVAL;
	memcpy(text, &h, sizeof(h));
	memcpy(text + NLMSG_HDRLEN, req, len);
	do
		sent = sendto(n->fd, text, h.nlmsg_len, 0,
			      (struct sockaddr *)&kernel, sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* One datagram of the kernel's.  Its length, or a negative errno. */
static ssize_t receive(struct netlink *n, struct netlink_result *ret)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { .iov_base = n->buf, .iov_len = BUF_BYTES };
		struct msghdr m = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
		};
		ssize_t len = recvmsg(n->fd, &m, 0);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (len == 0)
			return -EBADMSG;
		if (m.msg_namelen != sizeof(from) || from.nl_pid != 0)
			continue;
		if ((m.msg_flags & MSG_TRUNC) != 0)
			ret->truncated = true;
		return len;
	}
}

/* The error in NLMSG_ERROR and, since Linux 2.6.16 or so, NLMSG_DONE. */
static int error_of(const uint8_t *data, size_t len)
{
	int32_t error = 0;

	if (len >= sizeof(error))
		memcpy(&error, data, sizeof(error));
	return error < 0 && error > -4096 ? error : 0;
}

int netlink_parse(const uint8_t *data, size_t len, uint32_t seq,
		  netlink_each *each, void *arg, struct netlink_result *ret)
{
	while (len >= NLMSG_HDRLEN) {
		struct nlmsghdr h;
		size_t step;

		memcpy(&h, data, sizeof(h));
		if (h.nlmsg_len < NLMSG_HDRLEN || h.nlmsg_len > len)
			return ret->truncated ? 0 : -EBADMSG;
		step = NLMSG_ALIGN((size_t)h.nlmsg_len);
		if ((h.nlmsg_flags & NLM_F_DUMP_INTR) != 0)
			ret->interrupted = true;
		if (h.nlmsg_seq != seq) {
			/* an answer to what was asked before */
		} else if (h.nlmsg_type == NLMSG_DONE || h.nlmsg_type == NLMSG_ERROR) {
			ret->error = error_of(data + NLMSG_HDRLEN,
					      h.nlmsg_len - NLMSG_HDRLEN);
			return 1;
		} else if (h.nlmsg_type >= NLMSG_MIN_TYPE &&
			   each(arg, h.nlmsg_type, data + NLMSG_HDRLEN,
				h.nlmsg_len - NLMSG_HDRLEN) != 0) {
			return -ECANCELED;
		}
		if (step > len)
			step = len;
		data += step;
		len -= step;
	}
	return 0;
}

int netlink_dump(struct netlink *n, uint16_t type, const void *req, size_t len,
		 netlink_each *each, void *arg, struct netlink_result *ret)
{
	int64_t end_ms = clock_now_ms() + DUMP_MS;
	int r = ask(n, type, req, len);

	*ret = (struct netlink_result){ 0 };
	while (r == 0) {
		ssize_t got = receive(n, ret);

		if (got < 0)
			return (int)got;
		if (clock_now_ms() > end_ms)
			return -ETIMEDOUT;
		r = netlink_parse(n->buf, (size_t)got, n->seq, each, arg, ret);
	}
	return r < 0 ? r : ret->error;
}

/* Messages of one pass, each behind its length and type. */
struct pile {
	struct buf data;
	bool full;
};

struct pile_head {
	size_t len;
	uint16_t type;
};

static int pile_up(void *arg, uint16_t type, const void *data, size_t len)
{
	struct pile_head h = { .len = len, .type = type };
	struct pile *p = arg;

	/* What is left of a dump must be read, or the next is refused. */
	p->full |= buf_room(&p->data) < sizeof(h) + len;
	if (p->full)
		return 0;
	(void)buf_add(&p->data, &h, sizeof(h));
	(void)buf_add(&p->data, data, len);
	return 0;
}

static int deliver(const struct pile *p, netlink_each *each, void *arg)
{
	struct pile_head h;

	for (size_t at = 0; at < p->data.len; at += sizeof(h) + h.len) {
		memcpy(&h, p->data.data + at, sizeof(h));
		if (each(arg, h.type, p->data.data + at + sizeof(h), h.len) != 0)
			return -ECANCELED;
	}
	return 0;
}

int netlink_table(struct netlink *n, uint16_t type, const void *req, size_t len,
		  netlink_each *each, void *arg, struct netlink_result *ret)
{
	struct pile p = { 0 };
	int r = buf_open(&p.data, PILE_BYTES), handed;

	for (int i = 0; r == 0 && i < TRIES; i++) {
		p.data.len = 0;
		r = netlink_dump(n, type, req, len, pile_up, &p, ret);
		if (r < 0 || p.full || !ret->interrupted)
			break;
	}
	if (p.full) { /* too large to be held: as it comes */
		buf_free(&p.data);
		return netlink_dump(n, type, req, len, each, arg, ret);
	}
	handed = deliver(&p, each, arg);
	buf_free(&p.data);
	return handed < 0 ? handed : r;
}

void netlink_attrs(const uint8_t *data, size_t len, struct netlink_value *values,
		   size_t count)
{
	struct netlink_value v;
	uint16_t type;

	memset(values, 0, count * sizeof(*values));
	while (netlink_attr(&data, &len, &type, &v.data, &v.len))
		if (type < count)
			values[type] = v;
}

bool netlink_u32(const struct netlink_value *v, uint32_t *ret)
{
	if (v->len < sizeof(*ret))
		return false;
	memcpy(ret, v->data, sizeof(*ret));
	return true;
}

uint64_t netlink_be(const struct netlink_value *v)
{
	uint64_t n = 0;

	for (size_t i = 0; i < v->len && i < sizeof(n); i++)
		n = n << 8 | v->data[i];
	return n;
}

size_t netlink_put(uint8_t *req, size_t at, uint16_t type, const void *data, size_t len)
{
	struct nlattr a = { .nla_len = (uint16_t)(sizeof(a) + len), .nla_type = type };

	memcpy(req + at, &a, sizeof(a));
	memcpy(req + at + sizeof(a), data, len);
	return at + ((sizeof(a) + len + 3) & ~(size_t)3);
}

bool netlink_attr(const uint8_t **data, size_t *len, uint16_t *ret_type,
		  const uint8_t **ret, size_t *ret_len)
{
	struct nlattr a;
	size_t step;

	if (*len < ATTR_HEAD)
		return false;
	memcpy(&a, *data, sizeof(a));
	if (a.nla_len < ATTR_HEAD || a.nla_len > *len)
		return false;
	*ret_type = a.nla_type & ATTR_TYPE;
	*ret = *data + ATTR_HEAD;
	*ret_len = (size_t)a.nla_len - ATTR_HEAD;
	step = (size_t)(a.nla_len + 3u) & ~(size_t)3;
	if (step > *len)
		step = *len;
	*data += step;
	*len -= step;
	return true;
}
