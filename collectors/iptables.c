/*
 * iptables.c - the rules of one iptables table ("legacy", not nf_tables).
 *
 * Read by getsockopt(), which gives the table as one block; each entry says
 * where its target and the next entry begin, and each such length is checked
 * against the block.  What an extension means is not decoded, but for ports:
 * its bytes are in the row.
 */
#include "iptables.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "json.h"
#include "rtnl.h"

#define CHAINS_MAX ((size_t)16384)
#define EXTENSIONS_MAX 64u
#define IF_BYTES 16u
/* Data of a match or a target: a match size counts this head. */
#define HEAD sizeof(struct xt_entry_match)

_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "one shape");
_Static_assert(sizeof(struct xt_entry_match) == sizeof(struct xt_entry_target), "one head");

/* Both families' entries, by their own offsets. */
struct entry {
	const uint8_t *at, *addresses, *interfaces;
	size_t address_len;
	uint16_t protocol, target, next; /* offsets from ${at} */
	uint8_t inverted;
	uint64_t packets, bytes;
	size_t head; /* where its matches begin */
};

static uint16_t half_at(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* False when it does not fit into the table. */
static bool entry_at(const struct iptables *t, size_t at, struct entry *e)
{
	size_t head = t->six ? sizeof(struct ip6t_entry) : sizeof(struct ipt_entry);
	struct xt_counters counters;

	if (at > t->len || t->len - at < head)
		return false;
	*e = (struct entry){ .at = t->data + at, .addresses = t->data + at, .head = head };
	e->address_len = t->six ? 16 : 4;
	e->interfaces = e->addresses + 4 * e->address_len;
	e->protocol = half_at(e->interfaces + (size_t)4 * IF_BYTES);
	e->inverted = e->at[t->six ? offsetof(struct ip6t_entry, ipv6.invflags)
				   : offsetof(struct ipt_entry, ip.invflags)];
	e->target = half_at(e->at + (t->six ? offsetof(struct ip6t_entry, target_offset)
					    : offsetof(struct ipt_entry, target_offset)));
	e->next = half_at(e->at + (t->six ? offsetof(struct ip6t_entry, next_offset)
					  : offsetof(struct ipt_entry, next_offset)));
	memcpy(&counters, e->at + (t->six ? offsetof(struct ip6t_entry, counters)
					  : offsetof(struct ipt_entry, counters)),
	       sizeof(counters));
	e->packets = counters.pcnt;
	e->bytes = counters.bcnt;
	return e->target >= head && e->next >= e->target + HEAD && e->next <= t->len - at;
}

/* A match or a target: its name and its data, within ${len} bytes. */
struct extension {
	char name[32];
	uint8_t revision;
	const uint8_t *data;
	size_t len, size;
};

static bool extension_at(const uint8_t *p, size_t len, struct extension *x)
{
	struct xt_entry_match m;

	if (len < HEAD)
		return false;
	memcpy(&m, p, sizeof(m));
	x->size = m.u.user.match_size;
	if (x->size < HEAD || x->size > len)
		return false;
	(void)snprintf(x->name, sizeof(x->name), "%.*s",
		       (int)sizeof(m.u.user.name), m.u.user.name);
	x->revision = m.u.user.revision;
	x->data = p + HEAD;
	x->len = x->size - HEAD;
	return true;
}

/* The target of an entry. */
static bool target_of(const struct entry *e, struct extension *x)
{
	return extension_at(e->at + e->target, (size_t)e->next - e->target, x);
}

/* An entry that only says that a chain begins: its target is ERROR. */
static bool is_mark(const struct entry *e, struct extension *x)
{
	return target_of(e, x) && strcmp(x->name, XT_ERROR_TARGET) == 0;
}

static bool add_chain(struct iptables *t, size_t at, bool builtin, const char *name,
		      size_t name_len)
{
	struct iptables_chain *c = &t->chains[t->chain_count];

	if (t->chain_count == CHAINS_MAX)
		return false;
	c->at = (uint32_t)at;
	c->builtin = builtin;
	(void)snprintf(c->name, sizeof(c->name), "%.*s", (int)name_len, name);
	t->chain_count++;
	return true;
}

static int by_place(const void *a, const void *b)
{
	const struct iptables_chain *one = a, *other = b;

	return one->at < other->at ? -1 : one->at > other->at;
}

int iptables_open(struct iptables *t)
{
	static const char *const builtin[IPTABLES_HOOKS] = {
		"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING",
	};
	struct extension x;
	struct entry e;
	size_t at = 0;

	t->chains = calloc(CHAINS_MAX, sizeof(*t->chains));
	if (t->chains == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < IPTABLES_HOOKS; i++)
		if ((t->hooks & 1u << i) != 0)
			(void)add_chain(t, t->entry[i], true, builtin[i], strlen(builtin[i]));
	for (; entry_at(t, at, &e); at += e.next)
		if (is_mark(&e, &x) && !add_chain(t, at + e.next, false, (const char *)x.data,
						  strnlen((const char *)x.data, x.len)))
			break;
	qsort(t->chains, t->chain_count, sizeof(*t->chains), by_place);
	return 0;
}

int iptables_read(struct iptables *t, int fd, bool six, const char *name)
{
	int level = six ? IPPROTO_IPV6 : IPPROTO_IP, r = 0;
	struct ipt_getinfo info;
	struct ipt_get_entries *get;
	socklen_t len = sizeof(info);

	*t = (struct iptables){ .six = six };
	memset(&info, 0, sizeof(info));
	(void)snprintf(info.name, sizeof(info.name), "%s", name);
	(void)snprintf(t->name, sizeof(t->name), "%s", name);
	if (getsockopt(fd, level, IPT_SO_GET_INFO, &info, &len) < 0)
		return -errno;
	if (info.size > IPTABLES_BYTES_MAX)
		return -EFBIG;
	t->hooks = info.valid_hooks;
	memcpy(t->entry, info.hook_entry, sizeof(t->entry));
	memcpy(t->underflow, info.underflow, sizeof(t->underflow));
	len = (socklen_t)(sizeof(*get) + info.size);
	get = calloc(1, len);
	if (get == NULL)
		return -ENOMEM;
	(void)snprintf(get->name, sizeof(get->name), "%s", name);
	get->size = info.size;
	/* -EAGAIN: its size changed since. */
	if (getsockopt(fd, level, IPT_SO_GET_ENTRIES, get, &len) < 0)
		r = -errno;
	if (r == 0)
		t->data = malloc(info.size > 0 ? info.size : 1);
	if (r == 0 && t->data == NULL)
		r = -ENOMEM;
	if (r == 0) {
		memcpy(t->data, (const uint8_t *)get + offsetof(struct ipt_get_entries, entrytable),
		       info.size);
		t->len = info.size;
		r = iptables_open(t);
	}
	free(get);
	return r;
}

void iptables_free(struct iptables *t)
{
	free(t->data);
	free(t->chains);
	*t = (struct iptables){ 0 };
}

size_t iptables_next(const struct iptables *t, size_t at, bool *ret_row)
{
	struct extension x;
	struct entry e;

	*ret_row = false;
	if (!entry_at(t, at, &e))
		return 0;
	*ret_row = !is_mark(&e, &x);
	return at + e.next < t->len ? at + e.next : 0;
}

/* The chain that the entry is in: the last one that begins at or before it. */
static const struct iptables_chain *chain_of(const struct iptables *t, size_t at)
{
	size_t low = 0, high = t->chain_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->chains[mid].at <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 ? &t->chains[low - 1] : NULL;
}

/* XT_STANDARD_TARGET: a verdict, or where to jump. */
static const char *verdict_of(const struct iptables *t, const struct extension *x)
{
	const struct iptables_chain *c;
	int32_t verdict;

	if (x->len < sizeof(verdict))
		return "";
	memcpy(&verdict, x->data, sizeof(verdict));
	switch (verdict) {
	case -NF_DROP - 1: return "DROP";
	case -NF_ACCEPT - 1: return "ACCEPT";
	case -NF_QUEUE - 1: return "QUEUE";
	case XT_RETURN: return "RETURN";
	default: break;
	}
	c = verdict >= 0 ? chain_of(t, (size_t)verdict) : NULL;
	return c != NULL && c->at == (uint32_t)verdict ? c->name : "";
}

static void add_ports(struct json *j, const char *key, const uint8_t *ports)
{
	unsigned low = half_at(ports), high = half_at(ports + 2);
	char text[16] = "";

	if (low == high)
		(void)snprintf(text, sizeof(text), "%u", low);
	else if (low != 0 || high != 0xffff)
		(void)snprintf(text, sizeof(text), "%u:%u", low, high);
	json_str(j, key, text);
}

/* Matches, each with its bytes; the ports of tcp and udp as osquery has them. */
static void add_matches(struct json *j, const struct entry *e)
{
	struct extension x;
	size_t at = e->head;
	bool ports = false;

	json_array(j, "matches");
	for (unsigned i = 0; i < EXTENSIONS_MAX && at < e->target &&
	     extension_at(e->at + at, e->target - at, &x); i++, at += x.size) {
		json_object(j, NULL);
		json_str(j, "name", x.name);
		json_u64(j, "revision", x.revision);
		json_base64(j, "data", x.data, x.len);
		json_object_end(j);
	}
	json_array_end(j);
	json_str(j, "match", at > e->head ? "yes" : "no");
	for (at = e->head; at < e->target && !ports &&
	     extension_at(e->at + at, e->target - at, &x); at += x.size)
		if ((strcmp(x.name, "tcp") == 0 || strcmp(x.name, "udp") == 0) && x.len >= 8) {
			add_ports(j, "src_port", x.data);
			add_ports(j, "dst_port", x.data + 4);
			ports = true;
		}
}

static void add_interface(struct json *j, const char *key, const uint8_t *p)
{
	json_bytes(j, key, p, strnlen((const char *)p, IF_BYTES));
}

static const char *policy_of(const struct iptables *t, const struct iptables_chain *c)
{
	for (unsigned i = 0; c != NULL && c->builtin && i < IPTABLES_HOOKS; i++) {
		struct extension x;
		struct entry e;

		if ((t->hooks & 1u << i) != 0 && t->entry[i] == c->at &&
		    entry_at(t, t->underflow[i], &e) && target_of(&e, &x))
			return verdict_of(t, &x);
	}
	return "";
}

static bool is_policy(const struct iptables *t, size_t at)
{
	for (unsigned i = 0; i < IPTABLES_HOOKS; i++)
		if ((t->hooks & 1u << i) != 0 && t->underflow[i] == at)
			return true;
	return false;
}

void iptables_row(struct json *j, const struct iptables *t, size_t at)
{
	const struct iptables_chain *chain = chain_of(t, at);
	struct extension x;
	struct entry e;

	if (!entry_at(t, at, &e))
		return;
	json_u64(j, "family", t->six ? AF_INET6 : AF_INET);
	json_str(j, "filter_name", t->name);
	json_str(j, "chain", chain != NULL ? chain->name : "");
	json_str(j, "policy", policy_of(t, chain));
	json_bool(j, "is_policy", chain != NULL && chain->builtin && is_policy(t, at));
	json_u64(j, "protocol", e.protocol);
	rtnl_add_address(j, "src_ip", e.addresses, e.address_len);
	rtnl_add_address(j, "src_mask", e.addresses + 2 * e.address_len, e.address_len);
	rtnl_add_address(j, "dst_ip", e.addresses + e.address_len, e.address_len);
	rtnl_add_address(j, "dst_mask", e.addresses + 3 * e.address_len, e.address_len);
	add_interface(j, "iniface", e.interfaces);
	add_interface(j, "outiface", e.interfaces + IF_BYTES);
	json_u64(j, "inverted", e.inverted);
	add_matches(j, &e);
	if (target_of(&e, &x)) {
		bool standard = x.name[0] == '\0';

		json_str(j, "target", standard ? verdict_of(t, &x) : x.name);
		if (!standard) {
			json_u64(j, "target_revision", x.revision);
			json_base64(j, "target_data", x.data, x.len);
		}
	}
	json_u64(j, "packets", e.packets);
	json_u64(j, "bytes", e.bytes);
}
