/*
 * vault_post.c - objects in an S3 bucket by a ticket's right alone: POST uploads
 * under its policy, or PUTs that were signed before.
 *
 * No credentials are here: what the host holds allows uploads below the
 * ticket's prefix, until it expires, and nothing else.  The server checks each
 * object's digest.  A POST cannot ask that nothing be overwritten; the names of
 * objects hold the collection's id, and a bucket that keeps versions loses
 * nothing by it.  What may pass is tried again from the same memory.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "buf.h"
#include "clock.h"
#include "digest.h"
#include "http.h"
#include "log.h"
#include "parse.h"
#include "s3.h"
#include "s3_client.h"
#include "ticket.h"
#include "vault.h"

#define FORM_MAX (32u * 1024) /* fields before the object; Amazon takes 20 KB */
#define URL_MAX (S3_URL_MAX + 8192)
#define BOUNDARY 33
/* When there is a spool, a dead connection is left sooner. */
#define STALL_IMPATIENT_S 10

struct vault {
	const struct ticket *ticket; /* the caller's */
	struct s3_place place;
	struct http *http;
	char path[S3_KEY_MAX];
	int64_t deadline_ms, reserve_ms, patience_ms, give_up_ms;
	uint64_t limit_rate;
	atomic_bool answered;
};

struct vault_session {
	struct vault *vault;
	struct http_session *http;
	struct http_response answer;
	char key[S3_KEY_MAX];
	char tail[BOUNDARY + 16], type[BOUNDARY + 48], digest[64];
	struct buf secret;  /* locked: the form's fields, or the signed URL */
};

static int fail(char error[VAULT_ERROR_MAX], const struct vault *v, int r, const char *why)
{
	(void)snprintf(error, VAULT_ERROR_MAX, "s3://%s: %.180s", v->place.bucket, why);
	return r;
}

static void vault_post_close(struct vault *v)
{
	if (v == NULL)
		return;
	http_close(v->http);
	free(v);
}

static int find_place(struct vault *v, const char *path, char error[VAULT_ERROR_MAX])
{
	const struct ticket *t = v->ticket;
	const struct s3_reach reach = {
		.region = t->region != NULL ? t->region : "us-east-1",
		.endpoint = t->endpoint_url, .path_style = t->path_style,
	};
	char why[S3_ERROR_MAX], key[S3_KEY_MAX];
	int r = s3_place(&v->place, t->to, &reach, why);

	if (r < 0) {
		(void)snprintf(error, VAULT_ERROR_MAX, "%.250s", why);
		return r;
	}
	r = s3_key(key, &v->place, path, "name");
	if (r < 0)
		return fail(error, v, r, "the keys would be too long or have a part that "
			    "is empty, . or ..");
	(void)snprintf(v->path, sizeof(v->path), "%s", path);
	return 0;
}

static int vault_post_open(struct vault **ret, const struct vault_options *o,
			   const char *path, char error[VAULT_ERROR_MAX])
{
	struct vault *v = calloc(1, sizeof(*v));
	const struct http_options ho = {
		.ca_file = o->ca_file, .ca_pem = o->ca_pem, .proxy = o->proxy,
		.limit_rate = o->limit_rate, .stall_s = o->patience_ms != 0 ? STALL_IMPATIENT_S : 0,
	};
	char why[HTTP_ERROR_MAX];
	int r;

	(void)snprintf(error, VAULT_ERROR_MAX, "%s", strerror(ENOMEM));
	if (v == NULL)
		return -ENOMEM;
	v->ticket = o->ticket;
	v->deadline_ms = o->deadline_ms;
	v->reserve_ms = o->reserve_ms;
	v->patience_ms = o->patience_ms;
	v->give_up_ms = o->give_up_ms;
	v->limit_rate = o->limit_rate;
	r = find_place(v, path, error);
	if (r == 0) {
		r = http_open(&v->http, &ho, why);
		if (r < 0)
			(void)snprintf(error, VAULT_ERROR_MAX, "%s", why);
	}
	if (r < 0) {
		vault_post_close(v);
		return r;
	}
	*ret = v;
	return 0;
}

static void vault_post_session_close(struct vault_session *s)
{
	if (s == NULL)
		return;
	http_session_close(s->http);
	sodium_free(s->secret.data);
	free(s);
}

static int vault_post_session(struct vault_session **ret, struct vault *v)
{
	struct vault_session *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return -ENOMEM;
	s->vault = v;
	s->secret = (struct buf){ .data = sodium_malloc(FORM_MAX), .cap = FORM_MAX };
	r = s->secret.data == NULL ? -ENOMEM : http_session_open(&s->http, v->http);
	if (r < 0) {
		vault_post_session_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* The digest that the server shall check, in base64, as a header or a field. */
static int set_digest(struct vault_session *s, const struct vault_object *obj, bool sha256)
{
	uint8_t md5[DIGEST_MD5_BYTES];

	if (sha256) {
		(void)sodium_bin2base64(s->digest, sizeof(s->digest), obj->sha256,
					sizeof(obj->sha256), sodium_base64_VARIANT_ORIGINAL);
		return 0;
	}
	if (digest_md5(obj->data, obj->len, md5) < 0)
		return -ENOMEM;
	(void)sodium_bin2base64(s->digest, sizeof(s->digest), md5, sizeof(md5),
				sodium_base64_VARIANT_ORIGINAL);
	return 0;
}

static int add_field(struct buf *b, const char *boundary, const char *name, const char *value)
{
	return buf_addf(b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n",
			boundary, name, value);
}

/* The form around the object (RFC 7578); the file comes last of all. */
static int make_form(struct vault_session *s, bool sha256)
{
	const struct ticket *t = s->vault->ticket;
	char boundary[BOUNDARY];
	uint8_t random[(BOUNDARY - 1) / 2];
	int r;

	/* 128 random bits: no object holds them. */
	randombytes_buf(random, sizeof(random));
	parse_to_hex(boundary, random, sizeof(random));
	s->secret.len = 0;
	r = add_field(&s->secret, boundary, "key", s->key);
	for (size_t i = 0; r == 0 && i < t->field_count; i++)
		r = add_field(&s->secret, boundary, t->field[i].name, t->field[i].value);
	if (r == 0)
		r = add_field(&s->secret, boundary,
			      sha256 ? "x-amz-checksum-sha256" : "Content-MD5", s->digest);
	/* Ceph checks only an algorithm that is named. */
	if (r == 0 && sha256)
		r = add_field(&s->secret, boundary, "x-amz-sdk-checksum-algorithm", "SHA256");
	if (r == 0)
		r = buf_addf(&s->secret, "--%s\r\nContent-Disposition: form-data; name=\"file\"; "
			     "filename=\"object\"\r\nContent-Type: application/octet-stream"
			     "\r\n\r\n", boundary);
	(void)snprintf(s->tail, sizeof(s->tail), "\r\n--%s--\r\n", boundary);
	(void)snprintf(s->type, sizeof(s->type), "Content-Type: multipart/form-data; boundary=%s",
		       boundary);
	return r;
}

/* The URL that was signed for this object. */
static int make_url(struct vault_session *s, const uint8_t *signature)
{
	char url[S3_URL_MAX], hex[2 * TICKET_SIGNATURE_BYTES + 1];

	s3_url(url, &s->vault->place, s->key);
	parse_to_hex(hex, signature, TICKET_SIGNATURE_BYTES);
	s->secret.len = 0;
	return buf_addf(&s->secret, "%s?%s&X-Amz-Signature=%s", url, s->vault->ticket->query, hex);
}

/* For a request; 0: as long as it moves. */
static int64_t time_left(const struct s3_attempt *a)
{
	int64_t ms = a->end_ms - clock_now_ms();

	if (a->end_ms == 0)
		return 0;
	return ms > 1 ? ms : 1;
}

static int send_post(struct vault_session *s, const struct vault_object *obj,
		     const struct s3_attempt *a, char why[HTTP_ERROR_MAX])
{
	const char *headers[] = { s->type };
	const struct http_request req = {
		.method = HTTP_POST, .url = s->vault->ticket->url,
		.headers = headers, .header_count = 1,
		.body = obj->data, .len = obj->len,
		.head = s->secret.data, .head_len = s->secret.len,
		.tail = s->tail, .tail_len = strlen(s->tail),
		.fresh = a->fresh, .timeout_ms = time_left(a),
	};

	return http_send(s->http, &req, &s->answer, why);
}

static int send_put(struct vault_session *s, const struct vault_object *obj,
		    const struct s3_attempt *a, char why[HTTP_ERROR_MAX])
{
	char md5[96];
	const char *headers[] = { md5, "If-None-Match: *" };
	const struct http_request req = {
		.method = HTTP_PUT, .url = (const char *)s->secret.data,
		.headers = headers, .header_count = 2,
		.body = obj->data, .len = obj->len,
		.fresh = a->fresh, .timeout_ms = time_left(a),
	};

	(void)snprintf(md5, sizeof(md5), "Content-MD5: %s", s->digest);
	return http_send(s->http, &req, &s->answer, why);
}

/* What the server said; only its code goes on, for its words may repeat the request. */
static enum s3_verdict judge(struct vault_session *s, struct s3_attempt *a)
{
	const struct http_response *res = &s->answer;
	struct s3_refusal refusal;

	(void)s3_parse_error(&refusal, res->body, res->body_len);
	refusal.message[0] = '\0';
	s3_explain(a->why, res->status, &refusal, res->region);
	if (strcmp(refusal.code, "AccessDenied") == 0)
		(void)snprintf(a->why, sizeof(a->why), "AccessDenied: the ticket does not allow "
			       "it, has expired, or was revoked");
	if (refusal.code[0] == '\0' && strstr(res->body, "<Error") != NULL)
		return S3_UNSURE;
	return s3_judge(res->status, refusal.code);
}

/* One try.  S3_RETRY and S3_UNSURE also stand for a connection that failed. */
static enum s3_verdict try_put(struct vault_session *s, const struct vault_object *obj,
			       struct s3_attempt *a, int *error)
{
	char why[HTTP_ERROR_MAX];

	*error = s->vault->ticket->kind == TICKET_PUT ? send_put(s, obj, a, why) :
							send_post(s, obj, a, why);
	a->count++;
	a->fresh = *error < 0;
	if (*error == 0) {
		atomic_store(&s->vault->answered, true);
		*error = -EIO;
		return judge(s, a);
	}
	(void)snprintf(a->why, sizeof(a->why), "%s", why);
	switch (*error) {
	case -EHOSTUNREACH:
	case -ECONNREFUSED:
		return S3_RETRY;
	case -ECONNRESET:
	case -ETIMEDOUT:
		return S3_UNSURE;
	default:
		return S3_REFUSED;
	}
}

/* Whether other objects fare better: -EACCES and -ENOENT say that none does. */
static int refused(unsigned status, enum s3_verdict verdict)
{
	if (status == 404)
		return -ENOENT;
	return status == 401 || status == 403 || verdict == S3_EXPIRED ? -EACCES : -EIO;
}

/* Tries until it is stored, refused or given up. */
static int put_object(struct vault_session *s, const struct vault_object *obj,
		      struct s3_attempt *a)
{
	int r;

	for (;;) {
		enum s3_verdict verdict = try_put(s, obj, a, &r);

		a->maybe_stored |= verdict == S3_UNSURE || s->answer.resent;
		if (verdict == S3_STORED)
			return 0;
		/* After a try of ours whose end nobody saw, what is there is ours. */
		if (verdict == S3_EXISTS)
			return a->maybe_stored ? 0 : -EEXIST;
		/* The clock, the region and the right are all the ticket's. */
		if (verdict != S3_RETRY && verdict != S3_UNSURE)
			return r == -EIO ? refused(s->answer.status, verdict) : r;
		log_line(LOG_INFO, "s3: %s: try %u: %s", obj->name, a->count, a->why);
		if (!s3_attempt_wait(a, atomic_load(&s->vault->answered)))
			return r;
	}
}

/* What the request needs besides the object. */
static int make_request(struct vault_session *s, const struct vault_object *obj,
			char error[VAULT_ERROR_MAX])
{
	const struct ticket *t = s->vault->ticket;
	const uint8_t *signature = NULL;
	int r = s3_key(s->key, &s->vault->place, s->vault->path, obj->name);

	if (r < 0)
		return fail(error, s->vault, r, "the key is too long or malformed");
	if (t->kind == TICKET_PUT) {
		signature = ticket_put_signature(t, obj->name);
		if (signature == NULL)
			return fail(error, s->vault, -ENOSPC, "the ticket has no URL left for "
				    "an object of that number");
	}
	r = set_digest(s, obj, t->kind == TICKET_POST && t->sha256);
	if (r == 0)
		r = t->kind == TICKET_PUT ? make_url(s, signature) : make_form(s, t->sha256);
	return r < 0 ? fail(error, s->vault, r, "the request is too long") : 0;
}

static int vault_post_put(struct vault_session *s, const struct vault_object *obj,
			  char error[VAULT_ERROR_MAX])
{
	struct vault *v = s->vault;
	struct s3_attempt a = { .end_ms = vault_until(v->deadline_ms, v->reserve_ms, obj) };
	int64_t end_ms = a.end_ms;
	int r = make_request(s, obj, error);

	if (r < 0)
		return r;
	s3_attempt_patience(&a, v->patience_ms, v->give_up_ms,
			    s3_moving_ms(obj->len, v->limit_rate));
	if (end_ms != 0 && clock_now_ms() >= end_ms)
		return fail(error, v, -ETIME, "not sent: the time is over");
	r = put_object(s, obj, &a);
	return r < 0 ? fail(error, v, r, a.why) : 0;
}

static void vault_post_facts(const struct vault_session *s, struct vault_facts *ret)
{
	const struct ticket *t = s->vault->ticket;

	*ret = (struct vault_facts){
		.credentials = t->kind == TICKET_PUT ? "ticket-urls" : "ticket-post",
		.expires_s = t->expires_s, .date = s->answer.date,
	};
}

const struct vault_ops vault_post = {
	.scheme = "s3://",
	.open = vault_post_open,
	.session = vault_post_session,
	.put = vault_post_put,
	.facts = vault_post_facts,
	.session_close = vault_post_session_close,
	.close = vault_post_close,
};
