/*
 * hidden_port.c - ports that are taken, while no socket shows that has them.
 *
 * Tries to bind every TCP and UDP port of our network namespace that no view of
 * the sockets has.  Such a bind lasts for microseconds, nothing listens and
 * nothing is sent.  A TCP socket that was bound and neither listens nor is
 * connected is in no list of kernels before 6.8: as many refusals as there are
 * descriptors of such sockets mean nothing.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "clock.h"
#include "collector.h"
#include "hidden.h"
#include "host.h"
#include "netns.h"
#include "scope.h"
#include "set.h"
#include "sink.h"
#include "socket_owner.h"
#include "socket_record.h"
#include "socket_view.h"
#include "table.h"

#define PORTS 65536u
#define PROBE_MS 10000
#define REFUSED_MAX 256u

struct ports {
	bool shown[2][PORTS]; /* TCP, UDP */
	struct set inodes;    /* of all sockets that show */
};

struct refused {
	int list[REFUSED_MAX];
	size_t count;
};

static int note_socket(void *arg, const struct socket_record *s)
{
	struct ports *p = arg;
	int which = s->protocol == IPPROTO_UDP ? 1 : 0;

	if (s->inode != 0)
		(void)set_add(&p->inodes, s->inode);
	if ((s->kind->family == AF_INET || s->kind->family == AF_INET6) &&
	    (s->protocol == IPPROTO_UDP || s->protocol == IPPROTO_TCP || s->protocol == 262) &&
	    s->local_port < PORTS)
		p->shown[which][s->local_port] = true;
	return 0;
}

static int read_ports(const struct hidden *h, const struct netns *home, struct ports *p)
{
	struct socket_view v;
	int r = socket_view_open(&v, h->host, home, home);

	if (r == 0)
		r = socket_view_diag(&v, note_socket, p);
	if (r == 0)
		r = socket_view_proc(&v, NULL, home->inode, note_socket, p);
	if (r == 0 && (v.truncated || (v.by_diag | v.by_proc) == 0))
		r = -ENODATA;
	socket_view_close(&v);
	return r;
}

/* One attempt with ${*fd}, which is spent when it succeeds.  True when the port is taken. */
static bool taken(int *fd, int type, int port)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int off = 0, r;

	if (*fd < 0) {
		*fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
		if (*fd >= 0 &&
		    setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0) {
			(void)close(*fd);
			*fd = -1;
		}
		if (*fd < 0)
			*fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
		if (*fd < 0)
			return false;
	}
	r = bind(*fd, (struct sockaddr *)&a6, sizeof(a6));
	if (r < 0 && errno == EAFNOSUPPORT)
		r = bind(*fd, (struct sockaddr *)&a4, sizeof(a4));
	if (r < 0)
		return errno == EADDRINUSE;
	(void)close(*fd);
	*fd = -1;
	return false;
}

/* The last port that was tried. */
static int probe(const struct ports *p, int which, struct refused *ret)
{
	int type = which == 0 ? SOCK_STREAM : SOCK_DGRAM, fd = -1;
	int64_t until = clock_now_ms() + PROBE_MS;
	int port;

	ret->count = 0;
	for (port = 1; port < (int)PORTS; port++) {
		if ((port & 0xff) == 0 && clock_now_ms() > until)
			break;
		if (!p->shown[which][port] && taken(&fd, type, port) && ret->count < REFUSED_MAX)
			ret->list[ret->count++] = port;
	}
	if (fd >= 0)
		(void)close(fd);
	return port - 1;
}

/* Those that are still taken, and still by no socket that shows. */
static void confirm(const struct ports *again, int which, struct refused *ret)
{
	int type = which == 0 ? SOCK_STREAM : SOCK_DGRAM, fd = -1;
	size_t kept = 0;

	for (size_t i = 0; i < ret->count; i++)
		if (!again->shown[which][ret->list[i]] && taken(&fd, type, ret->list[i]))
			ret->list[kept++] = ret->list[i];
	ret->count = kept;
	if (fd >= 0)
		(void)close(fd);
}

/* Descriptors of TCP sockets that no view shows. */
static size_t count_unlisted(const struct hidden *h, const struct ports *p)
{
	struct socket_owners owners = { 0 };
	struct netns_list list = { 0 };
	uint64_t last = 0;
	size_t count = 0;

	(void)socket_owner_scan(&owners, h->host->proc, &list);
	for (size_t i = 0; i < owners.count; i++) {
		const struct socket_owner *o = &owners.list[i];
		char path[96], name[64];
		ssize_t n;

		if (o->inode == last || set_has(&p->inodes, o->inode))
			continue;
		last = o->inode;
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%d/fd/%d",
			       h->host->proc, (int)o->pid, o->fd);
		n = getxattr(path, "system.sockprotoname", name, sizeof(name));
		count += n >= 3 && memcmp(name, "TCP", 3) == 0;
	}
	socket_owner_free(&owners);
	netns_free(&list);
	return count;
}

static int report(struct hidden *h, int which, const struct refused *f)
{
	int r = 0;

	for (size_t i = 0; i < f->count && r == 0; i++)
		r = hidden_row(h, &(struct hidden_row){
			.kind = "port", .port = f->list[i],
			.name = which == 0 ? "tcp" : "udp", .name_len = 3,
			.seen = "bind", .missing = "sock_diag proc_net",
		});
	return r;
}

static int find(struct hidden *h, const struct netns *home, struct ports *p)
{
	struct refused f[2] = { 0 };
	size_t unlisted;
	int r = read_ports(h, home, p);

	for (int i = 0; i < 2 && r == 0; i++)
		r = sink_note(h->sink, i == 0 ? "hidden_ports.tcp_probed" : "hidden_ports.udp_probed",
			      "%d", probe(p, i, &f[i]));
	if (r < 0 || f[0].count + f[1].count == 0)
		return r == -ENODATA || r == -EPERM ? 0 : r;
	/* Ports of sockets that came after the first look show in the second. */
	r = read_ports(h, home, p);
	for (int i = 0; i < 2 && r == 0; i++)
		confirm(p, i, &f[i]);
	unlisted = r == 0 && f[0].count > 0 ? count_unlisted(h, p) : 0;
	if (r == 0 && f[0].count > 0 && f[0].count <= unlisted) {
		r = sink_note(h->sink, "hidden_ports.unclear", "%zu", f[0].count);
		f[0].count = 0;
	}
	for (int i = 0; i < 2 && r == 0; i++)
		r = report(h, i, &f[i]);
	return r;
}

static int search(struct hidden *h)
{
	AUTO_FREE struct ports *p = calloc(1, sizeof(*p));
	struct netns home;
	int r;

	if (p == NULL)
		return -ENOMEM;
	if (netns_home(&home, h->host) < 0)
		return 0;
	r = find(h, &home, p);
	set_free(&p->inodes);
	(void)close(home.fd);
	return r;
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	struct hidden h = { .host = host, .sink = sink };
	int r = table_open(&h.table, sink, "hidden_ports"), end;

	(void)req;
	if (r < 0)
		return r;
	r = search(&h);
	end = table_close(h.table);
	return r == 0 ? end : r;
}

/* Not among the volatile: it takes a second, and what hides ports stays. */
const struct collector collector_hidden_ports = {
	.name = "hidden_ports",
	.group = "host",
	.reads = "bind(2) of every free port: ports that are taken while no socket shows",
	.rank = RANK_ACCOUNT,
	.cost = COST_LOW,
	.profile = PROFILE_FAST,
	.budget_s = 30,
	.run = run,
};
