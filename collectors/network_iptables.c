/*
 * network_iptables.c - the rules of iptables' own tables (not those that it
 * keeps in nf_tables) of one network namespace.
 *
 * Only tables that /proc/net names exist already; none is made by asking.
 */
#include <errno.h>
#include <stdlib.h>

#include "iptables.h"
#include "lines.h"
#include "network.h"
#include "scope.h"
#include "sink.h"

#define LINE_BYTES 256u
#define TABLES_MAX 16u
#define TRIES 3

static int take_table(struct network_pass *p, int raw, bool six, const char *name)
{
	struct netlink_result none = { 0 };
	struct iptables t;
	int r = -EAGAIN;

	for (unsigned i = 0; i < TRIES && r == -EAGAIN; i++) {
		r = iptables_read(&t, raw, six, name);
		if (r < 0)
			iptables_free(&t);
	}
	p->rows = 0;
	for (size_t at = 0, next = 1; r == 0 && t.len > 0 && next > 0; at = next) {
		bool row;

		next = iptables_next(&t, at, &row);
		if (!row)
			continue;
		iptables_row(network_row(p, NETWORK_IPTABLES), &t, at);
		r = network_row_end(p, NETWORK_IPTABLES);
	}
	iptables_free(&t);
	return network_end(p, NETWORK_IPTABLES, r, &none);
}

static int take_tables(struct network_pass *p, int text, int raw, bool six)
{
	char buf[LINE_BYTES];
	const char *line;
	struct lines l;
	size_t len;
	int r = 0;

	if (text < 0 || raw < 0)
		return 0;
	lines_open(&l, text, buf, sizeof(buf), '\n');
	for (unsigned i = 0; i < TABLES_MAX && r == 0 &&
	     lines_next(&l, &line, &len, NULL) > 0; i++)
		if (len > 0 && len < 32)
			r = take_table(p, raw, six, line);
	return r;
}

int network_iptables(struct network_pass *p, struct network_view *v)
{
	int r = take_tables(p, v->tables4, v->raw4, false);

	return r == 0 ? take_tables(p, v->tables6, v->raw6, true) : r;
}
