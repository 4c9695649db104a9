/*
 * conntrack.c - connections that the kernel tracks: its messages, its text, a row.
 *
 * A row is the only trace of a connection that a container or a forwarded host
 * had, and of one whose socket is already closed.
 */
#include "conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "netlink.h"
#include "parse.h"
#include "procfs.h"
#include "rtnl.h"
#include "scope.h"

static const char *const tcp_states[] = {
	"NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT",
	"LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2",
};

static void take_addresses(struct conntrack_way *w, const struct netlink_value *ip)
{
	struct netlink_value v[CTA_IP_V6_DST + 1];
	size_t from = CTA_IP_V4_SRC, to = CTA_IP_V4_DST, len = 4;

	netlink_attrs(ip->data, ip->len, v, CTA_IP_V6_DST + 1);
	if (v[CTA_IP_V6_SRC].data != NULL) {
		from = CTA_IP_V6_SRC;
		to = CTA_IP_V6_DST;
		len = 16;
	}
	if (v[from].len != len || v[to].len != len)
		return;
	w->address_len = (unsigned)len;
	memcpy(w->source, v[from].data, len);
	memcpy(w->target, v[to].data, len);
}

static void take_way(struct conntrack *c, struct conntrack_way *w,
		     const struct netlink_value *tuple,
		     const struct netlink_value *counters)
{
	struct netlink_value v[CTA_TUPLE_MAX + 1], p[CTA_PROTO_MAX + 1],
		n[CTA_COUNTERS_MAX + 1];

	netlink_attrs(tuple->data, tuple->len, v, CTA_TUPLE_MAX + 1);
	take_addresses(w, &v[CTA_TUPLE_IP]);
	netlink_attrs(v[CTA_TUPLE_PROTO].data, v[CTA_TUPLE_PROTO].len, p, CTA_PROTO_MAX + 1);
	c->protocol = (uint8_t)netlink_be(&p[CTA_PROTO_NUM]);
	if (p[CTA_PROTO_SRC_PORT].data != NULL) {
		w->source_port = (uint16_t)netlink_be(&p[CTA_PROTO_SRC_PORT]);
		w->target_port = (uint16_t)netlink_be(&p[CTA_PROTO_DST_PORT]);
	} else {
		size_t six = p[CTA_PROTO_ICMPV6_ID].data != NULL ?
			     CTA_PROTO_ICMPV6_ID - CTA_PROTO_ICMP_ID : 0;

		w->source_port = (uint16_t)netlink_be(&p[CTA_PROTO_ICMP_ID + six]);
		w->target_port = (uint16_t)(netlink_be(&p[CTA_PROTO_ICMP_TYPE + six]) << 8 |
					    netlink_be(&p[CTA_PROTO_ICMP_CODE + six]));
	}
	netlink_attrs(counters->data, counters->len, n, CTA_COUNTERS_MAX + 1);
	w->has_counters = n[CTA_COUNTERS_BYTES].data != NULL;
	w->packets = netlink_be(&n[CTA_COUNTERS_PACKETS]);
	w->bytes = netlink_be(&n[CTA_COUNTERS_BYTES]);
}

static void take_state(struct conntrack *c, const struct netlink_value *info)
{
	struct netlink_value v[CTA_PROTOINFO_MAX + 1], tcp[CTA_PROTOINFO_TCP_MAX + 1];
	uint64_t state;

	netlink_attrs(info->data, info->len, v, CTA_PROTOINFO_MAX + 1);
	netlink_attrs(v[CTA_PROTOINFO_TCP].data, v[CTA_PROTOINFO_TCP].len, tcp,
		      CTA_PROTOINFO_TCP_MAX + 1);
	state = netlink_be(&tcp[CTA_PROTOINFO_TCP_STATE]);
	if (tcp[CTA_PROTOINFO_TCP_STATE].data != NULL && state < ARRAY_LEN(tcp_states))
		c->state = tcp_states[state];
}

int conntrack_parse(const void *data, size_t len, struct conntrack *ret)
{
	struct netlink_value v[CTA_MAX + 1], more[CTA_TIMESTAMP_MAX + 1],
		help[CTA_HELP_MAX + 1];
	struct nfgenmsg m;

	*ret = (struct conntrack){ .state = "" };
	if (len < sizeof(m))
		return -EINVAL;
	memcpy(&m, data, sizeof(m));
	ret->family = m.nfgen_family;
	netlink_attrs((const uint8_t *)data + sizeof(m), len - sizeof(m), v, CTA_MAX + 1);
	take_way(ret, &ret->reply, &v[CTA_TUPLE_REPLY], &v[CTA_COUNTERS_REPLY]);
	take_way(ret, &ret->original, &v[CTA_TUPLE_ORIG], &v[CTA_COUNTERS_ORIG]);
	take_state(ret, &v[CTA_PROTOINFO]);
	ret->status = (uint32_t)netlink_be(&v[CTA_STATUS]);
	ret->timeout_s = (uint32_t)netlink_be(&v[CTA_TIMEOUT]);
	ret->mark = (uint32_t)netlink_be(&v[CTA_MARK]);
	ret->id = (uint32_t)netlink_be(&v[CTA_ID]);
	ret->zone = (uint16_t)netlink_be(&v[CTA_ZONE]);
	netlink_attrs(v[CTA_TIMESTAMP].data, v[CTA_TIMESTAMP].len, more, CTA_TIMESTAMP_MAX + 1);
	ret->start_ns = netlink_be(&more[CTA_TIMESTAMP_START]);
	netlink_attrs(v[CTA_HELP].data, v[CTA_HELP].len, help, CTA_HELP_MAX + 1);
	if (help[CTA_HELP_NAME].data != NULL)
		(void)snprintf(ret->helper, sizeof(ret->helper), "%.*s",
			       (int)help[CTA_HELP_NAME].len,
			       (const char *)help[CTA_HELP_NAME].data);
	return ret->original.address_len != 0 ? 0 : -EINVAL;
}

/* An address's bytes; its length, or 0. */
static unsigned parse_address(const char *text, size_t len, uint8_t ret[16])
{
	char copy[INET6_ADDRSTRLEN];

	if (len >= sizeof(copy))
		return 0;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, ret) == 1)
		return 4;
	return inet_pton(AF_INET6, copy, ret) == 1 ? 16 : 0;
}

static void take_number(struct conntrack *c, struct conntrack_way *w, const char *key,
			size_t key_len, uint64_t n)
{
	const struct {
		const char *key;
		uint16_t *half;
		uint32_t *word;
		uint64_t *full;
	} keys[] = {
		{ "sport", &w->source_port, NULL, NULL },
		{ "dport", &w->target_port, NULL, NULL },
		{ "id", &w->source_port, NULL, NULL },
		{ "packets", NULL, NULL, &w->packets },
		{ "bytes", NULL, NULL, &w->bytes },
		{ "mark", NULL, &c->mark, NULL },
		{ "zone", &c->zone, NULL, NULL },
		{ "delta-time", NULL, &c->age_s, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (strlen(keys[i].key) != key_len || memcmp(keys[i].key, key, key_len) != 0)
			continue;
		if (keys[i].half != NULL)
			*keys[i].half = (uint16_t)n;
		else if (keys[i].word != NULL)
			*keys[i].word = (uint32_t)n;
		else
			*keys[i].full = n;
		w->has_counters |= keys[i].full == &w->bytes;
	}
}

/* "key=value" of the way ${w}; the second "src" begins the other one. */
static void take_pair(struct conntrack *c, struct conntrack_way **w, const char *f,
		      size_t len)
{
	const char *equal = memchr(f, '=', len);
	size_t key = equal != NULL ? (size_t)(equal - f) : len;
	uint64_t n;

	if (equal == NULL) {
		if (len == 9 && memcmp(f, "[ASSURED]", 9) == 0)
			c->status |= IPS_ASSURED;
		else if (len == 11 && memcmp(f, "[UNREPLIED]", 11) == 0)
			c->status &= ~(uint32_t)IPS_SEEN_REPLY;
		return;
	}
	f = equal + 1;
	len -= key + 1;
	if (key == 3 && memcmp(equal - 3, "src", 3) == 0) {
		if ((*w)->address_len != 0)
			*w = &c->reply;
		(*w)->address_len = parse_address(f, len, (*w)->source);
	} else if (key == 3 && memcmp(equal - 3, "dst", 3) == 0) {
		if (parse_address(f, len, (*w)->target) != (*w)->address_len)
			(*w)->address_len = 0;
	} else if (parse_u64(f, len, 10, &n) == 0) {
		take_number(c, *w, equal - key, key, n);
	}
}

static bool next_number(const char **text, size_t *len, uint64_t max, uint64_t *ret)
{
	const char *f;
	size_t n;

	return procfs_field(text, len, &f, &n) && parse_u64(f, n, 10, ret) == 0 && *ret <= max;
}

int conntrack_parse_line(const char *line, size_t len, struct conntrack *ret)
{
	struct conntrack_way *w = &ret->original;
	uint64_t family, protocol, timeout;
	const char *f;
	size_t n;

	*ret = (struct conntrack){ .state = "", .status = IPS_SEEN_REPLY };
	if (!procfs_field(&line, &len, &f, &n) || !next_number(&line, &len, 255, &family) ||
	    !procfs_field(&line, &len, &f, &n) || !next_number(&line, &len, 255, &protocol))
		return -EINVAL;
	ret->family = (uint8_t)family;
	ret->protocol = (uint8_t)protocol;
	while (procfs_field(&line, &len, &f, &n)) {
		if (memchr(f, '=', n) == NULL && parse_u64(f, n, 10, &timeout) == 0)
			ret->timeout_s = (uint32_t)timeout;
		for (size_t i = 0; i < ARRAY_LEN(tcp_states); i++)
			if (strlen(tcp_states[i]) == n && memcmp(f, tcp_states[i], n) == 0)
				ret->state = tcp_states[i];
		take_pair(ret, &w, f, n);
	}
	return ret->original.address_len != 0 ? 0 : -EINVAL;
}

static void add_way(struct json *j, const char *key, const struct conntrack *c,
		    const struct conntrack_way *w)
{
	bool icmp = c->protocol == IPPROTO_ICMP || c->protocol == IPPROTO_ICMPV6;

	json_object(j, key);
	rtnl_add_address(j, "source", w->source, w->address_len);
	rtnl_add_address(j, "destination", w->target, w->address_len);
	if (icmp) {
		json_u64(j, "icmp_id", w->source_port);
		json_u64(j, "icmp_type", w->target_port >> 8);
		json_u64(j, "icmp_code", w->target_port & 0xff);
	} else {
		json_u64(j, "source_port", w->source_port);
		json_u64(j, "destination_port", w->target_port);
	}
	if (w->has_counters) {
		json_u64(j, "packets", w->packets);
		json_u64(j, "bytes", w->bytes);
	}
	json_object_end(j);
}

void conntrack_row(struct json *j, const struct conntrack *c)
{
	static const char *const words[] = { /* IPS_* */
		"expected", "seen_reply", "assured", "confirmed", "source_nat",
		"destination_nat", "sequence_adjust", "source_nat_done",
		"destination_nat_done", "dying", "fixed_timeout", "template",
		"untracked", "helper", "offload", "hardware_offload",
	};

	json_u64(j, "family", c->family);
	json_u64(j, "protocol", c->protocol);
	json_str(j, "state", c->state);
	add_way(j, "original", c, &c->original);
	add_way(j, "reply", c, &c->reply);
	json_array(j, "status");
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if ((c->status & 1u << i) != 0)
			json_str(j, NULL, words[i]);
	json_array_end(j);
	json_u64(j, "timeout_s", c->timeout_s);
	json_u64(j, "mark", c->mark);
	json_u64(j, "zone", c->zone);
	if (c->id != 0)
		json_u64(j, "id", c->id);
	if (c->helper[0] != '\0')
		json_str(j, "helper", c->helper);
	if (c->start_ns != 0)
		json_u64(j, "start_ns", c->start_ns);
	if (c->age_s != 0)
		json_u64(j, "age_s", c->age_s);
}
