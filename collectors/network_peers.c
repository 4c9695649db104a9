/*
 * network_peers.c - the remote ends of one network namespace's sockets.
 *
 * Another look at what the socket collector lists, for what is needed of it.
 */
#include <unistd.h>

#include "network.h"
#include "peer.h"
#include "socket_record.h"

static int take(void *arg, const struct socket_record *s)
{
	struct network_pass *p = arg;
	const struct socket_owner *o = NULL;
	size_t n = socket_owner_find(&p->owners, s->inode, &o);

	peers_add_socket(p->peers, p->ns->inode, s, o, s->inode != 0 ? n : 0);
	return 0;
}

int network_peers(struct network_pass *p)
{
	struct socket_view v;
	uint32_t inet = 0;
	int r = socket_view_open(&v, p->host, p->ns, &p->home);

	for (unsigned i = 0; socket_kinds[i].name != NULL; i++)
		if (socket_kinds[i].layout == LAYOUT_INET || socket_kinds[i].diag == DIAG_INET)
			inet |= 1u << i;
	if (r == 0) {
		v.registered &= inet;
		(void)socket_view_diag(&v, take, p);
		for (unsigned i = 0; i < SOCKET_KINDS; i++)
			if ((inet & 1u << i) == 0 && v.files[i] >= 0) {
				(void)close(v.files[i]);
				v.files[i] = -1;
			}
		/* Only what sock_diag did not show comes from the texts. */
		(void)socket_view_proc(&v, NULL, p->ns->inode, take, p);
	}
	socket_view_close(&v);
	return 0;
}
