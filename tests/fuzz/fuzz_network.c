/* What the kernel says of the network: rtnetlink, nf_tables, tracked connections, iptables' tables, and Amazon's ranges. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "aws_ranges.h"
#include "buf.h"
#include "conntrack.h"
#include "iptables.h"
#include "json.h"
#include "nft.h"
#include "rtnl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct buf out;

static void elements(struct json *j, const uint8_t *data, size_t size)
{
	struct nft_elements e;
	const uint8_t *one;
	uint8_t req[640];
	size_t n;

	if (nft_set_request(data, size, req, sizeof(req)) > sizeof(req))
		__builtin_trap();
	if (!nft_elements_open(&e, data, size))
		return;
	while (nft_elements_next(&e, &one, &n))
		nft_element_row(j, &e, one, n);
}

static void table(struct json *j, const uint8_t *data, size_t size, bool six)
{
	struct iptables t = { .six = six, .name = "filter" };
	bool row;

	if (size < 44)
		return;
	memcpy(&t.hooks, data, 4);
	memcpy(t.entry, data + 4, sizeof(t.entry));
	memcpy(t.underflow, data + 24, sizeof(t.underflow));
	t.len = size - 44;
	t.data = malloc(t.len > 0 ? t.len : 1);
	if (t.data == NULL)
		return;
	memcpy(t.data, data + 44, t.len);
	if (iptables_open(&t) == 0)
		for (size_t at = 0, next = 1; next > 0; at = next) {
			next = iptables_next(&t, at, &row);
			if (next != 0 && next <= at)
				__builtin_trap();
			if (row)
				iptables_row(j, &t, at);
		}
	iptables_free(&t);
}

static void ranges(const uint8_t *data, size_t size)
{
	static const uint8_t address[16] = { 203, 0, 113, 80 };
	struct aws_ranges *a;
	struct aws_range r[4];

	if (aws_ranges_parse(&a, (const char *)data, size) < 0)
		return;
	(void)aws_ranges_find(a, address, 4, r, 4);
	(void)aws_ranges_find(a, address, 16, r, 4);
	aws_ranges_free(a);
}

static void flow(struct json *j, const uint8_t *data, size_t size)
{
	struct conntrack c;

	if (conntrack_parse(data, size, &c) == 0)
		conntrack_row(j, &c);
	if (conntrack_parse_line((const char *)data, size, &c) == 0)
		conntrack_row(j, &c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rtnl_names names = { 0 };
	struct json j;

	if (size == 0 || (out.data == NULL && buf_open(&out, 1 << 20) < 0))
		return 0;
	out.len = 0;
	json_open(&j, &out);
	size--;
	switch (*data++) {
	case 0:
		rtnl_names_add(&names, data, size);
		(void)rtnl_link_row(&j, data, size, &names);
		rtnl_names_free(&names);
		break;
	case 1: (void)rtnl_address_row(&j, data, size, NULL); break;
	case 2: (void)rtnl_route_row(&j, AF_INET, data, size, NULL); break;
	case 3: (void)rtnl_rule_row(&j, AF_INET, data, size); break;
	case 4: (void)rtnl_neighbour_row(&j, data, size, NULL); break;
	case 5:
		(void)rtnl_traffic_row(&j, false, data, size, NULL);
		(void)rtnl_traffic_row(&j, true, data, size, NULL);
		break;
	case 6:
	case 13: flow(&j, data, size); break;
	case 7: (void)nft_table_row(&j, data, size); break;
	case 8: (void)nft_chain_row(&j, data, size); break;
	case 9: (void)nft_rule_row(&j, data, size); break;
	case 10: (void)nft_set_row(&j, data, size); break;
	case 11: elements(&j, data, size); break;
	case 12:
		(void)nft_object_row(&j, data, size);
		(void)nft_flowtable_row(&j, data, size);
		break;
	case 14: table(&j, data, size, false); break;
	case 15: table(&j, data, size, true); break;
	default: ranges(data, size); break;
	}
	return 0;
}
