/* rtnl.h - rtnetlink's messages as members of a row; bytes in, JSON out, no I/O. */
#ifndef RTNL_H
#define RTNL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"

struct netlink_value;

/* Interfaces of one network namespace, by number.  All zero is empty. */
struct rtnl_names {
	struct rtnl_name {
		uint32_t index;
		char name[16];
	} *list;
	size_t count, cap;
};

#define RTNL_NAMES_MAX 65536u

/* Remember the name in a RTM_NEWLINK message; what is none is passed over. */
void rtnl_names_add(struct rtnl_names *n, const void *data, size_t len);

void rtnl_names_free(struct rtnl_names *n);

/*
 * Each writes the members of one row for a message's payload (rtnetlink(7), the
 * kernel's include/uapi/linux/rtnetlink.h and what it includes).  False, and
 * nothing is written, when it is too short or of another kind.
 */

/* RTM_NEWLINK: columns of osquery's interface_details, and more. */
bool rtnl_link_row(struct json *j, const void *data, size_t len,
		   const struct rtnl_names *names);

/* RTM_NEWADDR: osquery's interface_addresses. */
bool rtnl_address_row(struct json *j, const void *data, size_t len,
		      const struct rtnl_names *names);

/* RTM_NEWROUTE of ${family}: osquery's routes. */
bool rtnl_route_row(struct json *j, int family, const void *data, size_t len,
		    const struct rtnl_names *names);

/* RTM_NEWRULE of ${family}. */
bool rtnl_rule_row(struct json *j, int family, const void *data, size_t len);

/* RTM_NEWNEIGH: osquery's arp_cache. */
bool rtnl_neighbour_row(struct json *j, const void *data, size_t len,
			const struct rtnl_names *names);

/* RTM_NEWQDISC and RTM_NEWTFILTER. */
bool rtnl_traffic_row(struct json *j, bool filter, const void *data, size_t len,
		      const struct rtnl_names *names);

/* What is written in the same way everywhere: */

/* An interface by its name; by its number where that is not known. */
void rtnl_add_interface(struct json *j, const char *key, uint32_t index,
			const struct rtnl_names *names);

/* An address of 4 or 16 bytes as text; anything else in hex, "" when absent. */
void rtnl_add_address(struct json *j, const char *key, const uint8_t *data, size_t len);

/* A link-layer address as people write it: "02:00:00:00:00:01"; "" when absent. */
void rtnl_add_mac(struct json *j, const char *key, const struct netlink_value *v);

/* A NUL-terminated text of the kernel's; nothing when it is not there. */
void rtnl_add_text(struct json *j, const char *key, const struct netlink_value *v);

/* A 32-bit number; nothing when it is not there. */
void rtnl_add_u32(struct json *j, const char *key, const struct netlink_value *v);

#endif
