/*
 * nft_expr.c - the expressions of a nf_tables rule: the little program that it is.
 *
 * Each expression is a name and numbered attributes.  A table says what the
 * numbers are called; an attribute that it does not know, or a whole expression,
 * stays as base64.  An expression within another is named, and its bytes kept.
 */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "netlink.h"
#include "nft.h"
#include "rtnl.h"
#include "scope.h"

#define EXPRESSIONS_MAX 1024u
#define NAME_BYTES 32u

/*
 * The attributes of each expression by their numbers, from 1 on.  A plain word
 * is a number; "$" a text, "=" a value or a verdict, "*" bytes, ">" an
 * expression, "-" padding.
 */
static const struct {
	const char *name, *attrs;
} shapes[] = {
	{ "bitwise", "source register length =mask =xor operation =data" },
	{ "byteorder", "source register operation length size" },
	{ "cmp", "source operation =data" },
	{ "connlimit", "count flags" },
	{ "counter", "bytes packets -" },
	{ "ct", "register key direction source" },
	{ "dup", "source_address source_device" },
	{ "dynset", "$set set_id operation source_key source_data timeout >expression "
		    "- flags *expressions" },
	{ "exthdr", "register type offset length flags operation source" },
	{ "fib", "register result flags" },
	{ "flow_offload", "$flowtable" },
	{ "fwd", "source_device source_address family" },
	{ "hash", "source register length modulus seed offset type $set set_id" },
	{ "immediate", "register =data" },
	{ "last", "set ms -" },
	{ "limit", "rate unit_s burst type flags -" },
	{ "log", "group $prefix length threshold level flags" },
	{ "lookup", "$set source register set_id flags" },
	{ "masq", "flags port_min port_max" },
	{ "match", "$match revision *info" },
	{ "meta", "register key source" },
	{ "nat", "type family address_min address_max port_min port_max flags" },
	{ "notrack", "" },
	{ "numgen", "register modulus type offset $set set_id" },
	{ "objref", "type $object source $set set_id" },
	{ "osf", "register ttl flags" },
	{ "payload", "register base offset length source checksum_type checksum_offset "
		     "checksum_flags" },
	{ "queue", "number total flags source" },
	{ "quota", "bytes flags - consumed" },
	{ "range", "source operation =from =to" },
	{ "redir", "port_min port_max flags" },
	{ "reject", "type icmp_code" },
	{ "rt", "register key" },
	{ "socket", "key register level" },
	{ "synproxy", "mss window_scale flags" },
	{ "target", "$target revision *info" },
	{ "tproxy", "family source_address source_port" },
	{ "tunnel", "key register mode" },
	{ "xfrm", "register key direction number" },
};

/* Numbers that have names; the names in the order of the numbers. */
static const struct {
	const char *expression, *attr, *words;
} meanings[] = {
	{ "meta", "key",
	  "length protocol priority mark iif oif iifname oifname iiftype oiftype skuid "
	  "skgid nftrace rtclassid secmark nfproto l4proto bri_iifname bri_oifname "
	  "pkttype cpu iifgroup oifgroup cgroup prandom secpath iifkind oifkind "
	  "bri_iifpvid bri_iifvproto time day hour sdif sdifname bri_broute" },
	{ "ct", "key",
	  "state direction status mark secmark expiration helper l3protocol src dst "
	  "protocol proto-src proto-dst labels packets bytes avgpkt zone eventmask "
	  "src_ip dst_ip src_ip6 dst_ip6 id" },
	{ "payload", "base", "link network transport inner" },
	{ "cmp", "operation", "== != < <= > >=" },
	{ "range", "operation", "== !=" },
	{ "nat", "type", "snat dnat" },
	{ "reject", "type", "icmp tcp-reset icmpx" },
};

/* Cut one word off. */
static bool next_word(const char **words, const char **ret, size_t *ret_len)
{
	*words += strspn(*words, " ");
	*ret = *words;
	*ret_len = strcspn(*words, " ");
	*words += *ret_len;
	return *ret_len > 0;
}

static void add_meaning(struct json *j, const char *expression, const char *attr,
			uint64_t n)
{
	const char *words, *word;
	char text[NAME_BYTES];
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
		if (strcmp(meanings[i].expression, expression) != 0 ||
		    strcmp(meanings[i].attr, attr) != 0)
			continue;
		words = meanings[i].words;
		for (uint64_t k = 0; next_word(&words, &word, &len); k++)
			if (k == n) {
				(void)snprintf(text, sizeof(text), "%.*s", (int)len, word);
				json_str(j, "means", text);
			}
	}
}

/* linux/netfilter.h and nf_tables.h: NF_* and NFT_* */
static const char *verdict_name(int32_t code)
{
	switch (code) {
	case NF_DROP: return "drop";
	case NF_ACCEPT: return "accept";
	case NF_STOLEN: return "stolen";
	case NF_QUEUE: return "queue";
	case NFT_CONTINUE: return "continue";
	case NFT_BREAK: return "break";
	case NFT_JUMP: return "jump";
	case NFT_GOTO: return "goto";
	case NFT_RETURN: return "return";
	default: return "";
	}
}

/* A value: its bytes, and the number or address that they may be. */
static void add_data(struct json *j, const struct netlink_value *nested)
{
	struct netlink_value v[NFTA_DATA_MAX + 1], verdict[NFTA_VERDICT_MAX + 1];
	const struct netlink_value *value = &v[NFTA_DATA_VALUE];
	int32_t code;

	netlink_attrs(nested->data, nested->len, v, NFTA_DATA_MAX + 1);
	if (v[NFTA_DATA_VERDICT].data != NULL) {
		netlink_attrs(v[NFTA_DATA_VERDICT].data, v[NFTA_DATA_VERDICT].len, verdict,
			      NFTA_VERDICT_MAX + 1);
		code = (int32_t)netlink_be(&verdict[NFTA_VERDICT_CODE]);
		json_str(j, "verdict", verdict_name(code));
		json_i64(j, "verdict_code", code);
		rtnl_add_text(j, "chain", &verdict[NFTA_VERDICT_CHAIN]);
		return;
	}
	if (value->data == NULL)
		return;
	if (value->len <= 8)
		json_u64(j, "number", netlink_be(value));
	if (value->len == 4 || value->len == 16)
		rtnl_add_address(j, "address", value->data, value->len);
	json_base64(j, "data", value->data, value->len);
}

/* One attribute, as its word says; ${name} is the expression. */
static void add_attr(struct json *j, const char *name, const char *word, size_t word_len,
		     const struct netlink_value *v)
{
	struct netlink_value inner[NFTA_EXPR_MAX + 1];
	char key[NAME_BYTES], mark = *word;

	if (mark == '-')
		return;
	if (mark == '$' || mark == '=' || mark == '*' || mark == '>') {
		word++;
		word_len--;
	}
	(void)snprintf(key, sizeof(key), "%.*s", (int)word_len, word);
	json_object(j, NULL);
	json_str(j, "name", key);
	switch (mark) {
	case '$':
		rtnl_add_text(j, "text", v);
		break;
	case '=':
		add_data(j, v);
		break;
	case '>':
		netlink_attrs(v->data, v->len, inner, NFTA_EXPR_MAX + 1);
		rtnl_add_text(j, "text", &inner[NFTA_EXPR_NAME]);
		json_base64(j, "data", v->data, v->len);
		break;
	case '*':
		json_base64(j, "data", v->data, v->len);
		break;
	default:
		json_u64(j, "number", netlink_be(v));
		add_meaning(j, name, key, netlink_be(v));
		break;
	}
	json_object_end(j);
}

static const char *shape_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		if (strcmp(shapes[i].name, name) == 0)
			return shapes[i].attrs;
	return NULL;
}

#define ATTRS 24u

void nft_expr_object(struct json *j, const char *key, const uint8_t *data, size_t len)
{
	struct netlink_value v[NFTA_EXPR_MAX + 1], a[ATTRS];
	const struct netlink_value *body = &v[NFTA_EXPR_DATA];
	const char *words, *word;
	char name[NAME_BYTES];
	bool known = true;
	size_t n, i = 1;

	netlink_attrs(data, len, v, NFTA_EXPR_MAX + 1);
	(void)snprintf(name, sizeof(name), "%.*s", (int)v[NFTA_EXPR_NAME].len,
		       v[NFTA_EXPR_NAME].data != NULL ?
		       (const char *)v[NFTA_EXPR_NAME].data : "");
	json_object(j, key);
	rtnl_add_text(j, "name", &v[NFTA_EXPR_NAME]);
	words = shape_of(name);
	netlink_attrs(body->data, body->len, a, ATTRS);
	json_array(j, "attributes");
	for (; words != NULL && i < ATTRS && next_word(&words, &word, &n); i++)
		if (a[i].data != NULL)
			add_attr(j, name, word, n, &a[i]);
	json_array_end(j);
	for (; i < ATTRS; i++)
		known = known && a[i].data == NULL;
	if ((words == NULL || !known) && body->data != NULL)
		json_base64(j, "raw", body->data, body->len);
	json_object_end(j);
}

void nft_expr_array(struct json *j, const char *key, const uint8_t *data, size_t len)
{
	const uint8_t *value;
	uint16_t type;
	size_t n;

	json_array(j, key);
	for (unsigned i = 0; data != NULL && i < EXPRESSIONS_MAX &&
	     netlink_attr(&data, &len, &type, &value, &n); i++)
		nft_expr_object(j, NULL, value, n);
	json_array_end(j);
}
