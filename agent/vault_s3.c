/*
 * vault_s3.c - objects in an S3 bucket, by one PUT each.
 *
 * An object is tried again from the same memory as long as it is worth it.
 * The server checks each object's SHA-256 and refuses to overwrite one.
 * Nothing but the right to put is needed: no look into the bucket is made.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "s3.h"
#include "s3_client.h"
#include "vault.h"

struct vault {
	struct s3_client *client;
	const struct s3_keeping *keeping;
	char path[S3_KEY_MAX];          /* "CASE/HOST/ID" */
	char case_id[128];
	const char *collection;         /* the path's last part */
	int64_t deadline_ms, reserve_ms, patience_ms, give_up_ms;
	uint64_t limit_rate;
};

struct vault_session {
	struct vault *vault;
	struct s3_session *s3;
	char key[S3_KEY_MAX];
};

static int fail(const struct vault *v, char error[VAULT_ERROR_MAX], int r, const char *why)
{
	(void)snprintf(error, VAULT_ERROR_MAX, "s3://%s: %.180s",
		       s3_client_place(v->client)->bucket, why);
	return r;
}

/* All keys go below it. */
static int set_path(struct vault *v, const char *path, char error[VAULT_ERROR_MAX])
{
	char key[S3_KEY_MAX];
	const char *slash;
	int r = s3_key(key, s3_client_place(v->client), path, "name");

	if (r < 0)
		return fail(v, error, r, "the keys would be too long or have "
			    "a part that is empty, . or ..");
	(void)snprintf(v->path, sizeof(v->path), "%s", path);
	slash = strrchr(v->path, '/');
	v->collection = slash != NULL ? slash + 1 : v->path;
	(void)snprintf(v->case_id, sizeof(v->case_id), "%.*s",
		       (int)strcspn(v->path, "/"), v->path);
	return 0;
}

static void vault_s3_close(struct vault *v)
{
	if (v == NULL)
		return;
	s3_client_close(v->client);
	free(v);
}

static int vault_s3_open(struct vault **ret, const struct vault_options *o,
			 const char *path, char error[VAULT_ERROR_MAX])
{
	struct vault *v = calloc(1, sizeof(*v));
	char why[S3_ERROR_MAX];
	int r;

	(void)snprintf(error, VAULT_ERROR_MAX, "%s", strerror(ENOMEM));
	if (v == NULL)
		return -ENOMEM;
	v->deadline_ms = o->deadline_ms;
	v->reserve_ms = o->reserve_ms;
	v->patience_ms = o->patience_ms;
	v->give_up_ms = o->give_up_ms;
	v->limit_rate = o->limit_rate;
	v->keeping = o->keeping;
	r = s3_client_open(&v->client, o, why);
	if (r < 0)
		(void)snprintf(error, VAULT_ERROR_MAX, "%.250s", why);
	else
		r = set_path(v, path, error);
	if (r < 0) {
		vault_s3_close(v);
		return r;
	}
	*ret = v;
	return 0;
}

static void vault_s3_session_close(struct vault_session *s)
{
	if (s == NULL)
		return;
	s3_session_close(s->s3);
	free(s);
}

static int vault_s3_session(struct vault_session **ret, struct vault *v)
{
	struct vault_session *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return -ENOMEM;
	s->vault = v;
	r = s3_session_open(&s->s3, v->client);
	if (r < 0) {
		vault_s3_session_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* Tries until it is stored, refused or given up. */
static int put_object(struct vault_session *s, const struct vault_object *obj,
		      struct s3_attempt *a)
{
	const struct vault *v = s->vault;
	const struct s3_call call = {
		.method = HTTP_PUT, .key = s->key, .body = obj->data, .len = obj->len,
		.about = { .sha256 = obj->sha256, .keeping = v->keeping, .case_id = v->case_id,
			   .collection = v->collection, .name = obj->name },
	};

	for (;;) {
		switch (s3_session_try(s->s3, &call, a)) {
		case S3_STORED:
			return 0;
		case S3_EXISTS:
			/*
			 * After a try of ours whose end nobody saw, what is there
			 * is ours: the name belongs to this collection.  A look
			 * at it would need a right that evac does not ask for.
			 */
			return a->maybe_stored ? 0 : -EEXIST;
		case S3_RETRY:
		case S3_UNSURE:
			break;
		default:
			return a->error;
		}
		log_line(LOG_INFO, "s3: %s: try %u: %s", obj->name, a->count, a->why);
		if (!s3_session_wait(s->s3, a))
			return a->error;
	}
}

static int vault_s3_put(struct vault_session *s, const struct vault_object *obj,
			char error[VAULT_ERROR_MAX])
{
	struct vault *v = s->vault;
	struct s3_attempt a = { .end_ms = vault_until(v->deadline_ms, v->reserve_ms, obj) };
	int64_t end_ms = a.end_ms;
	int r = s3_key(s->key, s3_client_place(v->client), v->path, obj->name);

	if (r < 0)
		return fail(v, error, r, "the key is too long or malformed");
	s3_attempt_patience(&a, v->patience_ms, v->give_up_ms,
			    s3_moving_ms(obj->len, v->limit_rate));
	if (end_ms != 0 && clock_now_ms() >= end_ms)
		return fail(v, error, -ETIME, "not sent: the time is over");
	r = put_object(s, obj, &a);
	return r < 0 ? fail(v, error, r, a.why) : 0;
}

static void vault_s3_facts(const struct vault_session *s, struct vault_facts *ret)
{
	*ret = (struct vault_facts){ .date = s3_session_answer(s->s3)->date };
	ret->credentials = s3_client_credentials(s->vault->client, &ret->expires_s);
}

const struct vault_ops vault_s3 = {
	.scheme = "s3://",
	.open = vault_s3_open,
	.session = vault_s3_session,
	.put = vault_s3_put,
	.facts = vault_s3_facts,
	.session_close = vault_s3_session_close,
	.close = vault_s3_close,
};
