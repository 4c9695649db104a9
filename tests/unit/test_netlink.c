/* Netlink answers and sock_diag messages: good ones, and lengths that lie. */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"
#include "netlink.h"
#include "socket_diag.h"
#include "socket_proc.h"
#include "socket_record.h"

static uint8_t data[4096];
static size_t used;

static void message(uint16_t type, uint16_t flags, uint32_t seq, const void *body, size_t len)
{
	struct nlmsghdr h = {
		.nlmsg_len = (uint32_t)(sizeof(h) + len), .nlmsg_type = type,
		.nlmsg_flags = flags, .nlmsg_seq = seq,
	};

	memcpy(data + used, &h, sizeof(h));
	if (len > 0)
		memcpy(data + used + sizeof(h), body, len);
	used += (sizeof(h) + len + 3) & ~(size_t)3;
}

struct got {
	int count, stop_at;
	size_t len;
};

static int each(void *arg, uint16_t type, const void *body, size_t len)
{
	struct got *g = arg;
	uint8_t sum = 0;

	(void)type;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + ((const uint8_t *)body)[i]);
	g->len += len + (sum & 0);
	return ++g->count == g->stop_at;
}

/* Parse the first ${len} bytes, out of memory of just that length. */
static int parse(size_t len, struct got *g, struct netlink_result *result)
{
	uint8_t *p = malloc(len > 0 ? len : 1);
	int r;

	if (p == NULL)
		abort();
	memcpy(p, data, len);
	*result = (struct netlink_result){ 0 };
	r = netlink_parse(p, len, 7, each, g, result);
	free(p);
	return r;
}

static void test_parse(void)
{
	struct netlink_result result;
	struct got g = { 0 };
	int refused = -ENOENT, bad = 0;
	uint32_t lie;

	used = 0;
	message(SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, 7, "abcde", 5);
	message(SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, 6, "other", 5);
	message(SOCK_DIAG_BY_FAMILY, NLM_F_MULTI | NLM_F_DUMP_INTR, 7, "xy", 2);
	CHECK(parse(used, &g, &result) == 0 && g.count == 2 && g.len == 7,
	      "messages of this answer, not those of another");
	CHECK(result.interrupted, "a table that changed is noticed");
	message(NLMSG_DONE, NLM_F_MULTI, 7, "\0\0\0\0", 4);
	CHECK(parse(used, &g, &result) == 1 && result.error == 0, "the end");
	g = (struct got){ .stop_at = 1 };
	CHECK(parse(used, &g, &result) == -ECANCELED && g.count == 1, "the caller may end it");
	for (size_t len = 0; len < used; len++) {
		g = (struct got){ 0 };
		bad += parse(len, &g, &result) == 1;
	}
	CHECK(bad == 0, "no end is seen in what is cut off");
	for (lie = 0; lie < 80; lie++) {
		uint32_t keep;

		memcpy(&keep, data, 4);
		memcpy(data, &lie, 4);
		g = (struct got){ 0 };
		(void)parse(used, &g, &result);
		memcpy(data, &keep, 4);
	}
	lie = 8;
	memcpy(data, &lie, 4);
	CHECK(parse(used, &g, &result) == -EBADMSG, "a length shorter than a header");
	used = 0;
	message(NLMSG_ERROR, 0, 7, &refused, sizeof(refused));
	CHECK(parse(used, &g, &result) == 1 && result.error == -ENOENT, "a refusal");
}

static void test_attrs(void)
{
	static const uint8_t good[] = { 5, 0, 1, 0x80, 'a', 0, 0, 0, 4, 0, 2, 0, 8, 0, 3, 0, 1, 2, 3, 4 };
	static const uint8_t lies[] = { 3, 0, 1, 0, 9, 9, 9, 9 };
	static const uint8_t longer[] = { 9, 0, 1, 0, 9, 9, 9, 9 };
	const uint8_t *p = good, *value;
	size_t len = sizeof(good), n;
	uint16_t type;

	CHECK(netlink_attr(&p, &len, &type, &value, &n) && type == 1 && n == 1 && *value == 'a',
	      "an attribute, its flags taken off");
	CHECK(netlink_attr(&p, &len, &type, &value, &n) && type == 2 && n == 0, "an empty one");
	CHECK(netlink_attr(&p, &len, &type, &value, &n) && type == 3 && n == 4 &&
	      !netlink_attr(&p, &len, &type, &value, &n), "the last one");
	p = lies;
	len = sizeof(lies);
	CHECK(!netlink_attr(&p, &len, &type, &value, &n), "a length that is too short");
	p = longer;
	len = sizeof(longer);
	CHECK(!netlink_attr(&p, &len, &type, &value, &n), "a length that is too long");
}

static const struct socket_kind *kind(const char *name)
{
	const struct socket_kind *k = socket_kinds;

	while (strcmp(k->name, name) != 0)
		k++;
	return k;
}

static void test_inet(void)
{
	struct inet_diag_msg m = {
		.idiag_family = AF_INET, .idiag_state = 1, .idiag_timer = 2, .idiag_retrans = 3,
		.id = { .idiag_sport = 0x5000, .idiag_dport = 0xbb01, .idiag_src = { 0x0100007f },
			.idiag_if = 4, .idiag_cookie = { 5, 6 } },
		.idiag_rqueue = 7, .idiag_wqueue = 8, .idiag_uid = 9, .idiag_inode = 10,
	};
	static const uint8_t attrs[] = {
		8, 0, INET_DIAG_MARK, 0, 1, 2, 0, 0, 12, 0, INET_DIAG_CGROUP_ID, 0, 3, 0, 0, 0, 0, 0, 0, 0,
		6, 0, INET_DIAG_INFO, 0, 1, 0,
	};
	uint8_t bytes[sizeof(m) + sizeof(attrs)];
	struct socket_record s;
	int bad = 0;

	memcpy(bytes, &m, sizeof(m));
	memcpy(bytes + sizeof(m), attrs, sizeof(attrs));
	CHECK(socket_diag_parse(kind("tcp"), bytes, sizeof(bytes), &s) == 0 &&
	      s.local_port == 80 && s.remote_port == 443 && s.local[0] == 127 &&
	      s.address_len == 4 && s.inode == 10 && s.uid == 9 &&
	      s.cookie == (6ull << 32 | 5) && s.interface == 4, "a TCP socket");
	CHECK(s.has_mark && s.mark == 0x201 && s.cgroup == 3 && s.has_info && s.rtt_us == 0,
	      "its attributes, one of them short");
	for (size_t n = 0; n < sizeof(m); n++)
		bad += socket_diag_parse(kind("tcp"), bytes, n, &s) != -EINVAL;
	CHECK(bad == 0, "a message that is too short");
	CHECK(socket_diag_parse(kind("tcp6"), bytes, sizeof(bytes), &s) == -EINVAL,
	      "another family");
	CHECK(socket_diag_parse(kind("raw"), bytes, sizeof(bytes), &s) == 0 && s.protocol == 80 &&
	      s.local_port == 0, "a raw socket's port is its protocol");
}

static void test_others(void)
{
	struct unix_diag_msg u = { .udiag_family = AF_UNIX, .udiag_type = 1, .udiag_state = 10, .udiag_ino = 5 };
	struct packet_diag_msg p = { .pdiag_family = AF_PACKET, .pdiag_type = 3, .pdiag_num = 3, .pdiag_ino = 6 };
	static const uint8_t name[] = { 8, 0, UNIX_DIAG_NAME, 0, 0, 'x', 'y', 'z', 7, 0, UNIX_DIAG_PEER, 0, 1, 2, 3 };
	static const uint8_t filter[] = { 12, 0, PACKET_DIAG_FILTER, 0, 6, 0, 0, 0, 0, 0, 4, 0 };
	uint8_t bytes[128];
	struct socket_record s;

	memcpy(bytes, &u, sizeof(u));
	memcpy(bytes + sizeof(u), name, sizeof(name));
	CHECK(socket_diag_parse(kind("unix"), bytes, sizeof(u) + sizeof(name), &s) == 0 &&
	      s.name_len == 4 && s.name[0] == 0 && s.inode == 5 && s.state == SOCKET_TCP_LISTEN,
	      "an abstract unix socket");
	CHECK(s.peer == 0, "a peer that is too short is not believed");
	memcpy(bytes, &p, sizeof(p));
	memcpy(bytes + sizeof(p), filter, sizeof(filter));
	CHECK(socket_diag_parse(kind("packet"), bytes, sizeof(p) + sizeof(filter), &s) == 0 &&
	      s.filter_len == 8 && s.protocol == 3, "a packet socket and its filter");
}

static void test_proc(void)
{
	static const char tcp[] = "   1: 0500A8C0:C350 22D8B85D:01BB 01 00000010:00000000 02:00000A00 00000001  33  0 778 2 0";
	static const char un[] = "0000: 00000002 00000000 00010000 0001 01 781 /run/x y.sock";
	static const char packet[] = "0000 3      3    0003   2     1 0      1000      784";
	struct socket_record s;
	int good = 0;

	CHECK(socket_proc_parse(kind("tcp"), tcp, sizeof(tcp) - 1, &s) == 0 && s.local[0] == 192 &&
	      s.local[3] == 5 && s.local_port == 50000 && s.remote_port == 443 && s.uid == 33 &&
	      s.inode == 778 && s.send_queue == 16 && s.retransmits == 1, "a line of tcp");
	for (size_t n = 0; n + 6 < sizeof(tcp) - 1; n++)
		good += socket_proc_parse(kind("tcp"), tcp, n, &s) == 0;
	CHECK(good == 0, "none that is cut off before its inode (%d)", good);
	CHECK(socket_proc_parse(kind("tcp6"), tcp, sizeof(tcp) - 1, &s) == -EINVAL, "other addresses");
	CHECK(socket_proc_parse(kind("unix"), un, sizeof(un) - 1, &s) == 0 && s.inode == 781 &&
	      s.state == SOCKET_TCP_LISTEN && s.name_len == 13, "a unix name with a blank");
	CHECK(socket_proc_parse(kind("packet"), packet, sizeof(packet) - 1, &s) == 0 &&
	      s.type == 3 && s.protocol == 3 && s.uid == 1000 && s.inode == 784, "a packet socket");
}

static int count_sockets(void *arg, const struct socket_record *s)
{
	*(int *)arg += s->kind != NULL;
	return 0;
}

static void test_live(void)
{
	struct netlink_result result;
	struct netlink n;
	int count = 0, r = netlink_open(&n, NETLINK_SOCK_DIAG);

	if (r < 0) {
		CHECK_SKIP("no NETLINK_SOCK_DIAG here");
		return;
	}
	r = socket_diag_dump(&n, kind("netlink"), count_sockets, &count, &result);
	if (r == -ENOENT)
		CHECK_SKIP("this kernel has no netlink_diag");
	else
		CHECK(r == 0 && count > 0, "a dump of the running kernel: %d, %d sockets", r, count);
	r = netlink_dump(&n, SOCK_DIAG_BY_FAMILY, "\xfe\0\0\0\0\0\0\0", 8, each, &(struct got){ 0 }, &result);
	CHECK(r < 0 && r == result.error, "a family that is none is refused: %d", r);
	netlink_close(&n);
}

int main(void)
{
	test_parse();
	test_attrs();
	test_inet();
	test_others();
	test_proc();
	test_live();
	return CHECK_DONE();
}
