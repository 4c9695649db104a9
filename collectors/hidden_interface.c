/*
 * hidden_interface.c - interfaces that listen to all, by rtnetlink against /sys.
 *
 * The kernel counts who wants an interface promiscuous (IFLA_PROMISCUITY) and
 * shows the raw flag in /sys/class/net; the flag that tools print is another,
 * which most ways of listening leave alone.  A member of a bridge, a bond or a
 * team is promiscuous by its trade.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "hidden.h"
#include "host.h"
#include "io.h"
#include "netlink.h"
#include "parse.h"
#include "scope.h"

#define LINKS_MAX 1024u

struct links {
	struct hidden_link list[LINKS_MAX];
	size_t count;
};

bool hidden_link_parse(const void *data, size_t len, struct hidden_link *ret)
{
	const uint8_t *p = data, *value;
	struct ifinfomsg m;
	uint16_t type;
	size_t n;

	*ret = (struct hidden_link){ 0 };
	if (len < sizeof(m))
		return false;
	memcpy(&m, p, sizeof(m));
	ret->index = (uint32_t)m.ifi_index;
	ret->flags = m.ifi_flags;
	p += sizeof(m);
	len -= sizeof(m);
	while (netlink_attr(&p, &len, &type, &value, &n)) {
		if (type == IFLA_IFNAME) {
			ret->name_len = n < sizeof(ret->name) ? n : sizeof(ret->name) - 1;
			memcpy(ret->name, value, ret->name_len);
			ret->name[ret->name_len] = '\0';
			ret->name_len = strlen(ret->name);
		} else if (type == IFLA_PROMISCUITY && n >= 4) {
			memcpy(&ret->promiscuity, value, 4);
		} else if (type == IFLA_MASTER && n >= 4) {
			memcpy(&ret->master, value, 4);
		}
	}
	return ret->name_len > 0;
}

static int keep(void *arg, uint16_t type, const void *data, size_t len)
{
	struct links *l = arg;

	if (type == RTM_NEWLINK && l->count < LINKS_MAX &&
	    hidden_link_parse(data, len, &l->list[l->count]))
		l->count++;
	return 0;
}

static int read_links(struct links *l)
{
	struct ifinfomsg req = { .ifi_family = 0 };
	struct netlink_result result;
	struct netlink n;
	int r = netlink_open(&n, NETLINK_ROUTE);

	l->count = 0;
	if (r < 0)
		return r;
	r = netlink_dump(&n, RTM_GETLINK, &req, sizeof(req), keep, l, &result);
	netlink_close(&n);
	return r;
}

/* The raw flags in /sys; false when the interface is not there. */
static bool sys_flags(int sys, const char *name, uint64_t *ret)
{
	char path[64], text[32];
	ssize_t n;

	if (strchr(name, '/') != NULL)
		return false;
	(void)snprintf(path, sizeof(path), "class/net/%s/", name);
	(void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "flags");
	n = io_read_file(sys, path, text, sizeof(text));
	while (n > 0 && text[n - 1] == '\n')
		n--;
	return n > 2 && memcmp(text, "0x", 2) == 0 &&
	       parse_u64(text + 2, (size_t)n - 2, 16, ret) == 0;
}

/* Why it is worth a row, or NULL; the views that say so. */
static const char *judge(int sys, const struct hidden_link *l, struct hidden_row *row)
{
	uint64_t flags = 0;
	bool shown = sys_flags(sys, l->name, &flags), raw = (flags & IFF_PROMISC) != 0;
	bool counted = l->promiscuity > 0;

	row->seen = counted ? "netlink" : "sys";
	row->missing = counted ? "sys" : "netlink";
	if (shown && raw != counted)
		return "promiscuous for one view only";
	if (!counted || l->master != 0)
		return NULL;
	row->seen = shown ? "netlink sys" : "netlink";
	row->missing = (l->flags & IFF_PROMISC) != 0 ? "" : "netlink_flags";
	return "promiscuous";
}

int hidden_interfaces(struct hidden *h)
{
	AUTO_FREE struct links *one = malloc(sizeof(*one));
	AUTO_FREE struct links *two = malloc(sizeof(*two));
	int r = 0;

	if (one == NULL || two == NULL)
		return -ENOMEM;
	if (read_links(one) < 0 || read_links(two) < 0)
		return 0; /* no rtnetlink: the network collector says so */
	for (size_t i = 0; i < one->count && r == 0; i++) {
		struct hidden_row row = { .kind = "interface", .name = one->list[i].name,
					  .name_len = one->list[i].name_len };

		row.detail = judge(h->host->sys, &one->list[i], &row);
		/* It may have begun or ended meanwhile. */
		for (size_t k = 0; row.detail != NULL && k < two->count; k++) {
			if (two->list[k].index != one->list[i].index)
				continue;
			row.detail = judge(h->host->sys, &two->list[k], &row);
			if (row.detail != NULL)
				r = hidden_row(h, &row);
			break;
		}
	}
	return r;
}
