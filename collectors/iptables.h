/* iptables.h - the rules of one iptables table, as the kernel itself holds them. */
#ifndef IPTABLES_H
#define IPTABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;

#define IPTABLES_HOOKS 5
#define IPTABLES_BYTES_MAX ((size_t)32 << 20)

/* One table, whole. */
struct iptables {
	bool six;         /* ip6tables */
	char name[32];
	uint32_t hooks;   /* valid ones, as bits */
	uint32_t entry[IPTABLES_HOOKS], underflow[IPTABLES_HOOKS];
	uint8_t *data;    /* struct ipt_entry or ip6t_entry, one behind the other */
	size_t len;
	struct iptables_chain {
		uint32_t at; /* of its first rule */
		bool builtin;
		char name[32];
	} *chains;        /* sorted */
	size_t chain_count;
};

/*
 * Read the table ${name}, which must stand in /proc/net/ip_tables_names: asking
 * for another would make the kernel load one.  ${fd} is a raw socket of its
 * family.  0; -EFBIG; -EAGAIN when it changed meanwhile; another negative errno.
 */
int iptables_read(struct iptables *t, int fd, bool six, const char *name);

/*
 * Find the chains in what was read (linux/netfilter/x_tables.h and
 * netfilter_ipv4/ip_tables.h).  iptables_read() has done it.  0, or -ENOMEM.
 */
int iptables_open(struct iptables *t);

void iptables_free(struct iptables *t);

/*
 * Where the entry behind the one at ${at} is; 0 when there is none, or when a
 * length is wrong.  ${ret_row}: it is a rule or a policy, not a chain's mark.
 */
size_t iptables_next(const struct iptables *t, size_t at, bool *ret_row);

/* The members of the row of such an entry: columns of osquery's iptables. */
void iptables_row(struct json *j, const struct iptables *t, size_t at);

#endif
