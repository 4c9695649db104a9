/*
 * rtnl.c - what the rows of rtnetlink's messages have in common.
 *
 * Interfaces are numbers in most messages; people know their names.  An
 * interface that came after the list was read keeps its number.
 */
#include "rtnl.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netlink.h"
#include "parse.h"

#define HEX_MAX 64u
#define MAC_MAX 32u /* MAX_ADDR_LEN */

void rtnl_names_add(struct rtnl_names *n, const void *data, size_t len)
{
	struct netlink_value v[IFLA_IFNAME + 1];
	struct rtnl_name *more;
	struct ifinfomsg m;

	if (len < sizeof(m) || n->count >= RTNL_NAMES_MAX)
		return;
	memcpy(&m, data, sizeof(m));
	netlink_attrs((const uint8_t *)data + sizeof(m), len - sizeof(m), v,
		      IFLA_IFNAME + 1);
	if (v[IFLA_IFNAME].len == 0)
		return;
	if (n->count == n->cap) {
		size_t cap = n->cap == 0 ? 16 : n->cap * 2;

		more = realloc(n->list, cap * sizeof(*more));
		if (more == NULL)
			return;
		n->list = more;
		n->cap = cap;
	}
	more = &n->list[n->count++];
	more->index = (uint32_t)m.ifi_index;
	(void)snprintf(more->name, sizeof(more->name), "%.*s",
		       (int)v[IFLA_IFNAME].len, (const char *)v[IFLA_IFNAME].data);
}

void rtnl_names_free(struct rtnl_names *n)
{
	free(n->list);
	*n = (struct rtnl_names){ 0 };
}

/* The kernel lists them in the order of their numbers, nearly always. */
static const char *name_of(const struct rtnl_names *n, uint32_t index)
{
	size_t guess = index > 0 ? index - 1 : 0;

	if (n == NULL)
		return NULL;
	if (guess < n->count && n->list[guess].index == index)
		return n->list[guess].name;
	for (size_t i = 0; i < n->count; i++)
		if (n->list[i].index == index)
			return n->list[i].name;
	return NULL;
}

void rtnl_add_interface(struct json *j, const char *key, uint32_t index,
			const struct rtnl_names *names)
{
	const char *name = name_of(names, index);
	char text[16];

	if (name == NULL) {
		(void)snprintf(text, sizeof(text), "%u", index);
		name = index > 0 ? text : "";
	}
	json_bytes(j, key, name, strlen(name));
}

void rtnl_add_address(struct json *j, const char *key, const uint8_t *data, size_t len)
{
	char text[INET6_ADDRSTRLEN + 2 * HEX_MAX] = "";

	if (len == 4)
		(void)inet_ntop(AF_INET, data, text, sizeof(text));
	else if (len == 16)
		(void)inet_ntop(AF_INET6, data, text, sizeof(text));
	else if (len > 0)
		parse_to_hex(text, data, len < HEX_MAX ? len : HEX_MAX);
	json_str(j, key, text);
}

void rtnl_add_mac(struct json *j, const char *key, const struct netlink_value *v)
{
	char text[MAC_MAX * 3 + 1] = "";

	for (size_t i = 0; i < v->len && i < MAC_MAX; i++)
		(void)snprintf(text + 3 * i, 4, "%02x%s", v->data[i],
			       i + 1 < v->len && i + 1 < MAC_MAX ? ":" : "");
	json_str(j, key, text);
}

void rtnl_add_text(struct json *j, const char *key, const struct netlink_value *v)
{
	if (v->data != NULL)
		json_bytes(j, key, v->data, strnlen((const char *)v->data, v->len));
}

void rtnl_add_u32(struct json *j, const char *key, const struct netlink_value *v)
{
	uint32_t n;

	if (netlink_u32(v, &n))
		json_u64(j, key, n);
}
