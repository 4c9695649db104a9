/* peer.h - whom the host talks to: remote addresses, out of sockets and tracked connections. */
#ifndef PEER_H
#define PEER_H

#include <stdint.h>
#include <sys/types.h>

struct aws_ranges;
struct conntrack;
struct host;
struct peers;
struct sink;
struct socket_owner;
struct socket_record;

#define PEERS_MAX ((size_t)1 << 16)

/* None yet.  ${aws} (NULL: not known) stays the caller's.  NULL: no memory. */
struct peers *peers_open(const struct aws_ranges *aws);

void peers_free(struct peers *p); /* NULL is fine */

/* An address of the host itself: no peer within its namespace.  Its sockets and
 * connections come later. */
void peers_add_own(struct peers *p, uint64_t ns, const uint8_t *address, unsigned len);

/* A socket of namespace ${ns}; one without a remote address tells which ports
 * are listened on.  ${owners} has ${count} rows. */
void peers_add_socket(struct peers *p, uint64_t ns, const struct socket_record *s,
		      const struct socket_owner *owners, size_t count);

/* A tracked connection: each of its ends that is not the host. */
void peers_add_flow(struct peers *p, uint64_t ns, const struct conntrack *c);

/* Write the table "peers".  0, or the sink's error. */
int peers_write(struct peers *p, const struct host *host, struct sink *sink);

#endif
