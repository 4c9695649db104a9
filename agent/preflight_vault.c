/*
 * preflight_vault.c - would an upload succeed?
 *
 * The only proof is an upload: one small object, whose name and text say what it
 * is, put as a collection's objects would be.  Whatever refuses it is said with
 * what can be done about it; nothing of a ticket or of credentials is shown but
 * their kind and their end.
 */
#include "preflight_vault.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "digest.h"
#include "json.h"
#include "parse.h"
#include "segment.h"
#include "ticket.h"
#include "vault.h"
#include "vault_cli.h"
#include "words.h"

/* A vault that needs longer for one small object is none. */
#define TRY_MS 20000
#define PATH_BYTES sizeof(((struct collection_id *)NULL)->path)
/* Less than this is what clocks are apart anyway. */
#define SKEW_LEAST_S 60
/* A ticket that ends sooner is not worth much. */
#define SOON_S 3600

int preflight_vault_check(struct preflight_vault *v, char error[CLI_ERROR_MAX])
{
	struct options *o = &v->o;
	struct vault_options vo;
	const char *wrong = NULL;

	v->asked = o->ticket_from != NULL || o->to != NULL;
	if (o->ticket_from != NULL && (o->to != NULL || o->case_id != NULL))
		wrong = "--to and --case stand in the ticket";
	else if (o->responder != NULL && o->ticket_from == NULL)
		wrong = "--responder goes with --ticket";
	else if (!v->asked && (v->no_upload || o->case_id != NULL))
		wrong = "--no-upload and --case go with --ticket or --to";
	if (wrong != NULL) {
		(void)snprintf(error, CLI_ERROR_MAX, "%s", wrong);
		return -EINVAL;
	}
	o->segment_size = SEGMENT_SIZE_DEFAULT;
	o->workers = 1;
	if (o->to == NULL)
		return 0;
	if (o->case_id == NULL)
		o->case_id = "preflight";
	(void)options_vault(o, &vo);
	return words_case(o->case_id, error) < 0 ? -EINVAL : vault_cli_check(&vo, error);
}

/* Where the object goes: beside the folder of a collection that begins now. */
static int find_place(struct preflight_vault *v, char path[PATH_BYTES])
{
	const struct ticket *t = v->o.ticket;
	char *slash;
	int r = collection_id_make(&v->id, v->o.case_id);

	if (r == 0 && t != NULL && t->kind == TICKET_PUT)
		r = collection_id_place(&v->id, v->o.case_id, t->collection);
	if (r < 0)
		return r;
	(void)snprintf(path, PATH_BYTES, "%s", v->id.path);
	slash = strrchr(path, '/');
	if (slash == NULL)
		return -EINVAL;
	(void)snprintf(v->name, sizeof(v->name), "%.40s" TICKET_PROBE, slash + 1);
	*slash = '\0';
	return 0;
}

static int put(struct preflight_vault *v, const struct vault_ops *ops,
	       struct vault_session *session)
{
	char text[256], utc[CLOCK_UTC_MAX], error[VAULT_ERROR_MAX] = "";
	struct vault_object obj = { .name = v->name, .data = text };
	int64_t begun = clock_now_ms();
	int r;

	clock_utc(time(NULL), utc);
	obj.len = (size_t)snprintf(text, sizeof(text), "evac preflight, %s: this object shows "
				   "that an upload succeeds.  It holds no evidence.\n", utc);
	r = digest_memory(obj.data, obj.len, obj.sha256);
	v->tried = true;
	if (r == 0)
		r = ops->put(session, &obj, error);
	v->took_ms = clock_now_ms() - begun;
	(void)snprintf(v->why, sizeof(v->why), "%s", error[0] != '\0' || r == 0 ? error :
		       strerror(-r));
	/* The URL for it works once: it did, for an earlier preflight. */
	v->already = r == -EEXIST;
	v->stored = r == 0 || v->already;
	return v->stored ? 0 : r;
}

static void read_facts(struct preflight_vault *v, const struct vault_ops *ops,
		       const struct vault_session *session)
{
	int64_t now = (int64_t)time(NULL);

	v->now_s = now;
	if (ops->facts == NULL)
		return;
	ops->facts(session, &v->facts);
	v->offset_known = v->facts.date != 0;
	if (!v->offset_known)
		return;
	v->offset_s = now - (int64_t)v->facts.date;
	v->now_s = (int64_t)v->facts.date;
}

static int reach(struct preflight_vault *v)
{
	char path[PATH_BYTES], error[VAULT_ERROR_MAX] = "";
	struct vault_session *session = NULL;
	struct vault_options vo;
	const struct vault_ops *ops = options_vault(&v->o, &vo);
	struct vault *vault = NULL;
	int r = find_place(v, path);

	vo.deadline_ms = clock_now_ms() + TRY_MS;
	if (r == 0)
		r = ops->open(&vault, &vo, path, error);
	if (r == 0)
		r = ops->session(&session, vault);
	if (r < 0)
		(void)snprintf(v->why, sizeof(v->why), "%s", error[0] != '\0' ? error :
			       strerror(-r));
	v->reached = r == 0;
	if (r == 0 && !v->no_upload)
		r = put(v, ops, session);
	if (v->reached)
		read_facts(v, ops, session);
	ops->session_close(session);
	ops->close(vault);
	return r;
}

bool preflight_vault_look(struct preflight_vault *v)
{
	if (!v->asked)
		return true;
	v->error = options_take_ticket(&v->o, v->why);
	v->ticket_ok = v->error == 0;
	if (v->error == 0 && v->no_upload && vault_find(v->o.to) == &vault_dir)
		return true;
	if (v->error == 0)
		v->error = reach(v);
	return v->error == 0;
}

#define NETWORK_ADVICE \
	"the network does not let it through: look at routes, security groups, the VPC endpoint, --proxy"

/* What a person can do about it. */
static const char *advice(const struct preflight_vault *v)
{
	if (!v->ticket_ok)
		return "make a new ticket, or say with --responder whose tickets count";
	switch (v->error) {
	case -EACCES:
		return "look at the right to put objects below this prefix, at the end of ticket "
		       "or credentials, at the bucket's policy and owner";
	case -ENOENT:
		return v->reached ? "look at the bucket's name, region and endpoint" :
		       "give a ticket, set credentials, or attach a role to the instance";
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -ETIMEDOUT:
		if (strstr(v->why, "Resolving timed out") == NULL) /* libcurl's words */
			return NETWORK_ADVICE;
		/* fall through */
	case -EHOSTUNREACH:
		return "the name is not resolved: look at DNS and the endpoint's address";
	case -EKEYREJECTED:
		return "the server's certificate is not trusted: give its authority by --ca-file, or "
		       "somebody is in the middle";
	case -ENOSPC:
		return "make a new ticket: this one has no URL for it";
	default:
		return "see the reason";
	}
}

static const char *kind_of(const struct preflight_vault *v)
{
	static const char *const kinds[] = {
		[TICKET_POST] = "POST policy", [TICKET_PUT] = "presigned PUT URLs",
		[TICKET_CREDENTIALS] = "temporary credentials",
	};

	return kinds[v->o.ticket->kind];
}

/* Until then, and what that means for the run. */
static void say_end(char *ret, size_t cap, const struct preflight_vault *v, int64_t end_s)
{
	char utc[TICKET_TIME];
	int64_t left = end_s - (v->now_s != 0 ? v->now_s : (int64_t)time(NULL));

	ticket_time_text(end_s, utc);
	(void)snprintf(ret, cap, "%s, in %" PRId64 " min%s", utc, left / 60,
		       left < 0 ? ": it is over" :
		       left < (int64_t)v->o.deadline_s ? ": BEFORE the deadline of the run" :
		       left < SOON_S ? ": soon" : "");
}

static void print_ticket(const struct preflight_vault *v,
			 void (*row)(const char *name, const char *value))
{
	const struct ticket *t = v->o.ticket;
	char text[OPTIONS_ERROR_MAX];

	if (!v->ticket_ok) {
		row("ticket", v->why);
		row("  to do", advice(v));
		return;
	}
	(void)snprintf(text, sizeof(text), "signed by a responder, %s, case %s", kind_of(v),
		       t->case_id);
	row("ticket", text);
	say_end(text, sizeof(text), v, t->expires_s);
	row("  ends", text);
	if (v->o.deadline_s != 0)
		(void)snprintf(text, sizeof(text), "%" PRIu64 " s", v->o.deadline_s);
	row("  deadline", v->o.deadline_s != 0 ? text : "none");
	if (t->kind == TICKET_PUT)
		(void)snprintf(text, sizeof(text), "%u segments of %zu MiB", t->segments,
			       v->o.segment_size >> 20);
	else
		(void)snprintf(text, sizeof(text), "%" PRIu64 " MiB an object, segments have %zu",
			       t->size_max >> 20, v->o.segment_size >> 20);
	if (t->kind != TICKET_CREDENTIALS)
		row("  size", text);
}

static void print_probe(const struct preflight_vault *v,
			void (*row)(const char *name, const char *value))
{
	char text[OPTIONS_ERROR_MAX + 64];

	if (v->error != 0)
		(void)snprintf(text, sizeof(text), "FAILS: %s", v->why);
	else if (!v->tried)
		(void)snprintf(text, sizeof(text), "not tried");
	else if (v->already)
		(void)snprintf(text, sizeof(text), "works: an earlier preflight stored %s", v->name);
	else
		(void)snprintf(text, sizeof(text), "works: %s stored in %" PRId64 " ms", v->name,
			       v->took_ms);
	row("upload", text);
	if (v->error != 0)
		row("  to do", advice(v));
}

static void print_way(const struct preflight_vault *v,
		      void (*row)(const char *name, const char *value))
{
	bool s3 = vault_find(v->o.to) != &vault_dir;
	char text[160];

	row("  credentials", v->facts.credentials != NULL ? v->facts.credentials :
	    s3 ? "none" : "none needed");
	if (v->facts.expires_s != 0 && (v->o.ticket == NULL ||
					v->o.ticket->kind == TICKET_CREDENTIALS)) {
		say_end(text, sizeof(text), v, v->facts.expires_s);
		row("    end", text);
	}
	if (s3)
		row("  TLS", !v->offset_known ? "required, 1.2 or newer" :
		    "1.2 or newer, the server's certificate is verified");
	if (v->offset_known)
		(void)snprintf(text, sizeof(text), "%" PRId64 " s ahead of the server's%s",
			       v->offset_s, v->offset_s >= SKEW_LEAST_S || v->offset_s <= -SKEW_LEAST_S ?
			       ": WRONG, requests are signed by the server's" : "");
	if (s3)
		row("  clock", v->offset_known ? text : "not compared");
}

void preflight_vault_print(const struct preflight_vault *v,
			   void (*row)(const char *name, const char *value))
{
	if (!v->asked)
		return;
	row("", "");
	if (v->o.ticket_from != NULL)
		print_ticket(v, row);
	if (!v->ticket_ok)
		return;
	row("vault", v->o.to);
	print_way(v, row);
	print_probe(v, row);
}

static void put_time(struct json *j, const char *key, int64_t when_s)
{
	char utc[TICKET_TIME];

	ticket_time_text(when_s, utc);
	json_str(j, key, when_s != 0 ? utc : NULL);
}

static void put_ticket(const struct preflight_vault *v, struct json *j)
{
	const struct ticket *t = v->o.ticket;

	if (v->o.ticket_from == NULL) {
		json_null(j, "ticket");
		return;
	}
	json_object(j, "ticket");
	json_bool(j, "accepted", v->ticket_ok);
	json_str(j, "why", v->ticket_ok ? NULL : v->why);
	if (v->ticket_ok) {
		json_str(j, "kind", kind_of(v));
		json_str(j, "case", t->case_id);
		put_time(j, "expires", t->expires_s);
		json_u64(j, "deadline_s", v->o.deadline_s);
		if (t->kind == TICKET_POST)
			json_u64(j, "size_max", t->size_max);
	}
	json_object_end(j);
}

void preflight_vault_json(const struct preflight_vault *v, struct json *j)
{
	put_ticket(v, j);
	if (!v->asked || !v->ticket_ok) {
		json_null(j, "vault");
		return;
	}
	json_object(j, "vault");
	json_bytes(j, "to", v->o.to, strlen(v->o.to));
	json_bool(j, "tried", v->tried);
	json_bool(j, "upload_works", v->stored);
	json_str(j, "object", v->tried ? v->name : NULL);
	json_bytes(j, "why", v->why, v->error != 0 ? strlen(v->why) : 0);
	json_str(j, "to_do", v->error != 0 ? advice(v) : NULL);
	json_str(j, "credentials", v->facts.credentials);
	put_time(j, "credentials_expire", v->facts.expires_s);
	json_bool(j, "tls_verified", v->offset_known);
	if (v->offset_known)
		json_i64(j, "clock_ahead_s", v->offset_s);
	else
		json_null(j, "clock_ahead_s");
	json_u64(j, "took_ms", (uint64_t)v->took_ms);
	json_object_end(j);
}

void preflight_vault_free(struct preflight_vault *v)
{
	ticket_free(v->o.ticket);
	v->o.ticket = NULL;
}
