/*
 * network.c - how every network namespace is set up, and whom the host talks to.
 *
 * Interfaces, addresses, routes, rules, neighbours and traffic control by
 * rtnetlink; tracked connections, nf_tables' and iptables' rules by their own
 * interfaces; then the remote peers, out of all of it, and the files that say
 * how names are resolved.  Descriptors are opened in one short visit to each
 * namespace and read at home.  No question is asked that would make the kernel
 * load a module, for that runs a program of the host.
 */
#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "collector.h"
#include "host.h"
#include "lines.h"
#include "peer.h"
#include "scope.h"
#include "sink.h"
#include "take.h"

#define LINE_BYTES ((size_t)4 << 10)

static const char *const names[NETWORK_TABLES] = {
	[NETWORK_LINKS] = "interface_details",
	[NETWORK_ADDRESSES] = "interface_addresses",
	[NETWORK_ROUTES] = "routes",
	[NETWORK_RULES] = "routing_rules",
	[NETWORK_NEIGHBOURS] = "arp_cache",
	[NETWORK_TRAFFIC] = "traffic_control",
	[NETWORK_CONNECTIONS] = "tracked_connections",
	[NETWORK_NFT_TABLES] = "nft_tables",
	[NETWORK_NFT_CHAINS] = "nft_chains",
	[NETWORK_NFT_RULES] = "nft_rules",
	[NETWORK_NFT_SETS] = "nft_sets",
	[NETWORK_NFT_ELEMENTS] = "nft_elements",
	[NETWORK_NFT_OBJECTS] = "nft_objects",
	[NETWORK_IPTABLES] = "iptables",
};

/* How names become addresses here, and which networks come up at boot. */
static const char *const files[] = {
	"/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/hosts", "/etc/host.conf",
	"/etc/gai.conf", "/etc/networks", "/etc/hosts.allow", "/etc/hosts.deny",
	"/run/systemd/resolve", "/etc/systemd/resolved.conf",
	"/etc/systemd/resolved.conf.d", "/etc/systemd/network",
	"/run/systemd/network", "/etc/network", "/etc/netplan",
	"/etc/sysconfig/network", "/etc/sysconfig/network-scripts",
	"/etc/NetworkManager/NetworkManager.conf", "/etc/NetworkManager/conf.d",
	"/etc/nftables.conf", "/etc/iptables", "/etc/sysconfig/iptables",
	"/etc/sysconfig/nftables.conf", "/etc/dnsmasq.conf", "/etc/dnsmasq.d",
};

static const struct tree_limits file_limits = {
	.depth = 4, .entries = 2000, .file_bytes = (uint64_t)4 << 20, .mask = true,
};

struct json *network_row(struct network_pass *p, enum network_table table)
{
	struct json *j = table_row(p->tables[table]);
	char ns[24];

	(void)snprintf(ns, sizeof(ns), "%llu", (unsigned long long)p->ns->inode);
	json_str(j, "net_namespace", ns);
	return j;
}

int network_row_end(struct network_pass *p, enum network_table table)
{
	p->error = table_row_end(p->tables[table]);
	if (p->error < 0)
		return p->error;
	return ++p->rows < NETWORK_ROWS_MAX ? 0 : -EFBIG;
}

int network_end(struct network_pass *p, enum network_table table, int r,
		const struct netlink_result *result)
{
	char path[96];
	bool full = p->rows >= NETWORK_ROWS_MAX;

	p->rows = 0;
	if (p->error < 0)
		return p->error;
	p->interrupted += result->interrupted;
	/* A family, or a table, that this kernel does not have. */
	if (r == -EOPNOTSUPP || r == -ENOENT || r == -EAFNOSUPPORT)
		r = 0;
	if (r == 0 && result->truncated)
		r = -EMSGSIZE;
	if (r == 0)
		return 0;
	(void)snprintf(path, sizeof(path), "%s.ndjson", names[table]);
	return sink_gap(p->sink, path, full ? -EFBIG : r,
			full ? "a network namespace has too many" :
			"a network namespace did not show it all");
}

int network_dump(struct network_pass *p, struct netlink *n, enum network_table table,
		 uint16_t type, const void *req, size_t len, netlink_each *each, void *arg)
{
	struct netlink_result result = { 0 };
	int r;

	p->rows = 0;
	r = netlink_table(n, type, req, len, each, arg, &result);
	return network_end(p, table, r, &result);
}

/* Does a line of a text of /proc or of the host's begin with, or hold, ${word}? */
static bool text_has(int fd, const char *word)
{
	AUTO_FREE char *buf = malloc(LINE_BYTES);
	const char *line;
	struct lines l;
	size_t len;

	if (fd < 0 || buf == NULL)
		return false;
	lines_open(&l, fd, buf, LINE_BYTES, '\n');
	while (lines_next(&l, &line, &len, NULL) > 0)
		if (memmem(line, len, word, strlen(word)) != NULL)
			return true;
	return false;
}

/* Is this part of the kernel there already: loaded, or built in? */
static bool kernel_has(const struct host *host, const char *module)
{
	char path[128], file[64];
	struct utsname u;

	(void)snprintf(path, sizeof(path), "module/%s", module);
	if (faccessat(host->sys, path, F_OK, 0) == 0)
		return true;
	if (faccessat(host->proc, "modules", F_OK, 0) < 0)
		return true; /* it cannot load any */
	if (uname(&u) < 0)
		return false;
	(void)snprintf(path, sizeof(path), "lib/modules/%.80s/modules.builtin", u.release);
	(void)snprintf(file, sizeof(file), "/%s.ko", module);
	AUTO_CLOSE int fd = openat(host->root, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	return text_has(fd, file);
}

struct opening {
	struct network_pass *pass;
	struct network_view *view;
};

static int open_text(int proc, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "thread-self/net/%s", name);
	return openat(proc, path, O_RDONLY | O_CLOEXEC);
}

static int open_inside(void *arg)
{
	struct opening *o = arg;
	struct network_view *v = o->view;
	int proc = o->pass->host->proc;

	(void)netlink_open(&v->route, NETLINK_ROUTE);
	if (o->pass->kernel.filter)
		(void)netlink_open(&v->filter, NETLINK_NETFILTER);
	v->conntrack = open_text(proc, "nf_conntrack");
	v->tables4 = open_text(proc, "ip_tables_names");
	v->tables6 = open_text(proc, "ip6_tables_names");
	/* Where there is no table there is nothing to ask for. */
	if (v->tables4 >= 0)
		v->raw4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (v->tables6 >= 0)
		v->raw6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	return 0;
}

static void close_view(struct network_view *v)
{
	const int all[] = { v->raw4, v->raw6, v->tables4, v->tables6, v->conntrack };

	netlink_close(&v->route);
	netlink_close(&v->filter);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i] >= 0)
			(void)close(all[i]);
	rtnl_names_free(&v->names);
}

static int read_namespace(struct network_pass *p, struct network_view *v)
{
	int r = network_links(p, v);

	if (r == 0)
		r = network_filters(p, v);
	if (r == 0)
		r = network_iptables(p, v);
	return r == 0 ? network_peers(p) : r;
}

static int take_namespace(struct network_pass *p)
{
	struct network_view v = {
		.route = { .fd = -1 }, .filter = { .fd = -1 }, .raw4 = -1, .raw6 = -1,
		.tables4 = -1, .tables6 = -1, .conntrack = -1,
	};
	struct opening o = { p, &v };
	int err = netns_visit(p->ns, &p->home, open_inside, &o), r = 0;
	char path[48];

	if (err == 0)
		r = read_namespace(p, &v);
	close_view(&v);
	if (err == 0 || err == -ENOTRECOVERABLE)
		return err < 0 ? err : r;
	(void)snprintf(path, sizeof(path), "net/%llu", (unsigned long long)p->ns->inode);
	return sink_gap(p->sink, path, err, "network namespace cannot be entered");
}

static int take_files(struct network_pass *p)
{
	struct take t;
	int r = take_open(&t, p->host, p->req, p->sink, &file_limits, "network");

	if (r == 0)
		r = take_paths(&t, files, ARRAY_LEN(files));
	return take_close(&t, r);
}

static int notes(struct network_pass *p)
{
	int r = sink_note(p->sink, "network.namespaces", "%zu", p->list.count);

	if (r == 0)
		r = sink_note(p->sink, "network.nf_tables", "%s",
			      p->kernel.nft ? "asked" : "not in this kernel");
	if (r == 0)
		r = sink_note(p->sink, "network.conntrack", "%s",
			      p->kernel.conntrack ? "asked" : "not in this kernel, or by its text");
	if (r == 0 && p->interrupted > 0)
		r = sink_note(p->sink, "network.interrupted_dumps", "%llu",
			      (unsigned long long)p->interrupted);
	if (r == 0 && p->list.refused > 0)
		r = sink_gap(p->sink, "interface_details.ndjson", -E2BIG,
			     "some network namespaces were left out");
	return r;
}

static int walk(struct network_pass *p)
{
	struct netns only = { .fd = -1, .how = "self" };
	int r = socket_owner_scan(&p->owners, p->host->proc, &p->list);

	if (r < 0)
		return r;
	netns_add_mounts(&p->list, p->host);
	p->kernel.filter = kernel_has(p->host, "nfnetlink");
	p->kernel.nft = p->kernel.filter && kernel_has(p->host, "nf_tables");
	p->kernel.conntrack = p->kernel.filter && kernel_has(p->host, "nf_conntrack_netlink");
	if (netns_home(&p->home, p->host) < 0) { /* then it is all there is */
		p->list.count = 0;
		p->ns = &only;
		r = take_namespace(p);
	}
	for (size_t i = 0; i < p->list.count && r == 0; i++) {
		p->ns = &p->list.list[i];
		r = take_namespace(p);
	}
	if (r == 0)
		r = peers_write(p->peers, p->host, p->sink);
	if (r == 0)
		r = take_files(p);
	return r == 0 ? notes(p) : r;
}

static void release(struct network_pass *p)
{
	peers_free(p->peers);
	socket_owner_free(&p->owners);
	netns_free(&p->list);
	if (p->home.fd >= 0)
		(void)close(p->home.fd);
	free(p);
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	struct network_pass *p = calloc(1, sizeof(*p));
	int r = 0;

	if (p == NULL)
		return -ENOMEM;
	p->host = host;
	p->sink = sink;
	p->req = req;
	p->home.fd = -1;
	p->peers = peers_open(req->aws_ranges);
	if (p->peers == NULL)
		r = -ENOMEM;
	for (size_t i = 0; i < NETWORK_TABLES && r == 0; i++)
		r = table_open(&p->tables[i], sink, names[i]);
	if (r == 0)
		r = walk(p);
	for (size_t i = 0; i < NETWORK_TABLES; i++) {
		int end = table_close(p->tables[i]);

		if (r == 0)
			r = end;
	}
	release(p);
	return r;
}

const struct collector collector_network = {
	.name = "network",
	.group = "volatile",
	.reads = "interfaces, routes, neighbours, firewall rules and connections of all "
		 "network namespaces; the host's remote peers; resolver files",
	.rank = RANK_NETWORK,
	.cost = COST_LOW,
	.profile = PROFILE_FAST,
	.budget_s = 60,
	.run = run,
};
