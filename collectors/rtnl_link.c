/*
 * rtnl_link.c - network interfaces and their addresses, as rows.
 *
 * What osquery's interface_details and interface_addresses name, by their
 * names; then what an examiner looks for besides: a tunnel's far end, an
 * attached XDP program, promiscuity, the namespace at a veth's other end.
 */
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink.h"
#include "rtnl.h"
#include "scope.h"

#define LINK_ATTRS 68u /* all that Linux 6.12 has */
#define IFF_PROMISC_BIT 0x100u
#define INFO_MAX 2048u

static void add_counters(struct json *j, const struct netlink_value *v)
{
	struct rtnl_link_stats64 s;

	if (v->data == NULL)
		return;
	memset(&s, 0, sizeof(s));
	memcpy(&s, v->data, v->len < sizeof(s) ? v->len : sizeof(s));
	json_u64(j, "ipackets", s.rx_packets);
	json_u64(j, "opackets", s.tx_packets);
	json_u64(j, "ibytes", s.rx_bytes);
	json_u64(j, "obytes", s.tx_bytes);
	json_u64(j, "ierrors", s.rx_errors);
	json_u64(j, "oerrors", s.tx_errors);
	json_u64(j, "idrops", s.rx_dropped);
	json_u64(j, "odrops", s.tx_dropped);
	json_u64(j, "collisions", s.collisions);
}

static bool is_kind(const struct netlink_value *kind, const char *name)
{
	size_t n = strlen(name);

	return kind->len >= n && memcmp(kind->data, name, n) == 0 &&
	       (kind->len == n || kind->data[n] == '\0');
}

/* The attributes of a tunnel's own end; the far end's is the next. */
static const struct {
	const char *kind;
	unsigned local;
} tunnels[] = {
	{ "ipip", IFLA_IPTUN_LOCAL }, { "sit", IFLA_IPTUN_LOCAL },
	{ "ip6tnl", IFLA_IPTUN_LOCAL }, { "vti", IFLA_VTI_LOCAL },
	{ "vti6", IFLA_VTI_LOCAL }, { "gre", IFLA_GRE_LOCAL },
	{ "gretap", IFLA_GRE_LOCAL }, { "ip6gre", IFLA_GRE_LOCAL },
	{ "ip6gretap", IFLA_GRE_LOCAL }, { "erspan", IFLA_GRE_LOCAL },
};

static void add_vxlan(struct json *j, const struct netlink_value *v)
{
	const struct netlink_value *far = &v[v[IFLA_VXLAN_GROUP].len > 0 ?
					     IFLA_VXLAN_GROUP : IFLA_VXLAN_GROUP6];
	const struct netlink_value *own = &v[v[IFLA_VXLAN_LOCAL].len > 0 ?
					     IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6];

	rtnl_add_u32(j, "vxlan_id", &v[IFLA_VXLAN_ID]);
	if (v[IFLA_VXLAN_PORT].data != NULL)
		json_u64(j, "tunnel_port", netlink_be(&v[IFLA_VXLAN_PORT]));
	rtnl_add_address(j, "tunnel_local", own->data, own->len);
	rtnl_add_address(j, "tunnel_remote", far->data, far->len);
}

static void add_tunnel(struct json *j, const struct netlink_value *kind,
		       const struct netlink_value *data)
{
	struct netlink_value v[IFLA_VXLAN_LOCAL6 + 1];

	netlink_attrs(data->data, data->len, v, ARRAY_LEN(v));
	if (is_kind(kind, "vxlan"))
		add_vxlan(j, v);
	for (size_t i = 0; i < ARRAY_LEN(tunnels); i++) {
		const struct netlink_value *own = &v[tunnels[i].local];

		if (!is_kind(kind, tunnels[i].kind))
			continue;
		rtnl_add_address(j, "tunnel_local", own[0].data, own[0].len);
		rtnl_add_address(j, "tunnel_remote", own[1].data, own[1].len);
	}
}

static void add_kind(struct json *j, const struct netlink_value *info)
{
	struct netlink_value v[IFLA_INFO_SLAVE_DATA + 1];

	if (info->data == NULL)
		return;
	netlink_attrs(info->data, info->len, v, IFLA_INFO_SLAVE_DATA + 1);
	rtnl_add_text(j, "kind", &v[IFLA_INFO_KIND]);
	rtnl_add_text(j, "port_kind", &v[IFLA_INFO_SLAVE_KIND]);
	if (v[IFLA_INFO_DATA].len == 0)
		return;
	if (v[IFLA_INFO_KIND].data != NULL)
		add_tunnel(j, &v[IFLA_INFO_KIND], &v[IFLA_INFO_DATA]);
	if (v[IFLA_INFO_DATA].len <= INFO_MAX)
		json_base64(j, "kind_data", v[IFLA_INFO_DATA].data, v[IFLA_INFO_DATA].len);
}

static void add_xdp(struct json *j, const struct netlink_value *xdp)
{
	struct netlink_value v[IFLA_XDP_HW_PROG_ID + 1];

	if (xdp->data == NULL)
		return;
	netlink_attrs(xdp->data, xdp->len, v, IFLA_XDP_HW_PROG_ID + 1);
	rtnl_add_u32(j, "xdp_program", &v[IFLA_XDP_PROG_ID]);
	if (v[IFLA_XDP_ATTACHED].len == 1 && v[IFLA_XDP_ATTACHED].data[0] != 0)
		json_u64(j, "xdp_mode", v[IFLA_XDP_ATTACHED].data[0]);
}

static void add_other_names(struct json *j, const struct netlink_value *list)
{
	const uint8_t *data = list->data, *value;
	size_t len = list->len, n;
	uint16_t type;

	if (list->data == NULL)
		return;
	json_array(j, "alternative_names");
	while (netlink_attr(&data, &len, &type, &value, &n))
		if (type == IFLA_ALT_IFNAME)
			json_bytes(j, NULL, value, strnlen((const char *)value, n));
	json_array_end(j);
}

bool rtnl_link_row(struct json *j, const void *data, size_t len,
		   const struct rtnl_names *names)
{
	struct netlink_value v[LINK_ATTRS];
	struct ifinfomsg m;
	uint32_t n;

	if (len < sizeof(m))
		return false;
	memcpy(&m, data, sizeof(m));
	netlink_attrs((const uint8_t *)data + sizeof(m), len - sizeof(m), v, LINK_ATTRS);
	rtnl_add_text(j, "interface", &v[IFLA_IFNAME]);
	json_u64(j, "index", (uint32_t)m.ifi_index);
	rtnl_add_mac(j, "mac", &v[IFLA_ADDRESS]);
	json_u64(j, "type", m.ifi_type);
	rtnl_add_u32(j, "mtu", &v[IFLA_MTU]);
	json_u64(j, "flags", m.ifi_flags);
	json_bool(j, "up", (m.ifi_flags & 1u) != 0);
	json_bool(j, "promiscuous", (m.ifi_flags & IFF_PROMISC_BIT) != 0 ||
		  (netlink_u32(&v[IFLA_PROMISCUITY], &n) && n > 0));
	rtnl_add_u32(j, "promiscuity", &v[IFLA_PROMISCUITY]);
	add_counters(j, &v[IFLA_STATS64]);
	if (v[IFLA_OPERSTATE].len == 1)
		json_u64(j, "operational_state", v[IFLA_OPERSTATE].data[0]);
	rtnl_add_text(j, "queueing", &v[IFLA_QDISC]);
	rtnl_add_text(j, "alias", &v[IFLA_IFALIAS]);
	add_other_names(j, &v[IFLA_PROP_LIST]);
	if (v[IFLA_PERM_ADDRESS].len > 0)
		rtnl_add_mac(j, "permanent_mac", &v[IFLA_PERM_ADDRESS]);
	if (netlink_u32(&v[IFLA_MASTER], &n))
		rtnl_add_interface(j, "master", n, names);
	rtnl_add_u32(j, "link_index", &v[IFLA_LINK]);
	rtnl_add_u32(j, "link_namespace_id", &v[IFLA_LINK_NETNSID]);
	add_kind(j, &v[IFLA_LINKINFO]);
	add_xdp(j, &v[IFLA_XDP]);
	return true;
}

/* "255.255.255.0", as osquery has it; for IPv6 the same in its own form. */
static void add_mask(struct json *j, unsigned prefix, size_t len)
{
	uint8_t mask[16] = { 0 };

	for (size_t i = 0; i < len && i < sizeof(mask); i++)
		for (unsigned bit = 0; bit < 8; bit++)
			if (8 * i + bit < prefix)
				mask[i] |= (uint8_t)(0x80u >> bit);
	rtnl_add_address(j, "mask", mask, len <= sizeof(mask) ? len : 0);
}

bool rtnl_address_row(struct json *j, const void *data, size_t len,
		      const struct rtnl_names *names)
{
	struct netlink_value v[IFA_FLAGS + 1], *own;
	struct ifa_cacheinfo life;
	struct ifaddrmsg m;
	uint32_t flags;

	if (len < sizeof(m))
		return false;
	memcpy(&m, data, sizeof(m));
	netlink_attrs((const uint8_t *)data + sizeof(m), len - sizeof(m), v, IFA_FLAGS + 1);
	/* On a point-to-point link IFA_ADDRESS is the other end. */
	own = v[IFA_LOCAL].len > 0 ? &v[IFA_LOCAL] : &v[IFA_ADDRESS];
	rtnl_add_interface(j, "interface", m.ifa_index, names);
	rtnl_add_address(j, "address", own->data, own->len);
	add_mask(j, m.ifa_prefixlen, own->len);
	rtnl_add_address(j, "broadcast", v[IFA_BROADCAST].data, v[IFA_BROADCAST].len);
	if (own == &v[IFA_LOCAL] && v[IFA_ADDRESS].len == own->len &&
	    memcmp(own->data, v[IFA_ADDRESS].data, own->len) != 0)
		rtnl_add_address(j, "point_to_point", v[IFA_ADDRESS].data,
				 v[IFA_ADDRESS].len);
	else
		json_str(j, "point_to_point", "");
	rtnl_add_text(j, "label", &v[IFA_LABEL]);
	json_u64(j, "prefix", m.ifa_prefixlen);
	json_u64(j, "family", m.ifa_family);
	json_u64(j, "scope", m.ifa_scope);
	if (!netlink_u32(&v[IFA_FLAGS], &flags))
		flags = m.ifa_flags;
	json_hex(j, "flags", flags);
	if (v[IFA_CACHEINFO].len >= sizeof(life)) {
		memcpy(&life, v[IFA_CACHEINFO].data, sizeof(life));
		json_u64(j, "valid_s", life.ifa_valid);
		/* hundredths of a second since boot */
		json_u64(j, "created_cs", life.cstamp);
		json_u64(j, "changed_cs", life.tstamp);
	}
	return true;
}
