/*
 * delivery.c - signed objects on their way out.
 *
 * While the vault is down and there is a spool, objects go to the disk at
 * once, and now and then one of them tries the vault first: nothing that is
 * still to be read has to wait for a dead network.
 */
#include "delivery.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "buf.h"
#include "clock.h"
#include "comment.h"
#include "digest.h"
#include "guard.h"
#include "log.h"
#include "minisign.h"
#include "spool.h"

#define NAME_MAX_BYTES 96
#define PROBE_MS 10000
#define LAST_CHANCE_MS 5000

/* An object and its signature. */
struct pair {
	const struct vault_object *obj;
	struct vault_object sig;
	char name[NAME_MAX_BYTES], text[MINISIGN_FILE_MAX];
};

static int sign(const struct delivery *d, struct pair *p, struct comment *about)
{
	char comment[COMMENT_TEXT_MAX];
	int r;

	p->sig = (struct vault_object){ .name = p->name, .data = p->text, .last = p->obj->last };
	if (about == NULL)
		return 0;
	(void)snprintf(p->name, sizeof(p->name), "%s.minisig", p->obj->name);
	(void)snprintf(about->collection, sizeof(about->collection), "%s", d->collection);
	(void)snprintf(about->name, sizeof(about->name), "%s", p->obj->name);
	about->size = p->obj->len;
	about->utc = time(NULL);
	r = comment_build(about, comment);
	if (r == 0)
		r = minisign_sign(d->key, p->obj->data, p->obj->len, comment,
				  p->text, sizeof(p->text));
	if (r < 0)
		return r;
	p->sig.len = strlen(p->text);
	return digest_memory(p->sig.data, p->sig.len, p->sig.sha256);
}

/* May an object try the vault now?  While it is down, one every ten seconds. */
static bool may_try(struct delivery *d, bool last)
{
	long long due = atomic_load(&d->probe_ms), now = clock_now_ms();

	if (d->vault == NULL)
		return false;
	if (!atomic_load(&d->down) || d->spool == NULL)
		return true;
	/* There is no time for a vault that has just been tried. */
	if (last)
		return false;
	return now >= due &&
	       atomic_compare_exchange_strong(&d->probe_ms, &due, now + PROBE_MS);
}

static void note_up(struct delivery *d)
{
	guard_stored();
	atomic_store(&d->taken_ms, clock_now_ms());
	if (atomic_exchange(&d->down, false))
		log_line(LOG_INFO, "the vault can be reached again");
}

static void note_down(struct delivery *d, int r, const char *error)
{
	bool final = r == -EACCES || r == -EPERM || r == -ENOENT ||
		     r == -EROFS || r == -ENOSPC || r == -ETIME;

	int64_t now = clock_now_ms(), taken = atomic_load(&d->taken_ms);

	atomic_store(&d->probe_ms, now + PROBE_MS);
	if (d->spool == NULL && final) {
		atomic_store(&d->dead, r);
	} else if (d->spool == NULL && d->give_up_ms != 0 && now - taken >= d->give_up_ms) {
		if (atomic_exchange(&d->dead, r) == 0)
			log_line(LOG_ERROR, "the vault has taken nothing for %lld s and is given "
				 "up: nothing more is collected", (long long)(now - taken) / 1000);
	}
	if (!atomic_exchange(&d->down, true) && d->spool != NULL)
		log_line(LOG_WARN, "the vault is lost for now, the spool goes on: %s", error);
}

static int put_vault(struct delivery *d, struct vault_session *s,
		     const struct pair *p, char error[VAULT_ERROR_MAX])
{
	struct vault_object sig = p->sig, obj = *p->obj;
	int r = 0;

	/* One that is given up gets a last chance for the manifest, and no patience. */
	if (atomic_load(&d->dead) < 0)
		sig.until_ms = obj.until_ms = clock_now_ms() + LAST_CHANCE_MS;
	if (sig.len > 0)
		r = d->ops->put(s, &sig, error);
	if (r == 0)
		r = d->ops->put(s, &obj, error);
	if (r == 0)
		note_up(d);
	else if (r != -EEXIST)
		note_down(d, r, error);
	return r;
}

static int put_spool(struct delivery *d, const struct pair *p,
		     char error[VAULT_ERROR_MAX])
{
	int r = 0;

	if (p->sig.len > 0)
		r = spool_put(d->spool, &p->sig, error);
	return r < 0 ? r : spool_put(d->spool, p->obj, error);
}

int delivery_send(struct delivery *d, struct vault_session *s,
		  const struct vault_object *obj, struct comment *about,
		  enum delivery_place *ret_place, char error[VAULT_ERROR_MAX])
{
	struct pair p = { .obj = obj };
	int r = sign(d, &p, about);

	*ret_place = DELIVERY_LOST;
	if (r < 0) {
		(void)snprintf(error, VAULT_ERROR_MAX, "signing: %s", strerror(-r));
		return r;
	}
	if (may_try(d, obj->last)) {
		r = put_vault(d, s, &p, error);
		if (r == 0)
			*ret_place = DELIVERY_VAULT;
		if (r == 0 || r == -EEXIST || d->spool == NULL)
			return r;
	}
	r = put_spool(d, &p, error);
	if (r == 0)
		*ret_place = DELIVERY_SPOOL;
	return r;
}

int delivery_spool(struct delivery *d, const struct vault_object *obj,
		   struct comment *about, char error[VAULT_ERROR_MAX])
{
	struct pair p = { .obj = obj };
	int r;

	if (d->spool == NULL)
		return -ENOENT;
	r = sign(d, &p, about);
	return r < 0 ? r : put_spool(d, &p, error);
}

/* Send one file of the spool as it is. */
static int forward(struct delivery *d, struct vault_session *s, const char *name,
		   struct buf *scratch, char error[VAULT_ERROR_MAX])
{
	bool held = false;
	struct vault_object obj = { .name = name, .data = scratch->data, .held = &held };
	int64_t n = spool_load(d->spool, name, scratch->data, scratch->cap);
	int r;

	if (n < 0)
		return (int)n;
	obj.len = (size_t)n;
	r = digest_memory(obj.data, obj.len, obj.sha256);
	if (r == 0)
		r = d->ops->put(s, &obj, error);
	if (held)
		buf_renew(scratch);
	/* An earlier try may have brought it there unseen. */
	return r == -EEXIST ? 0 : r;
}

bool delivery_drain(struct delivery *d, struct vault_session *s, struct buf *scratch,
		    bool at_end)
{
	char name[NAME_MAX_BYTES], sig[NAME_MAX_BYTES + 16], error[VAULT_ERROR_MAX] = "";
	int r;

	if (d->spool == NULL || spool_waiting(d->spool) == 0 ||
	    d->vault == NULL || (!may_try(d, false) && !at_end) ||
	    spool_take(d->spool, name, sizeof(name)) < 0)
		return false;
	(void)snprintf(sig, sizeof(sig), "%s.minisig", name);
	r = forward(d, s, sig, scratch, error);
	if (r == 0)
		r = forward(d, s, name, scratch, error);
	if (r < 0) {
		spool_keep(d->spool, name);
		note_down(d, r, error);
		return false;
	}
	spool_sent(d->spool, name);
	note_up(d);
	return true;
}

int delivery_dead(const struct delivery *d)
{
	return atomic_load(&d->dead);
}
