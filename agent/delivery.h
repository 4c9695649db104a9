/*
 * delivery.h - signed objects on their way out: into the vault, or into the
 * spool while the vault cannot be reached, and from there into the vault.
 */
#ifndef DELIVERY_H
#define DELIVERY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault.h"

struct buf;
struct comment;
struct minisign_key;
struct spool;

/* Tries of one object end after this when there is a spool to go on with. */
#define DELIVERY_PATIENCE_MS 15000
/* Without one, the vault is given up when it has taken nothing for so long. */
#define DELIVERY_GIVE_UP_S 300

/* What all senders share.  Everything that it points to lives longer. */
struct delivery {
	const struct vault_ops *ops;
	struct vault *vault;
	struct spool *spool;          /* NULL: none allowed */
	const struct minisign_key *key;
	const char *collection;
	int64_t give_up_ms;           /* patience with a vault, without a spool; 0: no end */
	/* private */
	atomic_bool down;             /* the last object did not get through */
	atomic_llong probe_ms;        /* when the next one may try */
	atomic_llong taken_ms;        /* when the vault last took one; 0: the first try */
	atomic_int dead;              /* refused for good, and no spool */
};

enum delivery_place { DELIVERY_LOST, DELIVERY_VAULT, DELIVERY_SPOOL };

/*
 * Sign ${obj} and store it, the signature first: an object that can be seen
 * can be checked.  ${about} says whether it is a segment and which; the rest
 * of it is filled in; NULL: send it unsigned.  Sets ${ret_place}, and ${*obj->held}
 * as vault.h says.  0, or a negative errno and ${error}.
 */
int delivery_send(struct delivery *d, struct vault_session *s,
		  const struct vault_object *obj, struct comment *about,
		  enum delivery_place *ret_place, char error[VAULT_ERROR_MAX]);

/* The same, but into the spool alone.  -ENOENT when there is none. */
int delivery_spool(struct delivery *d, const struct vault_object *obj,
		   struct comment *about, char error[VAULT_ERROR_MAX]);

/*
 * If the vault can be reached (or it is time to try, or ${at_end}, and then it is
 * always), move one segment that waits in the spool there, through ${scratch},
 * which may be another buffer afterwards.  True when one was moved.
 */
bool delivery_drain(struct delivery *d, struct vault_session *s, struct buf *scratch,
		    bool at_end);

/* 0, or the negative errno with which the vault refused for good. */
int delivery_dead(const struct delivery *d);

#endif
