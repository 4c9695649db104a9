/*
 * network_links.c - interfaces, addresses, routes, rules, neighbours and
 * traffic control of one network namespace, by rtnetlink.
 */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "network.h"
#include "peer.h"
#include "scope.h"

/* One dump's rows. */
struct listing {
	struct network_pass *pass;
	const struct rtnl_names *names;
	enum network_table table;
	int family;
	uint16_t type;
};

static bool write_row(struct json *j, const struct listing *l, const void *data, size_t len)
{
	switch (l->table) {
	case NETWORK_LINKS: return rtnl_link_row(j, data, len, l->names);
	case NETWORK_ADDRESSES: return rtnl_address_row(j, data, len, l->names);
	case NETWORK_ROUTES: return rtnl_route_row(j, l->family, data, len, l->names);
	case NETWORK_RULES: return rtnl_rule_row(j, l->family, data, len);
	case NETWORK_NEIGHBOURS: return rtnl_neighbour_row(j, data, len, l->names);
	default: return rtnl_traffic_row(j, l->type == RTM_NEWTFILTER, data, len, l->names);
	}
}

/* The host's own addresses are no peers. */
static void add_own(struct network_pass *p, const uint8_t *data, size_t len)
{
	struct netlink_value v[IFA_LOCAL + 1], *own;
	const size_t head = sizeof(struct ifaddrmsg);

	netlink_attrs(data + head, len - head, v, IFA_LOCAL + 1);
	own = v[IFA_LOCAL].len > 0 ? &v[IFA_LOCAL] : &v[IFA_ADDRESS];
	if (own->len == 4 || own->len == 16)
		peers_add_own(p->peers, p->ns->inode, own->data, (unsigned)own->len);
}

/* A row that was begun and not ended is as if it had not been. */
static int take(void *arg, uint16_t type, const void *data, size_t len)
{
	struct listing *l = arg;

	if (type != l->type)
		return 0;
	if (!write_row(network_row(l->pass, l->table), l, data, len))
		return 0;
	if (l->table == NETWORK_ADDRESSES)
		add_own(l->pass, data, len);
	return network_row_end(l->pass, l->table);
}

static int take_name(void *arg, uint16_t type, const void *data, size_t len)
{
	if (type == RTM_NEWLINK)
		rtnl_names_add(arg, data, len);
	return 0;
}

/* Filters are listed by their queue: those of an interface's own entry and
 * exit, and of its root. */
static int take_filters(struct network_pass *p, struct network_view *v, struct listing *l)
{
	static const uint32_t parents[] = {
		TC_H_ROOT, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
		TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS),
	};
	int r = 0;

	l->type = RTM_NEWTFILTER;
	for (size_t i = 0; i < v->names.count && r == 0; i++)
		for (size_t k = 0; k < ARRAY_LEN(parents) && r == 0; k++) {
			struct tcmsg m = {
				.tcm_family = AF_UNSPEC,
				.tcm_ifindex = (int)v->names.list[i].index,
				.tcm_parent = parents[k],
			};

			r = network_dump(p, &v->route, l->table, RTM_GETTFILTER, &m,
					 sizeof(m), take, l);
		}
	return r;
}

/* What one family, or none, has. */
static const struct {
	enum network_table table;
	int family;
	uint16_t ask, answer;
	size_t len;
} asked[] = {
	{ NETWORK_LINKS, AF_UNSPEC, RTM_GETLINK, RTM_NEWLINK, sizeof(struct ifinfomsg) },
	{ NETWORK_ADDRESSES, AF_UNSPEC, RTM_GETADDR, RTM_NEWADDR, sizeof(struct ifaddrmsg) },
	{ NETWORK_NEIGHBOURS, AF_UNSPEC, RTM_GETNEIGH, RTM_NEWNEIGH, sizeof(struct ndmsg) },
	{ NETWORK_NEIGHBOURS, AF_BRIDGE, RTM_GETNEIGH, RTM_NEWNEIGH, sizeof(struct ndmsg) },
	{ NETWORK_ROUTES, AF_INET, RTM_GETROUTE, RTM_NEWROUTE, sizeof(struct rtmsg) },
	{ NETWORK_ROUTES, AF_INET6, RTM_GETROUTE, RTM_NEWROUTE, sizeof(struct rtmsg) },
	{ NETWORK_RULES, AF_INET, RTM_GETRULE, RTM_NEWRULE, sizeof(struct rtmsg) },
	{ NETWORK_RULES, AF_INET6, RTM_GETRULE, RTM_NEWRULE, sizeof(struct rtmsg) },
	{ NETWORK_TRAFFIC, AF_UNSPEC, RTM_GETQDISC, RTM_NEWQDISC, sizeof(struct tcmsg) },
};

int network_links(struct network_pass *p, struct network_view *v)
{
	struct listing l = { .pass = p, .names = &v->names };
	struct netlink_result result;
	union { /* every request begins with its family */
		unsigned char family;
		struct ifinfomsg link;
		struct rtmsg route;
		struct tcmsg traffic;
		struct ndmsg neighbour;
	} req;
	int r = 0;

	if (v->route.fd < 0)
		return network_end(p, NETWORK_LINKS, -ENOTSUP, &(struct netlink_result){ 0 });
	req.link = (struct ifinfomsg){ .ifi_family = AF_UNSPEC };
	(void)netlink_table(&v->route, RTM_GETLINK, &req, sizeof(req.link), take_name,
			    &v->names, &result);
	for (size_t i = 0; i < ARRAY_LEN(asked) && r == 0; i++) {
		l.table = asked[i].table;
		l.family = asked[i].family;
		l.type = asked[i].answer;
		req.traffic = (struct tcmsg){ 0 };
		req.family = (unsigned char)asked[i].family;
		r = network_dump(p, &v->route, l.table, asked[i].ask, &req, asked[i].len,
				 take, &l);
	}
	return r == 0 ? take_filters(p, v, &l) : r;
}
