/*
 * peer.c - whom the host talks to.
 *
 * One row a remote address, whatever namespace, protocol and port it was met
 * in.  Sockets know who has them open, tracked connections know what was
 * forwarded; where both count the bytes of a connection, the larger sum stands.
 * How long a connection has been there is rarely known: "first_seen" is the
 * earliest time that can be shown, and "first_seen_by" says how.
 *
 * A host that thousands talk to keeps its rows short: ports, processes and
 * namespaces of one peer are listed up to a limit, and counted beyond it.
 */
#include "peer.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aws_ranges.h"
#include "conntrack.h"
#include "host.h"
#include "io.h"
#include "parse.h"
#include "rtnl.h"
#include "scope.h"
#include "set.h"
#include "sink.h"
#include "socket_owner.h"
#include "socket_record.h"
#include "table.h"

#define LIST_MAX 32u
#define SLOTS (2 * PEERS_MAX)
#define RANGES_MAX 8u
#define BY_TRACKING "conntrack_timestamp"

/* A few different numbers, and how many more there were. */
struct few {
	uint64_t list[LIST_MAX];
	unsigned count;
	bool more;
};

struct peer {
	uint8_t address[16];
	unsigned len;
	struct few protocols, local_ports, remote_ports, pids, namespaces;
	bool inbound, outbound;
	uint64_t sockets, flows;
	uint64_t socket_sent, socket_received, flow_sent, flow_received;
	int64_t first_ms;      /* since 1970; 0: not known */
	const char *first_by;
};

struct peers {
	const struct aws_ranges *aws;
	struct peer **slots;   /* by a hash of the address */
	size_t count;
	bool full;
	struct set own;        /* of namespace and address, and of address alone */
	struct set listening;  /* of namespace, protocol and port */
};

static int64_t real_ms(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct peers *peers_open(const struct aws_ranges *aws)
{
	struct peers *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->slots = calloc(SLOTS, sizeof(struct peer *));
	if (p->slots == NULL) {
		free(p);
		return NULL;
	}
	p->aws = aws;
	return p;
}

void peers_free(struct peers *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		free(p->slots[i]);
	free(p->slots);
	set_free(&p->own);
	set_free(&p->listening);
	free(p);
}

/* FNV-1a, never 0. */
static uint64_t hash(const void *data, size_t len)
{
	const uint8_t *b = data;
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * 0x100000001b3ull;
	return h != 0 ? h : 1;
}

/* An IPv4 address in an IPv6 socket is an IPv4 address. */
static const uint8_t *plain(const uint8_t *address, unsigned *len)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (*len != 16 || memcmp(address, mapped, sizeof(mapped)) != 0)
		return address;
	*len = 4;
	return address + 12;
}

static bool is_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* Nobody, or the host itself. */
static bool is_nobody(const uint8_t *a, unsigned len)
{
	if (len == 4)
		return a[0] == 127 || is_zero(a, 4);
	return len != 16 || (is_zero(a, 15) && a[15] <= 1);
}

static uint64_t own_key(uint64_t ns, const uint8_t *address, unsigned len)
{
	return hash(address, len) ^ ns << 1;
}

void peers_add_own(struct peers *p, uint64_t ns, const uint8_t *address, unsigned len)
{
	address = plain(address, &len);
	(void)set_add(&p->own, own_key(ns, address, len));
	(void)set_add(&p->own, own_key(0, address, len));
}

static struct peer *peer_of(struct peers *p, uint64_t ns, const uint8_t *address,
			    unsigned len)
{
	struct peer **slot;
	size_t at;

	address = plain(address, &len);
	if (is_nobody(address, len) || set_has(&p->own, own_key(ns, address, len)))
		return NULL;
	at = (size_t)hash(address, len) % SLOTS;
	for (slot = &p->slots[at]; *slot != NULL; slot = &p->slots[at]) {
		if ((*slot)->len == len && memcmp((*slot)->address, address, len) == 0)
			return *slot;
		at = (at + 1) % SLOTS;
	}
	if (p->count < PEERS_MAX)
		*slot = calloc(1, sizeof(**slot));
	if (*slot == NULL) {
		p->full = true;
		return NULL;
	}
	p->count++;
	memcpy((*slot)->address, address, len);
	(*slot)->len = len;
	return *slot;
}

static void few_add(struct few *f, uint64_t n)
{
	for (unsigned i = 0; i < f->count; i++)
		if (f->list[i] == n)
			return;
	if (f->count < LIST_MAX)
		f->list[f->count++] = n;
	else
		f->more = true;
}

/* The earliest wins.  TCP's word is as coarse as a tick of the kernel's clock:
 * tracking knows better when they agree. */
static void seen(struct peer *e, int64_t at_ms, const char *by)
{
	int64_t slack_ms = strcmp(by, BY_TRACKING) == 0 ? 1000 : 0;

	if (e->first_ms != 0 && e->first_ms + slack_ms <= at_ms)
		return;
	e->first_ms = at_ms;
	e->first_by = by;
}

static uint64_t port_key(uint64_t ns, int protocol, uint32_t port)
{
	const uint64_t all[] = { ns, (uint64_t)(unsigned)protocol, port };

	return hash(all, sizeof(all));
}

/* TCP knows when something last went by: it has been there at least since. */
static void seen_by_socket(struct peer *e, const struct socket_record *s)
{
	uint32_t ago_ms = s->last_sent_ms;

	if (!s->has_info) {
		seen(e, real_ms(), "collection");
		return;
	}
	if (s->bytes_received > 0 && s->last_received_ms > ago_ms)
		ago_ms = s->last_received_ms;
	seen(e, real_ms() - ago_ms, "tcp_activity");
}

void peers_add_socket(struct peers *p, uint64_t ns, const struct socket_record *s,
		      const struct socket_owner *owners, size_t count)
{
	struct peer *e;

	if (s->address_len == 0)
		return;
	if (s->remote_port == 0 && is_zero(s->remote, s->address_len)) {
		(void)set_add(&p->listening, port_key(ns, s->protocol, s->local_port));
		return;
	}
	e = peer_of(p, ns, s->remote, s->address_len);
	if (e == NULL)
		return;
	e->sockets++;
	few_add(&e->protocols, (uint64_t)(unsigned)s->protocol);
	few_add(&e->local_ports, (uint64_t)(unsigned)s->protocol << 16 | s->local_port);
	few_add(&e->remote_ports, s->remote_port);
	few_add(&e->namespaces, ns);
	for (size_t i = 0; i < count; i++)
		few_add(&e->pids, (uint64_t)owners[i].pid);
	e->socket_sent += s->bytes_acked;
	e->socket_received += s->bytes_received;
	seen_by_socket(e, s);
}

static void add_end(struct peers *p, uint64_t ns, const struct conntrack *c,
		    const uint8_t *address, bool inbound)
{
	const struct conntrack_way *to = inbound ? &c->reply : &c->original;
	const struct conntrack_way *from = inbound ? &c->original : &c->reply;
	struct peer *e = peer_of(p, ns, address, c->original.address_len);

	if (e == NULL)
		return;
	e->flows++;
	e->inbound |= inbound;
	e->outbound |= !inbound;
	few_add(&e->protocols, c->protocol);
	few_add(&e->namespaces, ns);
	if (c->protocol != IPPROTO_ICMP && c->protocol != IPPROTO_ICMPV6) {
		few_add(&e->local_ports, (uint64_t)c->protocol << 16 |
			(inbound ? c->original.target_port : c->original.source_port));
		few_add(&e->remote_ports, inbound ? c->original.source_port
						  : c->original.target_port);
	}
	e->flow_sent += to->bytes;
	e->flow_received += from->bytes;
	if (c->start_ns != 0)
		seen(e, (int64_t)(c->start_ns / 1000000), BY_TRACKING);
	else if (c->age_s != 0)
		seen(e, real_ms() - 1000 * (int64_t)c->age_s, BY_TRACKING);
	else
		seen(e, real_ms(), "collection");
}

void peers_add_flow(struct peers *p, uint64_t ns, const struct conntrack *c)
{
	add_end(p, ns, c, c->original.source, true);
	add_end(p, ns, c, c->original.target, false);
}

static const char *scope_of(const struct peer *e)
{
	const uint8_t *a = e->address;

	if (e->len == 4) {
		if (a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) ||
		    (a[0] == 192 && a[1] == 168) || (a[0] == 100 && (a[1] & 0xc0) == 64))
			return "private";
		if (a[0] == 169 && a[1] == 254)
			return "link_local";
		return a[0] >= 224 ? "multicast" : "public";
	}
	if ((a[0] & 0xfe) == 0xfc)
		return "private";
	if (a[0] == 0xfe && (a[1] & 0xc0) == 0x80)
		return "link_local";
	return a[0] == 0xff ? "multicast" : "public";
}

static void add_aws(struct json *j, const struct peers *p, const struct peer *e)
{
	struct aws_range r[RANGES_MAX];
	size_t n;

	if (p->aws == NULL) {
		json_null(j, "aws");
		return;
	}
	n = aws_ranges_find(p->aws, e->address, e->len, r, RANGES_MAX);
	json_bool(j, "aws", n > 0);
	if (n == 0)
		return;
	json_str(j, "aws_region", r[0].region);
	json_array(j, "aws_services");
	for (size_t i = 0; i < n; i++)
		json_str(j, NULL, r[i].service);
	json_array_end(j);
}

static void add_few(struct json *j, const char *key, const struct few *f)
{
	json_array(j, key);
	for (unsigned i = 0; i < f->count; i++)
		json_u64(j, NULL, f->list[i] & 0xffff);
	json_array_end(j);
}

static void add_protocols(struct json *j, const struct few *f)
{
	static const struct { unsigned number; const char *name; } names[] = {
		{ IPPROTO_TCP, "tcp" }, { IPPROTO_UDP, "udp" }, { IPPROTO_ICMP, "icmp" },
		{ IPPROTO_ICMPV6, "icmpv6" }, { IPPROTO_SCTP, "sctp" },
		{ IPPROTO_GRE, "gre" }, { IPPROTO_ESP, "esp" }, { 33, "dccp" },
		{ 262, "mptcp" },
	};

	json_array(j, "protocols");
	for (unsigned i = 0; i < f->count; i++) {
		char number[8];
		const char *name = number;

		(void)snprintf(number, sizeof(number), "%u", (unsigned)f->list[i] & 0xffffu);
		for (size_t k = 0; k < ARRAY_LEN(names); k++)
			if (names[k].number == f->list[i])
				name = names[k].name;
		json_str(j, NULL, name);
	}
	json_array_end(j);
}

static void add_processes(struct json *j, const struct host *host, const struct few *f)
{
	char path[32], name[64];

	json_array(j, "processes");
	for (unsigned i = 0; i < f->count; i++) {
		ssize_t n;

		(void)snprintf(path, sizeof(path), "%" PRIu64 "/comm", f->list[i]);
		n = io_read_file(host->proc, path, name, sizeof(name));
		json_object(j, NULL);
		json_u64(j, "pid", f->list[i]);
		if (n > 0)
			json_bytes(j, "name", name, (size_t)n - (name[n - 1] == '\n'));
		json_object_end(j);
	}
	json_array_end(j);
}

static void add_namespaces(struct json *j, const struct few *f)
{
	char ns[24];

	json_array(j, "net_namespaces");
	for (unsigned i = 0; i < f->count; i++) {
		(void)snprintf(ns, sizeof(ns), "%" PRIu64, f->list[i]);
		json_str(j, NULL, ns);
	}
	json_array_end(j);
}

/* Who connected: by the ports that somebody listens on. */
static void find_directions(const struct peers *p, struct peer *e)
{
	for (unsigned n = 0; e->sockets > 0 && n < e->namespaces.count; n++)
		for (unsigned i = 0; i < e->local_ports.count; i++) {
			uint64_t port = e->local_ports.list[i];

			if (set_has(&p->listening, port_key(e->namespaces.list[n],
							    (int)(port >> 16), port & 0xffff)))
				e->inbound = true;
			else if (e->namespaces.count == 1)
				e->outbound = true;
		}
}

static bool few_has(const struct few *f, uint64_t n)
{
	for (unsigned i = 0; i < f->count; i++)
		if (f->list[i] == n)
			return true;
	return false;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void write_row(struct json *j, const struct peers *p, const struct host *host,
		      const struct peer *e, pid_t self)
{
	char when[40] = "";
	struct tm tm;
	time_t at = (time_t)(e->first_ms / 1000);

	rtnl_add_address(j, "remote_address", e->address, e->len);
	json_str(j, "scope", scope_of(e));
	json_bool(j, "on_host", set_has(&p->own, own_key(0, e->address, e->len)));
	add_aws(j, p, e);
	json_bool(j, "inbound", e->inbound);
	json_bool(j, "outbound", e->outbound);
	add_protocols(j, &e->protocols);
	add_few(j, "local_ports", &e->local_ports);
	add_few(j, "remote_ports", &e->remote_ports);
	add_processes(j, host, &e->pids);
	json_bool(j, "own", e->pids.count == 1 && few_has(&e->pids, (uint64_t)self));
	add_namespaces(j, &e->namespaces);
	json_u64(j, "bytes_sent", larger(e->socket_sent, e->flow_sent));
	json_u64(j, "bytes_received", larger(e->socket_received, e->flow_received));
	if (gmtime_r(&at, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_str(j, "first_seen", when);
	json_str(j, "first_seen_by", e->first_by);
	json_u64(j, "sockets", e->sockets);
	json_u64(j, "flows", e->flows);
	json_bool(j, "more", e->protocols.more || e->local_ports.more ||
		  e->remote_ports.more || e->pids.more || e->namespaces.more);
}

/* Our own number there, which may be another pid namespace's. */
static pid_t own_pid(const struct host *host)
{
	char text[16];
	ssize_t n = readlinkat(host->proc, "self", text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return parse_pid(text);
}

int peers_write(struct peers *p, const struct host *host, struct sink *sink)
{
	pid_t self = own_pid(host);
	struct table *t;
	int r = table_open(&t, sink, "peers"), end;

	if (r < 0)
		return r;
	for (size_t i = 0; i < SLOTS && r == 0; i++) {
		struct peer *e = p->slots[i];

		if (e == NULL)
			continue;
		find_directions(p, e);
		write_row(table_row(t), p, host, e, self);
		r = table_row_end(t);
	}
	if (r == 0)
		r = sink_note(sink, "network.peers", "%" PRIu64, table_rows(t));
	if (r == 0)
		r = sink_note(sink, "network.aws_ranges", "%s", p->aws != NULL ?
			      aws_ranges_date(p->aws) : "not given");
	if (r == 0 && p->full)
		r = sink_gap(sink, "peers.ndjson", -E2BIG, "more remote addresses than are listed");
	end = table_close(t);
	return r < 0 ? r : end;
}
