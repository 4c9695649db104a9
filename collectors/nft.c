/*
 * nft.c - nf_tables' tables, chains, rules, sets and objects, as rows.
 *
 * Numbers are in network byte order.  What of a rule is not understood stays
 * beside the rest in base64, so that nothing is lost to a newer kernel.
 */
#include "nft.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "netlink.h"
#include "rtnl.h"
#include "scope.h"

#define ATTRS 24u
#define USERDATA_COMMENT 0u /* libnftnl's udata.h: a type, a length, a text with its NUL */

const char *nft_family(unsigned family)
{
	static const char *const names[] = {
		[NFPROTO_INET] = "inet", [NFPROTO_IPV4] = "ip", [NFPROTO_ARP] = "arp",
		[NFPROTO_NETDEV] = "netdev", [NFPROTO_BRIDGE] = "bridge",
		[NFPROTO_IPV6] = "ip6",
	};

	return family < ARRAY_LEN(names) && names[family] != NULL ? names[family] : "";
}

/* Cut the head off: its family and all attributes. */
static bool open_message(const void *data, size_t len, struct nfgenmsg *m,
			 struct netlink_value v[ATTRS])
{
	if (len < sizeof(*m))
		return false;
	memcpy(m, data, sizeof(*m));
	netlink_attrs((const uint8_t *)data + sizeof(*m), len - sizeof(*m), v, ATTRS);
	return true;
}

static void add_number(struct json *j, const char *key, const struct netlink_value *v)
{
	if (v->data != NULL)
		json_u64(j, key, netlink_be(v));
}

static void add_signed(struct json *j, const char *key, const struct netlink_value *v)
{
	if (v->data != NULL)
		json_i64(j, key, (int32_t)netlink_be(v));
}

/* What nft itself stored there: the comment as text, all of it as it is.  A set's
 * are numbered otherwise. */
static void add_userdata(struct json *j, const struct netlink_value *v)
{
	size_t at = 0;

	if (v->data == NULL)
		return;
	while (at + 2 <= v->len && at + 2 + v->data[at + 1] <= v->len) {
		size_t n = v->data[at + 1];

		if (v->data[at] == USERDATA_COMMENT)
			json_bytes(j, "comment", v->data + at + 2,
				   strnlen((const char *)v->data + at + 2, n));
		at += 2 + n;
	}
	json_base64(j, "user_data", v->data, v->len);
}

bool nft_table_row(struct json *j, const void *data, size_t len)
{
	struct netlink_value v[ATTRS];
	struct nfgenmsg m;

	if (!open_message(data, len, &m, v))
		return false;
	json_str(j, "family", nft_family(m.nfgen_family));
	rtnl_add_text(j, "table", &v[NFTA_TABLE_NAME]);
	add_number(j, "handle", &v[NFTA_TABLE_HANDLE]);
	add_number(j, "flags", &v[NFTA_TABLE_FLAGS]);
	add_number(j, "owner_port", &v[NFTA_TABLE_OWNER]);
	add_userdata(j, &v[NFTA_TABLE_USERDATA]);
	return true;
}

static void add_hook(struct json *j, unsigned family, const struct netlink_value *list)
{
	static const char *const names[] = {
		"prerouting", "input", "forward", "output", "postrouting", "ingress",
	};
	struct netlink_value v[NFTA_HOOK_MAX + 1];
	uint64_t hook;

	if (list->data == NULL)
		return;
	netlink_attrs(list->data, list->len, v, NFTA_HOOK_MAX + 1);
	hook = netlink_be(&v[NFTA_HOOK_HOOKNUM]);
	if (family == NFPROTO_NETDEV)
		json_str(j, "hook", hook == 0 ? "ingress" : "egress");
	else if (family == NFPROTO_ARP)
		json_str(j, "hook", hook == 0 ? "input" : hook == 1 ? "output" : "forward");
	else
		json_str(j, "hook", hook < ARRAY_LEN(names) ? names[hook] : "");
	add_signed(j, "priority", &v[NFTA_HOOK_PRIORITY]);
	rtnl_add_text(j, "device", &v[NFTA_HOOK_DEV]);
}

bool nft_chain_row(struct json *j, const void *data, size_t len)
{
	struct netlink_value v[ATTRS], n[NFTA_COUNTER_MAX + 1];
	struct nfgenmsg m;

	if (!open_message(data, len, &m, v))
		return false;
	json_str(j, "family", nft_family(m.nfgen_family));
	rtnl_add_text(j, "table", &v[NFTA_CHAIN_TABLE]);
	rtnl_add_text(j, "chain", &v[NFTA_CHAIN_NAME]);
	add_number(j, "handle", &v[NFTA_CHAIN_HANDLE]);
	rtnl_add_text(j, "type", &v[NFTA_CHAIN_TYPE]);
	add_hook(j, m.nfgen_family, &v[NFTA_CHAIN_HOOK]);
	if (v[NFTA_CHAIN_POLICY].data != NULL)
		json_str(j, "policy", netlink_be(&v[NFTA_CHAIN_POLICY]) == NF_DROP ?
			 "drop" : "accept");
	add_number(j, "flags", &v[NFTA_CHAIN_FLAGS]);
	if (v[NFTA_CHAIN_COUNTERS].data != NULL) {
		netlink_attrs(v[NFTA_CHAIN_COUNTERS].data, v[NFTA_CHAIN_COUNTERS].len, n,
			      NFTA_COUNTER_MAX + 1);
		add_number(j, "packets", &n[NFTA_COUNTER_PACKETS]);
		add_number(j, "bytes", &n[NFTA_COUNTER_BYTES]);
	}
	add_userdata(j, &v[NFTA_CHAIN_USERDATA]);
	return true;
}

bool nft_rule_row(struct json *j, const void *data, size_t len)
{
	struct netlink_value v[ATTRS];
	struct nfgenmsg m;

	if (!open_message(data, len, &m, v))
		return false;
	json_str(j, "family", nft_family(m.nfgen_family));
	rtnl_add_text(j, "table", &v[NFTA_RULE_TABLE]);
	rtnl_add_text(j, "chain", &v[NFTA_RULE_CHAIN]);
	add_number(j, "handle", &v[NFTA_RULE_HANDLE]);
	add_number(j, "position", &v[NFTA_RULE_POSITION]);
	add_userdata(j, &v[NFTA_RULE_USERDATA]);
	nft_expr_array(j, "expressions", v[NFTA_RULE_EXPRESSIONS].data,
		       v[NFTA_RULE_EXPRESSIONS].len);
	return true;
}

bool nft_set_row(struct json *j, const void *data, size_t len)
{
	struct netlink_value v[ATTRS];
	struct nfgenmsg m;

	if (!open_message(data, len, &m, v))
		return false;
	json_str(j, "family", nft_family(m.nfgen_family));
	rtnl_add_text(j, "table", &v[NFTA_SET_TABLE]);
	rtnl_add_text(j, "set", &v[NFTA_SET_NAME]);
	add_number(j, "handle", &v[NFTA_SET_HANDLE]);
	add_number(j, "flags", &v[NFTA_SET_FLAGS]);
	add_number(j, "key_type", &v[NFTA_SET_KEY_TYPE]);
	add_number(j, "key_bytes", &v[NFTA_SET_KEY_LEN]);
	add_number(j, "data_type", &v[NFTA_SET_DATA_TYPE]);
	add_number(j, "data_bytes", &v[NFTA_SET_DATA_LEN]);
	add_number(j, "timeout_ms", &v[NFTA_SET_TIMEOUT]);
	if (v[NFTA_SET_USERDATA].data != NULL)
		json_base64(j, "user_data", v[NFTA_SET_USERDATA].data,
			    v[NFTA_SET_USERDATA].len);
	return true;
}

bool nft_object_row(struct json *j, const void *data, size_t len)
{
	static const char *const types[] = {
		"", "counter", "quota", "ct helper", "limit", "connlimit", "tunnel",
		"ct timeout", "secmark", "ct expectation", "synproxy",
	};
	struct netlink_value v[ATTRS];
	struct nfgenmsg m;
	uint64_t type;

	if (!open_message(data, len, &m, v))
		return false;
	type = netlink_be(&v[NFTA_OBJ_TYPE]);
	json_str(j, "family", nft_family(m.nfgen_family));
	rtnl_add_text(j, "table", &v[NFTA_OBJ_TABLE]);
	rtnl_add_text(j, "object", &v[NFTA_OBJ_NAME]);
	json_str(j, "type", type < ARRAY_LEN(types) ? types[type] : "");
	add_number(j, "uses", &v[NFTA_OBJ_USE]);
	if (v[NFTA_OBJ_DATA].data != NULL)
		json_base64(j, "data", v[NFTA_OBJ_DATA].data, v[NFTA_OBJ_DATA].len);
	add_userdata(j, &v[NFTA_OBJ_USERDATA]);
	return true;
}

bool nft_flowtable_row(struct json *j, const void *data, size_t len)
{
	struct netlink_value v[ATTRS];
	struct nfgenmsg m;

	if (!open_message(data, len, &m, v))
		return false;
	json_str(j, "family", nft_family(m.nfgen_family));
	rtnl_add_text(j, "table", &v[NFTA_FLOWTABLE_TABLE]);
	rtnl_add_text(j, "object", &v[NFTA_FLOWTABLE_NAME]);
	json_str(j, "type", "flowtable");
	add_number(j, "uses", &v[NFTA_FLOWTABLE_USE]);
	if (v[NFTA_FLOWTABLE_HOOK].data != NULL)
		json_base64(j, "data", v[NFTA_FLOWTABLE_HOOK].data,
			    v[NFTA_FLOWTABLE_HOOK].len);
	return true;
}

static void keep_text(char *ret, size_t cap, const struct netlink_value *v)
{
	(void)snprintf(ret, cap, "%.*s", (int)v->len,
		       v->data != NULL ? (const char *)v->data : "");
}

bool nft_elements_open(struct nft_elements *e, const void *data, size_t len)
{
	struct netlink_value v[ATTRS];
	struct nfgenmsg m;

	if (!open_message(data, len, &m, v))
		return false;
	e->family = m.nfgen_family;
	keep_text(e->table, sizeof(e->table), &v[NFTA_SET_ELEM_LIST_TABLE]);
	keep_text(e->set, sizeof(e->set), &v[NFTA_SET_ELEM_LIST_SET]);
	e->list = v[NFTA_SET_ELEM_LIST_ELEMENTS].data;
	e->len = v[NFTA_SET_ELEM_LIST_ELEMENTS].len;
	return e->list != NULL;
}

bool nft_elements_next(struct nft_elements *e, const uint8_t **ret, size_t *ret_len)
{
	uint16_t type;

	return netlink_attr(&e->list, &e->len, &type, ret, ret_len);
}

/* NFTA_DATA_VALUE: an address or a number by its length, and always the bytes. */
static void add_value(struct json *j, const char *key, const char *raw,
		      const struct netlink_value *nested)
{
	struct netlink_value v[NFTA_DATA_MAX + 1];
	const struct netlink_value *value = &v[NFTA_DATA_VALUE];
	char number[24];

	if (nested->data == NULL)
		return;
	netlink_attrs(nested->data, nested->len, v, NFTA_DATA_MAX + 1);
	if (value->len == 4 || value->len == 16) {
		rtnl_add_address(j, key, value->data, value->len);
	} else if (value->len > 0 && value->len <= 8) {
		(void)snprintf(number, sizeof(number), "%llu",
			       (unsigned long long)netlink_be(value));
		json_str(j, key, number);
	}
	if (value->len > 0)
		json_base64(j, raw, value->data, value->len);
	else /* a verdict: NFTA_VERDICT_* */
		json_base64(j, raw, nested->data, nested->len);
}

void nft_element_row(struct json *j, const struct nft_elements *e, const uint8_t *data,
		     size_t len)
{
	struct netlink_value v[ATTRS];

	netlink_attrs(data, len, v, ATTRS);
	json_str(j, "family", nft_family(e->family));
	json_str(j, "table", e->table);
	json_str(j, "set", e->set);
	add_value(j, "key", "key_data", &v[NFTA_SET_ELEM_KEY]);
	add_value(j, "key_end", "key_end_data", &v[NFTA_SET_ELEM_KEY_END]);
	add_value(j, "value", "value_data", &v[NFTA_SET_ELEM_DATA]);
	add_number(j, "flags", &v[NFTA_SET_ELEM_FLAGS]);
	add_number(j, "timeout_ms", &v[NFTA_SET_ELEM_TIMEOUT]);
	add_number(j, "expires_ms", &v[NFTA_SET_ELEM_EXPIRATION]);
	if (v[NFTA_SET_ELEM_EXPR].data != NULL)
		nft_expr_object(j, "expression", v[NFTA_SET_ELEM_EXPR].data,
				v[NFTA_SET_ELEM_EXPR].len);
	add_userdata(j, &v[NFTA_SET_ELEM_USERDATA]);
}

size_t nft_set_request(const void *data, size_t len, uint8_t *ret, size_t cap)
{
	struct netlink_value v[ATTRS];
	struct nfgenmsg m;
	size_t at = sizeof(m);

	memset(ret, 0, cap);
	if (!open_message(data, len, &m, v) || v[NFTA_SET_TABLE].len == 0 ||
	    v[NFTA_SET_TABLE].len > 256 || v[NFTA_SET_NAME].len == 0 ||
	    v[NFTA_SET_NAME].len > 256 || cap < 600)
		return 0;
	m = (struct nfgenmsg){ .nfgen_family = m.nfgen_family, .version = NFNETLINK_V0 };
	memcpy(ret, &m, sizeof(m));
	at = netlink_put(ret, at, NFTA_SET_ELEM_LIST_TABLE, v[NFTA_SET_TABLE].data,
			 v[NFTA_SET_TABLE].len);
	return netlink_put(ret, at, NFTA_SET_ELEM_LIST_SET, v[NFTA_SET_NAME].data,
			   v[NFTA_SET_NAME].len);
}
