/*
 * socket.c - every socket of every network namespace, and who has it open.
 *
 * Asks sock_diag, keeps the texts of /proc/net beside it, and names the sockets
 * that only one of the two shows.  Writes process_open_sockets, socket_views,
 * network_namespaces and texts below proc/net.
 *
 * Where the kernel has no sock_diag for a kind, the text takes its place.
 * Descriptors that are sockets of no known kind still get a row.  The thread is
 * in another namespace only while it opens the two interfaces.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "collector.h"
#include "netns.h"
#include "scope.h"
#include "sink.h"
#include "socket_owner.h"
#include "socket_record.h"
#include "socket_view.h"
#include "table.h"

#define LONELY_MAX 4096u

struct lonely {
	const char *kind;
	uint64_t inode;
	bool by_diag;
};

struct socket_pass {
	const struct host *host;
	struct sink *sink;
	struct table *sockets, *views, *namespaces;
	struct socket_owners owners;
	struct netns_list list;
	struct set seen;        /* inodes with a row */
	const struct netns *ns; /* the one at hand */
	const char *source;
	struct netns home;      /* our own namespace */
	int error;              /* of the sink, inside a dump */
	bool rescanned;
	uint32_t by_diag;       /* kinds shown by sock_diag anywhere */
	uint64_t lonely_count, malformed, interrupted;
	struct lonely lonely[LONELY_MAX];
	size_t lonely_len;
};

/* Sockets opened since the first look at the descriptors: look once more. */
static size_t find_owners(struct socket_pass *p, const struct socket_record *s,
			  const struct socket_owner **ret)
{
	size_t n = socket_owner_find(&p->owners, s->inode, ret);
	uint64_t inode = p->ns->inode;

	if (n > 0 || s->inode == 0 || p->rescanned ||
	    s->kind->layout == LAYOUT_NETLINK || s->kind->layout == LAYOUT_PACKET)
		return n;
	p->rescanned = true;
	if (socket_owner_scan(&p->owners, p->host->proc, &p->list) < 0)
		p->owners.count = 0;
	/* The list of namespaces may have moved. */
	for (size_t i = 0; i < p->list.count; i++)
		if (p->list.list[i].inode == inode)
			p->ns = &p->list.list[i];
	return socket_owner_find(&p->owners, s->inode, ret);
}

static int take_socket(void *arg, const struct socket_record *s)
{
	struct socket_pass *p = arg;
	const struct socket_owner *o;
	size_t n = find_owners(p, s, &o);

	if (s->inode != 0)
		(void)set_add(&p->seen, s->inode);
	if (n == 0)
		p->error = socket_record_row(p->sockets, s, -1, -1, p->ns->inode,
					     p->source);
	for (size_t i = 0; i < n && p->error == 0; i++)
		p->error = socket_record_row(p->sockets, s, o[i].pid, o[i].fd,
					     p->ns->inode, p->source);
	return p->error;
}

static int keep_lonely(void *arg, const char *kind, uint64_t inode, bool by_diag)
{
	struct socket_pass *p = arg;

	if (p->lonely_len < LONELY_MAX)
		p->lonely[p->lonely_len++] = (struct lonely){ kind, inode, by_diag };
	return 0;
}

static int lonely_row(struct socket_pass *p, const struct lonely *l)
{
	struct json *j = table_row(p->views);
	char ns[24];

	(void)snprintf(ns, sizeof(ns), "%llu", (unsigned long long)p->ns->inode);
	json_str(j, "net_namespace", ns);
	json_str(j, "protocol_name", l->kind);
	json_u64(j, "socket", l->inode);
	json_str(j, "seen_by", l->by_diag ? "sock_diag" : "proc");
	json_str(j, "missing_from", l->by_diag ? "proc" : "sock_diag");
	p->lonely_count++;
	return table_row_end(p->views);
}

/* What came or went between the two looks is on both sides, or gone, now. */
static int check_lonely(struct socket_pass *p)
{
	struct socket_view again;
	int r = socket_view_open(&again, p->host, p->ns, &p->home);

	if (r == 0) {
		(void)socket_view_diag(&again, NULL, NULL);
		(void)socket_view_proc(&again, NULL, p->ns->inode, NULL, NULL);
	}
	for (size_t i = 0; i < p->lonely_len && r == 0; i++)
		if (socket_view_lonely(&again, p->lonely[i].kind, p->lonely[i].inode,
				       p->lonely[i].by_diag))
			r = lonely_row(p, &p->lonely[i]);
	socket_view_close(&again);
	return r;
}

static int read_views(struct socket_pass *p, struct socket_view *v)
{
	int r;

	p->source = "sock_diag";
	r = socket_view_diag(v, take_socket, p);
	p->source = "proc";
	if (r == 0)
		r = socket_view_proc(v, p->sink, p->ns->inode, take_socket, p);
	if (r < 0)
		return p->error < 0 ? p->error : r;
	if (v->truncated)
		r = sink_gap(p->sink, "process_open_sockets.ndjson", -EMSGSIZE,
			     "an answer of sock_diag was too long");
	if (r == 0 && v->skipped)
		r = sink_note(p->sink, "socket.texts_skipped", "with more than 8192 sockets of UDP: sock_diag alone");
	p->by_diag |= v->by_diag;
	p->malformed += v->malformed;
	p->interrupted += v->interrupted;
	p->lonely_len = 0;
	if (r == 0)
		r = socket_view_compare(v, keep_lonely, p);
	return r == 0 && p->lonely_len > 0 ? check_lonely(p) : r;
}

static int namespace_row(struct socket_pass *p)
{
	struct json *j = table_row(p->namespaces);
	char ns[24];

	(void)snprintf(ns, sizeof(ns), "%llu", (unsigned long long)p->ns->inode);
	json_str(j, "net_namespace", ns);
	json_str(j, "found_by", p->ns->how);
	json_i64(j, "pid", p->ns->pid);
	return table_row_end(p->namespaces);
}

static int take_namespace(struct socket_pass *p)
{
	struct socket_view v;
	char path[48];
	int r = namespace_row(p), err;

	if (r < 0)
		return r;
	err = socket_view_open(&v, p->host, p->ns, &p->home);
	if (err == 0)
		r = read_views(p, &v);
	socket_view_close(&v);
	if (err == 0 || err == -ENOTRECOVERABLE)
		return err < 0 ? err : r;
	(void)snprintf(path, sizeof(path), "proc/net/%llu",
		       (unsigned long long)p->ns->inode);
	return sink_gap(p->sink, path, err, "network namespace cannot be entered");
}

/* A descriptor whose socket no interface showed: unbound, or of another family. */
static int unseen_row(struct socket_pass *p, const struct socket_owner *o)
{
	char path[96], name[64];
	struct json *j;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%d/fd/%d",
		       p->host->proc, (int)o->pid, o->fd);
	n = getxattr(path, "system.sockprotoname", name, sizeof(name));
	if (n < 0 && (errno == ENOENT || errno == ESRCH))
		return 0; /* closed since */
	j = table_row(p->sockets);
	json_i64(j, "pid", o->pid);
	json_i64(j, "fd", o->fd);
	json_u64(j, "socket", o->inode);
	json_i64(j, "family", -1);
	json_i64(j, "protocol", -1);
	json_bytes(j, "protocol_name", name, n > 0 ? strnlen(name, (size_t)n) : 0);
	json_str(j, "source", "descriptor");
	return table_row_end(p->sockets);
}

static int take_unseen(struct socket_pass *p)
{
	int r = 0;

	for (size_t i = 0; i < p->owners.count && r == 0; i++)
		if (!set_has(&p->seen, p->owners.list[i].inode) && !p->seen.overflow)
			r = unseen_row(p, &p->owners.list[i]);
	return r;
}

/* Modules that our questions may make the kernel load, as a set of bits. */
static unsigned diag_modules(const struct socket_pass *p)
{
	static const char *const names[] = {
		"inet_diag", "tcp_diag", "udp_diag", "raw_diag", "unix_diag",
		"af_packet_diag", "netlink_diag", "mptcp_diag", "sctp_diag",
		"dccp_diag", "vsock_diag",
	};
	unsigned found = 0;

	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		char path[40];

		(void)snprintf(path, sizeof(path), "module/%s", names[i]);
		if (faccessat(p->host->sys, path, F_OK, 0) == 0)
			found |= 1u << i;
	}
	return found;
}

static int notes(struct socket_pass *p, unsigned before)
{
	unsigned loaded = diag_modules(p) & ~before;
	int r = sink_note(p->sink, "socket.namespaces", "%zu", p->list.count);

	if (r == 0)
		r = sink_note(p->sink, "socket.rows", "%llu",
			      (unsigned long long)table_rows(p->sockets));
	if (r == 0)
		r = sink_note(p->sink, "socket.source", "%s",
			      p->by_diag != 0 ? "sock_diag" : "proc");
	if (r == 0)
		r = sink_note(p->sink, "socket.kinds_by_diag", "0x%x", p->by_diag);
	if (r == 0)
		r = sink_note(p->sink, "socket.modules_loaded", "%d",
			      __builtin_popcount(loaded));
	if (r == 0)
		r = sink_note(p->sink, "socket.one_view_only", "%llu",
			      (unsigned long long)p->lonely_count);
	if (r == 0 && p->interrupted > 0)
		r = sink_note(p->sink, "socket.interrupted_dumps", "%llu",
			      (unsigned long long)p->interrupted);
	if (r == 0 && p->malformed > 0)
		r = sink_note(p->sink, "socket.malformed_texts", "%llu",
			      (unsigned long long)p->malformed);
	if (r == 0 && (p->owners.full || p->seen.overflow))
		r = sink_gap(p->sink, "process_open_sockets.ndjson", -E2BIG,
			     "more sockets than can be joined with their owners");
	if (r == 0 && p->list.refused > 0)
		r = sink_gap(p->sink, "network_namespaces.ndjson", -E2BIG,
			     "some network namespaces were left out");
	return r;
}

/* Our own namespace, when its link cannot be read: then it is all there is. */
static int only_home(struct netns_list *l)
{
	netns_free(l);
	l->list = calloc(1, sizeof(*l->list));
	if (l->list == NULL)
		return -ENOMEM;
	l->list[0] = (struct netns){ .fd = -1, .how = "self" };
	l->count = l->cap = 1;
	return 0;
}

static int walk(struct socket_pass *p)
{
	unsigned before = diag_modules(p);
	int r = socket_owner_scan(&p->owners, p->host->proc, &p->list);

	if (r < 0)
		return r;
	netns_add_mounts(&p->list, p->host);
	if (netns_home(&p->home, p->host) < 0)
		r = only_home(&p->list);
	for (size_t i = 0; i < p->list.count && r == 0; i++) {
		p->ns = &p->list.list[i];
		r = take_namespace(p);
	}
	if (r == 0)
		r = take_unseen(p);
	return r == 0 ? notes(p, before) : r;
}

static int close_tables(struct socket_pass *p, int r)
{
	struct table *const all[] = { p->sockets, p->views, p->namespaces };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		int end = table_close(all[i]);

		if (r == 0)
			r = end;
	}
	return r;
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	struct socket_pass *p = calloc(1, sizeof(*p));
	int r;

	(void)req;
	if (p == NULL)
		return -ENOMEM;
	p->host = host;
	p->sink = sink;
	p->home.fd = -1;
	r = table_open(&p->sockets, sink, "process_open_sockets");
	if (r == 0)
		r = table_open(&p->views, sink, "socket_views");
	if (r == 0)
		r = table_open(&p->namespaces, sink, "network_namespaces");
	if (r == 0)
		r = walk(p);
	r = close_tables(p, r);
	socket_owner_free(&p->owners);
	netns_free(&p->list);
	set_free(&p->seen);
	if (p->home.fd >= 0)
		(void)close(p->home.fd);
	free(p);
	return r;
}

const struct collector collector_socket = {
	.name = "socket",
	.group = "volatile",
	.reads = "NETLINK_SOCK_DIAG and /proc/net: sockets of all network namespaces",
	.rank = RANK_NETWORK,
	.cost = COST_LOW,
	.profile = PROFILE_FAST,
	.budget_s = 60,
	.run = run,
};
