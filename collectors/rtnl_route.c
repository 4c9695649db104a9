/*
 * rtnl_route.c - routes, the rules that choose among them, neighbours and
 * traffic control, as rows.
 *
 * A BPF program that hangs on a queue (classic tc) stands in no list of BPF
 * links: its filter here is where it shows.
 */
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink.h"
#include "rtnl.h"
#include "scope.h"

#define HOPS_MAX 256u

static const char *name_in(const char *const *names, size_t count, unsigned n)
{
	return n < count && names[n] != NULL ? names[n] : "";
}

/* RTN_* */
static void add_type(struct json *j, unsigned type)
{
	static const char *const names[] = {
		"unspecified", "gateway", "local", "broadcast", "anycast",
		"multicast", "blackhole", "unreachable", "prohibit", "throw",
		"nat", "external",
	};

	json_str(j, "type", name_in(names, ARRAY_LEN(names), type));
}

/* The gateway, or for a route over another family the one of RTA_VIA. */
static void add_gateway(struct json *j, const struct netlink_value *v)
{
	if (v[RTA_GATEWAY].len > 0 || v[RTA_VIA].len <= 2)
		rtnl_add_address(j, "gateway", v[RTA_GATEWAY].data, v[RTA_GATEWAY].len);
	else
		rtnl_add_address(j, "gateway", v[RTA_VIA].data + 2, v[RTA_VIA].len - 2);
}

static void add_hops(struct json *j, const struct netlink_value *list,
		     const struct rtnl_names *names)
{
	const uint8_t *data = list->data;
	size_t len = list->len;
	struct rtnexthop h;

	if (data == NULL)
		return;
	json_array(j, "next_hops");
	for (unsigned i = 0; i < HOPS_MAX && len >= sizeof(h); i++) {
		struct netlink_value v[RTA_MAX + 1];
		size_t step;

		memcpy(&h, data, sizeof(h));
		if (h.rtnh_len < sizeof(h) || h.rtnh_len > len)
			break;
		netlink_attrs(data + sizeof(h), h.rtnh_len - sizeof(h), v, RTA_MAX + 1);
		json_object(j, NULL);
		rtnl_add_interface(j, "interface", (uint32_t)h.rtnh_ifindex, names);
		add_gateway(j, v);
		json_u64(j, "weight", h.rtnh_hops + 1u);
		json_u64(j, "flags", h.rtnh_flags);
		json_object_end(j);
		step = ((size_t)h.rtnh_len + 3) & ~(size_t)3;
		data += step < len ? step : len;
		len -= step < len ? step : len;
	}
	json_array_end(j);
}

static void add_metrics(struct json *j, const struct netlink_value *list)
{
	struct netlink_value v[RTAX_MTU + 1];

	netlink_attrs(list->data, list->len, v, RTAX_MTU + 1);
	rtnl_add_u32(j, "mtu", &v[RTAX_MTU]);
}

static void add_number(struct json *j, const char *key, const struct netlink_value *v,
		       uint32_t otherwise)
{
	(void)netlink_u32(v, &otherwise);
	json_u64(j, key, otherwise);
}

bool rtnl_route_row(struct json *j, int family, const void *data, size_t len,
		    const struct rtnl_names *names)
{
	struct netlink_value v[RTA_MAX + 1];
	struct rtmsg m;
	uint32_t n;

	if (len < sizeof(m))
		return false;
	memcpy(&m, data, sizeof(m));
	if (m.rtm_family != family)
		return false;
	netlink_attrs((const uint8_t *)data + sizeof(m), len - sizeof(m), v, RTA_MAX + 1);
	if (v[RTA_DST].len > 0)
		rtnl_add_address(j, "destination", v[RTA_DST].data, v[RTA_DST].len);
	else
		json_str(j, "destination", family == AF_INET ? "0.0.0.0" : "::");
	json_u64(j, "netmask", m.rtm_dst_len);
	add_gateway(j, v);
	rtnl_add_address(j, "source", v[RTA_PREFSRC].data, v[RTA_PREFSRC].len);
	json_u64(j, "flags", m.rtm_flags);
	rtnl_add_interface(j, "interface", netlink_u32(&v[RTA_OIF], &n) ? n : 0, names);
	add_metrics(j, &v[RTA_METRICS]);
	add_number(j, "metric", &v[RTA_PRIORITY], 0);
	add_type(j, m.rtm_type);
	json_u64(j, "family", m.rtm_family);
	add_number(j, "table", &v[RTA_TABLE], m.rtm_table);
	json_u64(j, "protocol", m.rtm_protocol);
	json_u64(j, "scope", m.rtm_scope);
	if (v[RTA_SRC].len > 0) {
		rtnl_add_address(j, "from", v[RTA_SRC].data, v[RTA_SRC].len);
		json_u64(j, "from_mask", m.rtm_src_len);
	}
	rtnl_add_u32(j, "next_hop_id", &v[RTA_NH_ID]);
	add_hops(j, &v[RTA_MULTIPATH], names);
	return true;
}

static void add_range(struct json *j, const char *key, const struct netlink_value *v,
		      size_t size)
{
	uint32_t n[2] = { 0, 0 };
	char text[32];

	if (v->len < 2 * size)
		return;
	for (size_t i = 0; i < 2; i++) {
		uint16_t half;

		if (size == sizeof(half)) {
			memcpy(&half, v->data + i * size, sizeof(half));
			n[i] = half;
		} else {
			memcpy(&n[i], v->data + i * size, sizeof(n[i]));
		}
	}
	(void)snprintf(text, sizeof(text), "%u-%u", n[0], n[1]);
	json_str(j, key, text);
}

/* FR_ACT_* */
static void add_action(struct json *j, unsigned action)
{
	static const char *const names[] = {
		"unspecified", "lookup", "goto", "nop", NULL, NULL, "blackhole",
		"unreachable", "prohibit",
	};

	json_str(j, "action", name_in(names, ARRAY_LEN(names), action));
}

bool rtnl_rule_row(struct json *j, int family, const void *data, size_t len)
{
	struct netlink_value v[FRA_DPORT_RANGE + 1];
	struct fib_rule_hdr m;

	if (len < sizeof(m))
		return false;
	memcpy(&m, data, sizeof(m));
	if (m.family != family)
		return false;
	netlink_attrs((const uint8_t *)data + sizeof(m), len - sizeof(m), v,
		      FRA_DPORT_RANGE + 1);
	add_number(j, "priority", &v[FRA_PRIORITY], 0);
	json_u64(j, "family", m.family);
	add_action(j, m.action);
	add_number(j, "table", &v[FRA_TABLE], m.table);
	rtnl_add_address(j, "from", v[FRA_SRC].data, v[FRA_SRC].len);
	json_u64(j, "from_mask", m.src_len);
	rtnl_add_address(j, "to", v[FRA_DST].data, v[FRA_DST].len);
	json_u64(j, "to_mask", m.dst_len);
	rtnl_add_text(j, "in_interface", &v[FRA_IIFNAME]);
	rtnl_add_text(j, "out_interface", &v[FRA_OIFNAME]);
	rtnl_add_u32(j, "mark", &v[FRA_FWMARK]);
	rtnl_add_u32(j, "mark_mask", &v[FRA_FWMASK]);
	rtnl_add_u32(j, "goto", &v[FRA_GOTO]);
	add_range(j, "uids", &v[FRA_UID_RANGE], sizeof(uint32_t));
	if (v[FRA_IP_PROTO].len == 1)
		json_u64(j, "protocol", v[FRA_IP_PROTO].data[0]);
	add_range(j, "source_ports", &v[FRA_SPORT_RANGE], sizeof(uint16_t));
	add_range(j, "destination_ports", &v[FRA_DPORT_RANGE], sizeof(uint16_t));
	json_bool(j, "inverted", (m.flags & FIB_RULE_INVERT) != 0);
	json_u64(j, "tos", m.tos);
	return true;
}

/* NUD_*, one bit each */
static void add_state(struct json *j, unsigned state)
{
	static const char *const names[] = {
		"incomplete", "reachable", "stale", "delay", "probe", "failed",
		"noarp", "permanent",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (state == 1u << i) {
			json_str(j, "state", names[i]);
			return;
		}
	json_str(j, "state", state == 0 ? "none" : "");
}

bool rtnl_neighbour_row(struct json *j, const void *data, size_t len,
			const struct rtnl_names *names)
{
	struct netlink_value v[NDA_MASTER + 1];
	struct nda_cacheinfo age;
	struct ndmsg m;
	uint32_t n;

	if (len < sizeof(m))
		return false;
	memcpy(&m, data, sizeof(m));
	netlink_attrs((const uint8_t *)data + sizeof(m), len - sizeof(m), v, NDA_MASTER + 1);
	rtnl_add_address(j, "address", v[NDA_DST].data, v[NDA_DST].len);
	rtnl_add_mac(j, "mac", &v[NDA_LLADDR]);
	rtnl_add_interface(j, "interface", (uint32_t)m.ndm_ifindex, names);
	json_u64(j, "permanent", (m.ndm_state & NUD_PERMANENT) != 0);
	add_state(j, m.ndm_state);
	json_u64(j, "family", m.ndm_family);
	json_u64(j, "flags", m.ndm_flags);
	json_u64(j, "type", m.ndm_type);
	if (v[NDA_VLAN].len >= 2)
		json_u64(j, "vlan", (unsigned)v[NDA_VLAN].data[0] |
			 (unsigned)v[NDA_VLAN].data[1] << 8);
	if (netlink_u32(&v[NDA_MASTER], &n))
		rtnl_add_interface(j, "master", n, names);
	if (v[NDA_CACHEINFO].len >= sizeof(age)) { /* in clock ticks: USER_HZ */
		memcpy(&age, v[NDA_CACHEINFO].data, sizeof(age));
		json_u64(j, "confirmed_ago_cs", age.ndm_confirmed);
		json_u64(j, "used_ago_cs", age.ndm_used);
		json_u64(j, "updated_ago_cs", age.ndm_updated);
	}
	return true;
}

/* pkt_cls.h: TCA_BPF_*.  The program's own bytes are in "bpf_programs". */
static void add_bpf(struct json *j, const struct netlink_value *options)
{
	struct netlink_value v[TCA_BPF_ID + 1];

	netlink_attrs(options->data, options->len, v, TCA_BPF_ID + 1);
	rtnl_add_text(j, "bpf_name", &v[TCA_BPF_NAME]);
	rtnl_add_u32(j, "bpf_program", &v[TCA_BPF_ID]);
	if (v[TCA_BPF_OPS].len > 0)
		json_base64(j, "bpf_code", v[TCA_BPF_OPS].data, v[TCA_BPF_OPS].len);
}

bool rtnl_traffic_row(struct json *j, bool filter, const void *data, size_t len,
		      const struct rtnl_names *names)
{
	struct netlink_value v[TCA_MAX + 1];
	struct tcmsg m;

	if (len < sizeof(m))
		return false;
	memcpy(&m, data, sizeof(m));
	netlink_attrs((const uint8_t *)data + sizeof(m), len - sizeof(m), v, TCA_MAX + 1);
	rtnl_add_interface(j, "interface", (uint32_t)m.tcm_ifindex, names);
	json_str(j, "object", filter ? "filter" : "queue");
	rtnl_add_text(j, "kind", &v[TCA_KIND]);
	json_hex(j, "handle", m.tcm_handle);
	json_hex(j, "parent", m.tcm_parent);
	if (filter) { /* priority and Ethertype share a word */
		json_u64(j, "priority", m.tcm_info >> 16);
		json_hex(j, "protocol", (m.tcm_info & 0xff) << 8 | (m.tcm_info >> 8 & 0xff));
	}
	if (v[TCA_OPTIONS].len > 0) {
		if (v[TCA_KIND].len >= 3 && memcmp(v[TCA_KIND].data, "bpf", 3) == 0)
			add_bpf(j, &v[TCA_OPTIONS]);
		json_base64(j, "options", v[TCA_OPTIONS].data, v[TCA_OPTIONS].len);
	}
	return true;
}
