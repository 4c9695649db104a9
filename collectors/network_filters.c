/*
 * network_filters.c - tracked connections and nf_tables' rules of one network
 * namespace, by nfnetlink; connections by their text where that is all there is.
 */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "buf.h"
#include "conntrack.h"
#include "lines.h"
#include "network.h"
#include "nft.h"
#include "peer.h"
#include "scope.h"
#include "sink.h"

#define LINE_BYTES ((size_t)16 << 10)
#define SETS_BYTES ((size_t)1 << 20)
#define REQUEST_BYTES 640u

#define NFT_TYPE(message) ((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | (message)))

static int take_flow(struct network_pass *p, const struct conntrack *c)
{
	conntrack_row(network_row(p, NETWORK_CONNECTIONS), c);
	peers_add_flow(p->peers, p->ns->inode, c);
	return network_row_end(p, NETWORK_CONNECTIONS);
}

static int take_message(void *arg, uint16_t type, const void *data, size_t len)
{
	struct conntrack c;

	(void)type;
	return conntrack_parse(data, len, &c) == 0 ? take_flow(arg, &c) : 0;
}

static int read_text(struct network_pass *p, int fd)
{
	AUTO_FREE char *buf = malloc(LINE_BYTES);
	struct netlink_result none = { 0 };
	const char *line;
	struct conntrack c;
	struct lines l;
	size_t len;
	int r = 0;

	if (buf == NULL)
		return -ENOMEM;
	p->rows = 0;
	lines_open(&l, fd, buf, LINE_BYTES, '\n');
	while (r == 0 && (r = lines_next(&l, &line, &len, NULL)) > 0)
		r = conntrack_parse_line(line, len, &c) == 0 ? take_flow(p, &c) : 0;
	return network_end(p, NETWORK_CONNECTIONS, r, &none);
}

/* It may have millions of rows and never holds still: as it comes. */
static int read_conntrack(struct network_pass *p, struct network_view *v)
{
	const struct nfgenmsg m = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 };
	struct netlink_result result = { 0 };
	int r = -ENOTSUP;

	p->rows = 0;
	if (p->kernel.conntrack && v->filter.fd >= 0)
		r = netlink_dump(&v->filter, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
				 &m, sizeof(m), take_message, p, &result);
	if (r < 0 && p->rows == 0 && p->error == 0 && v->conntrack >= 0)
		return read_text(p, v->conntrack);
	if (r == -ENOTSUP) /* no tracking here */
		return 0;
	return network_end(p, NETWORK_CONNECTIONS, r, &result);
}

struct nft_listing {
	struct network_pass *pass;
	enum network_table table;
	bool (*row)(struct json *j, const void *data, size_t len);
	struct buf sets; /* requests for their elements, each behind its length */
};

static int take_object(void *arg, uint16_t type, const void *data, size_t len)
{
	struct nft_listing *l = arg;
	uint8_t req[REQUEST_BYTES];
	uint32_t n;

	(void)type;
	if (l->table == NETWORK_NFT_SETS) {
		n = (uint32_t)nft_set_request(data, len, req, sizeof(req));
		if (n > 0 && buf_room(&l->sets) >= sizeof(n) + n) {
			(void)buf_add(&l->sets, &n, sizeof(n));
			(void)buf_add(&l->sets, req, n);
		}
	}
	if (!l->row(network_row(l->pass, l->table), data, len))
		return 0;
	return network_row_end(l->pass, l->table);
}

static int take_elements(void *arg, uint16_t type, const void *data, size_t len)
{
	struct network_pass *p = arg;
	const uint8_t *element;
	struct nft_elements e;
	size_t n;
	int r = 0;

	(void)type;
	if (!nft_elements_open(&e, data, len))
		return 0;
	while (r == 0 && nft_elements_next(&e, &element, &n)) {
		nft_element_row(network_row(p, NETWORK_NFT_ELEMENTS), &e, element, n);
		r = network_row_end(p, NETWORK_NFT_ELEMENTS);
	}
	return r;
}

static int read_elements(struct network_pass *p, struct network_view *v,
			 const struct buf *sets)
{
	uint32_t n;
	int r = 0;

	for (size_t at = 0; at < sets->len && r == 0; at += sizeof(n) + n) {
		memcpy(&n, sets->data + at, sizeof(n));
		r = network_dump(p, &v->filter, NETWORK_NFT_ELEMENTS,
				 NFT_TYPE(NFT_MSG_GETSETELEM), sets->data + at + sizeof(n), n,
				 take_elements, p);
	}
	return r;
}

static int read_nft(struct network_pass *p, struct network_view *v)
{
	static const struct {
		enum network_table table;
		uint8_t ask;
		bool (*row)(struct json *j, const void *data, size_t len);
	} parts[] = {
		{ NETWORK_NFT_TABLES, NFT_MSG_GETTABLE, nft_table_row },
		{ NETWORK_NFT_CHAINS, NFT_MSG_GETCHAIN, nft_chain_row },
		{ NETWORK_NFT_RULES, NFT_MSG_GETRULE, nft_rule_row },
		{ NETWORK_NFT_SETS, NFT_MSG_GETSET, nft_set_row },
		{ NETWORK_NFT_OBJECTS, NFT_MSG_GETOBJ, nft_object_row },
		{ NETWORK_NFT_OBJECTS, NFT_MSG_GETFLOWTABLE, nft_flowtable_row },
	};
	const struct nfgenmsg m = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 };
	struct nft_listing l = { .pass = p };
	int r = buf_open(&l.sets, SETS_BYTES);

	for (size_t i = 0; i < ARRAY_LEN(parts) && r == 0; i++) {
		l.table = parts[i].table;
		l.row = parts[i].row;
		r = network_dump(p, &v->filter, l.table, NFT_TYPE(parts[i].ask), &m,
				 sizeof(m), take_object, &l);
	}
	if (r == 0)
		r = read_elements(p, v, &l.sets);
	buf_free(&l.sets);
	return r;
}

int network_filters(struct network_pass *p, struct network_view *v)
{
	int r = read_conntrack(p, v);

	return r == 0 && p->kernel.nft && v->filter.fd >= 0 ? read_nft(p, v) : r;
}
