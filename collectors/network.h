/* network.h - what the parts of the network collector share. */
#ifndef NETWORK_H
#define NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netlink.h"
#include "netns.h"
#include "rtnl.h"
#include "socket_owner.h"
#include "socket_view.h"
#include "table.h"

struct collector_request;
struct host;
struct peers;
struct sink;

enum network_table {
	NETWORK_LINKS,
	NETWORK_ADDRESSES,
	NETWORK_ROUTES,
	NETWORK_RULES,
	NETWORK_NEIGHBOURS,
	NETWORK_TRAFFIC,
	NETWORK_CONNECTIONS,
	NETWORK_NFT_TABLES,
	NETWORK_NFT_CHAINS,
	NETWORK_NFT_RULES,
	NETWORK_NFT_SETS,
	NETWORK_NFT_ELEMENTS,
	NETWORK_NFT_OBJECTS,
	NETWORK_IPTABLES,
	NETWORK_TABLES,
};

/* Opened inside of one namespace, used outside of it. */
struct network_view {
	struct netlink route, filter;    /* fd -1: there is none */
	int raw4, raw6;                  /* for getsockopt(), or -1 */
	int tables4, tables6, conntrack; /* texts of /proc/net, or -1 */
	struct rtnl_names names;
};

/* Subsystems of the kernel that may be asked: the question itself must not
 * make it load a module. */
struct network_kernel {
	bool filter, nft, conntrack;
};

struct network_pass {
	const struct host *host;
	const struct collector_request *req;
	struct sink *sink;
	struct table *tables[NETWORK_TABLES];
	struct netns_list list;
	struct netns home;
	const struct netns *ns;   /* the one at hand */
	struct network_kernel kernel;
	struct socket_owners owners;
	struct peers *peers;
	uint64_t interrupted;     /* dumps that never held still */
	uint64_t rows;            /* of one namespace's table at hand */
	int error;                /* of the sink, inside of a dump */
};

/* Rows of one table of one namespace; what is more leaves a gap. */
#define NETWORK_ROWS_MAX 500000u

/* Begin a row of ${table}: its "net_namespace" is written. */
struct json *network_row(struct network_pass *p, enum network_table table);

/* End it.  0, or the sink's error, which is kept in ${p->error}; -EFBIG when
 * there are too many. */
int network_row_end(struct network_pass *p, enum network_table table);

/*
 * One table of the kernel's by netlink, as rows.  A refusal, a table that never
 * held still and rows too many are gaps and counts, not errors.  0, or the
 * sink's error.
 */
int network_dump(struct network_pass *p, struct netlink *n, enum network_table table,
		 uint16_t type, const void *req, size_t len, netlink_each *each, void *arg);

/* What a dump of ${table} that returned ${r} means: as network_dump(). */
int network_end(struct network_pass *p, enum network_table table, int r,
		const struct netlink_result *result);

/* The parts, each for the namespace at hand.  0, or the sink's error. */
int network_links(struct network_pass *p, struct network_view *v);
int network_filters(struct network_pass *p, struct network_view *v);
int network_iptables(struct network_pass *p, struct network_view *v);
int network_peers(struct network_pass *p);

#endif
