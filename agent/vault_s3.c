/*
 * vault_s3.c - objects in an S3 bucket, by one PUT each.
 *
 * Takes the credentials from the environment.  What may pass is tried again,
 * with longer and longer random waits, from the same memory; what will not
 * pass ends at once.  The server checks each object's SHA-256 and refuses to
 * overwrite one.  Nothing but the right to put is needed: no look into the
 * bucket is made.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "clock.h"
#include "http.h"
#include "log.h"
#include "s3.h"
#include "secret.h"
#include "vault.h"

/* Full jitter: each wait is a random part of 0.25, 0.5, 1 ... 15 seconds. */
#define WAIT_FIRST_MS 250u
#define WAIT_MAX_MS 15000u
#define TRIES 10
/* A server that never answered at all is more likely a wrong address. */
#define TRIES_UNKNOWN 5
#define SKEW_LEAST_S 60

struct vault {
	struct s3_place place;
	struct http *http;
	char path[S3_KEY_MAX];
	char *key, *secret, *token; /* secret_take()n */
	int64_t deadline_ms, patience_ms;
	atomic_llong clock_offset_s; /* the server's clock minus ours */
	atomic_bool answered;
};

struct vault_session {
	struct vault *vault;
	struct http_session *http;
	struct http_response answer;
	struct s3_headers headers;
	char key[S3_KEY_MAX], url[S3_URL_MAX];
};

/* An object's way through its tries. */
struct attempt {
	unsigned count;
	int64_t end_ms;    /* no try begins after it; 0: never */
	bool fresh;        /* the last connection broke */
	bool late;         /* the deadline comes before another try */
	bool maybe_stored; /* an earlier try may have got through unseen */
	char why[S3_ERROR_MAX];
};

static int fail(char error[VAULT_ERROR_MAX], const struct s3_place *p, int r,
		const char *why)
{
	(void)snprintf(error, VAULT_ERROR_MAX, "s3://%s: %.180s", p->bucket, why);
	return r;
}

/* A value of the environment; NULL when it is not set or empty. */
static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* A line feed at the end of a key, say, would become part of a header. */
static bool is_clean(const char *value)
{
	for (; value != NULL && *value != '\0'; value++)
		if (*value <= ' ' || *value > '~')
			return false;
	return true;
}

/*
 * The host's other processes shall not see them in ours, and neither shall who
 * opens the evidence, which holds the environment of every process.
 */
static int find_credentials(struct vault *v, char error[VAULT_ERROR_MAX])
{
	v->key = secret_take("AWS_ACCESS_KEY_ID");
	v->secret = secret_take("AWS_SECRET_ACCESS_KEY");
	v->token = secret_take("AWS_SESSION_TOKEN");
	if (v->key == NULL || v->secret == NULL)
		return fail(error, &v->place, -EACCES, "no credentials: set "
			    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
	if (!is_clean(v->key) || !is_clean(v->secret) || !is_clean(v->token))
		return fail(error, &v->place, -EACCES, "the credentials in the "
			    "environment have a blank or a control character in them");
	return 0;
}

static int find_place(struct vault *v, const struct vault_options *o, const char *path,
		      char error[VAULT_ERROR_MAX])
{
	const char *region = o->region;
	char why[S3_ERROR_MAX], key[S3_KEY_MAX];
	int r;

	if (region == NULL)
		region = setting("AWS_REGION");
	if (region == NULL)
		region = setting("AWS_DEFAULT_REGION");
	if (region == NULL)
		region = "us-east-1";
	r = s3_place(&v->place, o->url, region, o->endpoint_url, o->path_style, why);
	if (r < 0) {
		(void)snprintf(error, VAULT_ERROR_MAX, "%.250s", why);
		return r;
	}
	r = s3_key(key, &v->place, path, "name");
	if (r < 0)
		return fail(error, &v->place, r, "the keys would be too long or have "
			    "a part that is empty, . or ..");
	(void)snprintf(v->path, sizeof(v->path), "%s", path);
	return 0;
}

static void vault_s3_close(struct vault *v)
{
	if (v == NULL)
		return;
	http_close(v->http);
	secret_free(v->key);
	secret_free(v->secret);
	secret_free(v->token);
	free(v);
}

static int vault_s3_open(struct vault **ret, const struct vault_options *o,
			 const char *path, char error[VAULT_ERROR_MAX])
{
	struct vault *v = calloc(1, sizeof(*v));
	char why[HTTP_ERROR_MAX];
	int r = -ENOMEM;

	(void)snprintf(error, VAULT_ERROR_MAX, "%s", strerror(ENOMEM));
	if (v == NULL)
		return r;
	v->deadline_ms = o->deadline_ms;
	v->patience_ms = o->patience_ms;
	r = find_place(v, o, path, error);
	if (r == 0)
		r = find_credentials(v, error);
	if (r == 0) {
		r = http_open(&v->http, o->ca_file, why);
		if (r < 0)
			(void)snprintf(error, VAULT_ERROR_MAX, "%s", why);
	}
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
	http_session_close(s->http);
	free(s);
}

static int vault_s3_session(struct vault_session **ret, struct vault *v)
{
	struct vault_session *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return -ENOMEM;
	s->vault = v;
	r = http_session_open(&s->http, v->http);
	if (r < 0) {
		vault_s3_session_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* Take the server's clock; false when that changes nothing. */
static bool correct_clock(struct vault_session *s)
{
	long long old = atomic_load(&s->vault->clock_offset_s);
	long long offset = (long long)s->answer.date - (long long)time(NULL);

	if (s->answer.date == 0 || llabs(offset - old) < SKEW_LEAST_S)
		return false;
	atomic_store(&s->vault->clock_offset_s, offset);
	log_line(LOG_WARN, "s3: by the server's clock, this host's is wrong by %lld s; "
		 "requests are signed with the server's", -offset);
	return true;
}

/* What the server said; its words go on only where they hold no credential. */
static enum s3_verdict judge(struct vault_session *s, struct attempt *a)
{
	const struct vault *v = s->vault;
	const struct http_response *res = &s->answer;
	struct s3_refusal refusal;

	(void)s3_parse_error(&refusal, res->body, res->body_len);
	if (strstr(refusal.message, v->key) != NULL || strstr(refusal.message, v->secret) != NULL)
		refusal.message[0] = '\0';
	s3_explain(a->why, res->status, &refusal, res->region);
	if (refusal.code[0] == '\0' && strstr(res->body, "<Error") != NULL)
		return S3_UNSURE;
	return s3_judge(res->status, refusal.code);
}

/* One try.  S3_RETRY and S3_UNSURE also stand for a connection that failed. */
static enum s3_verdict try_put(struct vault_session *s, const struct vault_object *obj,
			       struct attempt *a, int *error)
{
	struct vault *v = s->vault;
	struct http_request req = {
		.url = s->url, .headers = s->headers.line, .body = obj->data, .len = obj->len,
		.region = v->place.region, .key = v->key, .secret = v->secret,
		.fresh = a->fresh,
	};
	time_t now = time(NULL) + (time_t)atomic_load(&v->clock_offset_s);
	char why[HTTP_ERROR_MAX];

	*error = s3_headers(&s->headers, obj->sha256, now, v->token);
	if (*error < 0) {
		(void)snprintf(a->why, sizeof(a->why), "the session token is too long");
		return S3_REFUSED;
	}
	req.header_count = s->headers.count;
	*error = http_send(s->http, &req, &s->answer, why);
	a->count++;
	a->fresh = *error < 0;
	if (*error == 0) {
		atomic_store(&v->answered, true);
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

/* Wait before the next try.  False when there is none, for lack of tries or of time. */
static bool wait_for_next(const struct vault *v, struct attempt *a)
{
	unsigned tries = atomic_load(&v->answered) ? TRIES : TRIES_UNKNOWN;
	uint32_t limit = WAIT_MAX_MS;
	struct timespec t;
	int64_t ms;

	if (a->count >= tries)
		return false;
	if (a->count < 7)
		limit = WAIT_FIRST_MS << (a->count - 1);
	ms = (int64_t)randombytes_uniform(limit < WAIT_MAX_MS ? limit : WAIT_MAX_MS);
	a->late = a->end_ms != 0 && clock_now_ms() + ms >= a->end_ms;
	if (a->late)
		return false;
	t = (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
	return true;
}

static int refused(unsigned status)
{
	if (status == 404)
		return -ENOENT;
	return status == 400 || status == 401 || status == 403 ? -EACCES : -EIO;
}

static int give_up(struct attempt *a, int r)
{
	char why[S3_ERROR_MAX];

	memcpy(why, a->why, sizeof(why));
	(void)snprintf(a->why, sizeof(a->why), "%s after %u %s: %.150s",
		       a->late ? "out of time" : "given up", a->count,
		       a->count == 1 ? "try" : "tries", why);
	return r;
}

/* Tries until it is stored, refused or given up. */
static int put_object(struct vault_session *s, const struct vault_object *obj,
		      struct attempt *a)
{
	int r;

	for (;;) {
		enum s3_verdict verdict = try_put(s, obj, a, &r);

		a->maybe_stored |= verdict == S3_UNSURE || s->answer.resent;
		switch (verdict) {
		case S3_STORED:
			return 0;
		case S3_EXISTS:
			/*
			 * After a try of ours whose end nobody saw, what is there
			 * is ours: the name belongs to this collection.  A look
			 * at it would need a right that evac does not ask for.
			 */
			return a->maybe_stored ? 0 : -EEXIST;
		case S3_REFUSED:
			return r == -EIO ? refused(s->answer.status) : r;
		case S3_SKEWED:
			if (!correct_clock(s))
				return -EACCES;
			if (a->count < TRIES)
				continue;
			break;
		case S3_RETRY:
		case S3_UNSURE:
			break;
		}
		log_line(LOG_INFO, "s3: %s: try %u: %s", obj->name, a->count, a->why);
		if (!wait_for_next(s->vault, a))
			return give_up(a, r);
	}
}

static int vault_s3_put(struct vault_session *s, const struct vault_object *obj,
			char error[VAULT_ERROR_MAX])
{
	struct vault *v = s->vault;
	struct attempt a = { .end_ms = v->deadline_ms };
	int64_t patience = clock_now_ms() + v->patience_ms;
	int r = s3_key(s->key, &v->place, v->path, obj->name);

	if (r < 0)
		return fail(error, &v->place, r, "the key is too long or malformed");
	s3_url(s->url, &v->place, s->key);
	if (v->patience_ms != 0 && (a.end_ms == 0 || patience < a.end_ms))
		a.end_ms = patience;
	if (v->deadline_ms != 0 && clock_now_ms() >= v->deadline_ms)
		return fail(error, &v->place, -ETIME, "not sent: the time is over");
	r = put_object(s, obj, &a);
	return r < 0 ? fail(error, &v->place, r, a.why) : 0;
}

const struct vault_ops vault_s3 = {
	.scheme = "s3://",
	.open = vault_s3_open,
	.session = vault_s3_session,
	.put = vault_s3_put,
	.session_close = vault_s3_session_close,
	.close = vault_s3_close,
};
