/* netlink.h - asking the kernel for a table over netlink, and reading the answer. */
#ifndef NETLINK_H
#define NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A socket and its receive buffer. */
struct netlink {
	int fd;
	uint8_t *buf;
	uint32_t seq;
};

/* What one dump met besides its messages. */
struct netlink_result {
	bool interrupted; /* the table changed while it was dumped */
	bool truncated;   /* a datagram did not fit into the buffer: messages lost */
	int error;        /* the kernel's refusal, a negative errno; 0: none */
};

/* One message's payload, without its header.  Non-zero ends the dump. */
typedef int netlink_each(void *arg, uint16_t type, const void *data, size_t len);

/*
 * A socket of ${protocol} in the network namespace of the calling thread.  It
 * stays in that namespace.  An answer that does not come is waited for 5 s.
 * 0 or a negative errno; ${n} is then closed.
 */
int netlink_open(struct netlink *n, int protocol);

void netlink_close(struct netlink *n);

/*
 * Ask with a request of ${type} whose payload is ${len} bytes of ${req} (at
 * most 1024) and hand each message of the dump to ${each}.  0 when the dump came
 * to its end; the kernel's refusal (-ENOENT: no such table in this kernel);
 * -ETIMEDOUT (no answer for 5 s, or no end within 20 s); -ECANCELED when ${each} ended it; another negative errno.
 */
int netlink_dump(struct netlink *n, uint16_t type, const void *req, size_t len,
		 netlink_each *each, void *arg, struct netlink_result *ret);

/*
 * The same, in one piece: a pass during which the table changed is made again,
 * up to three times, and only the last one is handed on.  What is larger than
 * 8 MiB comes as it is met.
 */
int netlink_table(struct netlink *n, uint16_t type, const void *req, size_t len,
		  netlink_each *each, void *arg, struct netlink_result *ret);

/*
 * The parser of one datagram: ${each} for its messages that answer ${seq}.
 * 1 when the dump is over (${ret->error} says how), 0 when more comes, -EBADMSG
 * when a length is wrong, -ECANCELED when ${each} ended it.  No I/O.
 */
int netlink_parse(const uint8_t *data, size_t len, uint32_t seq,
		  netlink_each *each, void *arg, struct netlink_result *ret);

/*
 * Cut one attribute off the front of ${*data}.  False at the end, or when its
 * length is wrong.  ${ret} need not be aligned for anything but bytes.
 */
bool netlink_attr(const uint8_t **data, size_t *len, uint16_t *ret_type,
		  const uint8_t **ret, size_t *ret_len);

/* An attribute's value; ${data} NULL: not there. */
struct netlink_value {
	const uint8_t *data;
	size_t len;
};

/* All attributes whose type is below ${count}, by type; of twins the last. */
void netlink_attrs(const uint8_t *data, size_t len, struct netlink_value *values,
		   size_t count);

/* A number in the machine's byte order.  False when it is not there. */
bool netlink_u32(const struct netlink_value *v, uint32_t *ret);

/* A number of 0 to 8 bytes in network byte order; 0 when it is not there. */
uint64_t netlink_be(const struct netlink_value *v);

/*
 * Write an attribute of a request at ${at}; the caller has made room for
 * ${len} + 8 bytes that are zero.  Where the next one goes.
 */
size_t netlink_put(uint8_t *req, size_t at, uint16_t type, const void *data, size_t len);

#endif
