/* conntrack.h - one connection that the kernel tracks, by either of its interfaces. */
#ifndef CONNTRACK_H
#define CONNTRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;

/* One direction of a flow. */
struct conntrack_way {
	unsigned address_len;   /* 0, 4 or 16 */
	uint8_t source[16], target[16];
	uint16_t source_port, target_port; /* ICMP: its id, and type << 8 | code */
	bool has_counters;      /* sysctl net.netfilter.nf_conntrack_acct */
	uint64_t packets, bytes;
};

/* What an interface does not tell stays 0. */
struct conntrack {
	uint8_t family, protocol;
	struct conntrack_way original, reply;
	uint32_t status;        /* IPS_* */
	uint32_t timeout_s, mark, id;
	uint16_t zone;
	const char *state;      /* of TCP: "ESTABLISHED"; "" for others */
	char helper[32];
	uint64_t start_ns;      /* since 1970; sysctl nf_conntrack_timestamp */
	uint32_t age_s;         /* the text's word for it */
};

/*
 * The payload of a message of the subsystem ctnetlink
 * (include/uapi/linux/netfilter/nfnetlink_conntrack.h).  0 or -EINVAL.
 */
int conntrack_parse(const void *data, size_t len, struct conntrack *ret);

/* A line of /proc/net/nf_conntrack (net/netfilter/nf_conntrack_standalone.c).
 * 0 or -EINVAL. */
int conntrack_parse_line(const char *line, size_t len, struct conntrack *ret);

/* The members of a row of "connections". */
void conntrack_row(struct json *j, const struct conntrack *c);

#endif
