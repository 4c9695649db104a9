/*
 * s3_client.c - requests to one bucket.
 *
 * Reads the server's answers.  What may pass is tried again, with longer and
 * longer random waits; what will not pass ends at once.  A clock, a region or
 * credentials that the server shows to be wrong are corrected for all sessions.
 */
#include "s3_client.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "clock.h"
#include "credentials.h"
#include "log.h"
#include "s3_list.h"
#include "vault.h"

/* Full jitter: each wait is a random part of 0.25, 0.5, 1 ... 15 seconds. */
#define WAIT_FIRST_MS 250u
#define WAIT_MAX_MS 15000u
#define TRIES 10
/* Time for one more try: less is not worth it. */
#define WAIT_ROOM_MS 500
/* A server that never answered at all is more likely a wrong address. */
#define TRIES_UNKNOWN 5
#define SKEW_LEAST_S 60
/* When something else can be done with the object, a dead connection is left sooner. */
#define STALL_IMPATIENT_S 10
#define SLOW_BYTES_PER_MS 256u /* 2 Mbit/s */
#define LIMITED_SESSIONS 16    /* that share a rate */

struct s3_client {
	pthread_mutex_t lock;        /* of the place's region and base */
	struct s3_place place;
	struct http *http;
	struct credentials_store *credentials;
	atomic_llong clock_offset_s; /* the server's clock minus ours */
	atomic_bool answered;
};

struct s3_session {
	struct s3_client *client;
	struct http_session *http;
	struct http_response answer;
	struct s3_refusal refusal;
	/* what the last request was made with */
	struct s3_place place;
	const struct credentials *credentials;
	long long offset_s;
	struct s3_headers headers;
	char url[S3_URL_MAX + S3_QUERY_MAX];
};

/* A value of the environment; NULL when it is not set or empty. */
static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

int s3_client_find(struct s3_place *ret, const struct vault_options *o,
		   char error[S3_ERROR_MAX])
{
	struct s3_reach reach = {
		.region = o->region, .endpoint = o->endpoint_url, .path_style = o->path_style,
		.dualstack = o->dualstack, .fips = o->fips,
	};

	if (reach.region == NULL)
		reach.region = setting("AWS_REGION");
	if (reach.region == NULL)
		reach.region = setting("AWS_DEFAULT_REGION");
	if (reach.region == NULL)
		reach.region = "us-east-1";
	return s3_place(ret, o->url, &reach, error);
}

static int find_credentials(struct s3_client *c, const struct vault_options *o,
			    char error[S3_ERROR_MAX])
{
	char why[CREDENTIALS_ERROR_MAX] = "";
	int r = credentials_open(&c->credentials, o->credentials, o->imds_endpoint, why);

	if (r == 0)
		credentials_until(c->credentials, o->deadline_ms);
	if (r < 0)
		(void)snprintf(error, S3_ERROR_MAX, "s3://%s: %s", c->place.bucket,
			       why[0] != '\0' ? why : strerror(-r));
	return r;
}

int s3_client_open(struct s3_client **ret, const struct vault_options *o,
		   char error[S3_ERROR_MAX])
{
	const struct http_options ho = {
		.ca_file = o->ca_file, .ca_pem = o->ca_pem, .proxy = o->proxy, .limit_rate = o->limit_rate,
		.stall_s = o->patience_ms != 0 ? STALL_IMPATIENT_S : 0,
	};
	struct s3_client *c = calloc(1, sizeof(*c));
	int r;

	(void)snprintf(error, S3_ERROR_MAX, "%s", strerror(ENOMEM));
	if (c == NULL)
		return -ENOMEM;
	(void)pthread_mutex_init(&c->lock, NULL);
	r = s3_client_find(&c->place, o, error);
	if (r == 0)
		r = find_credentials(c, o, error);
	if (r == 0)
		r = http_open(&c->http, &ho, error);
	if (r < 0) {
		s3_client_close(c);
		return r;
	}
	*ret = c;
	return 0;
}

void s3_client_close(struct s3_client *c)
{
	if (c == NULL)
		return;
	http_close(c->http);
	credentials_close(c->credentials);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

const struct s3_place *s3_client_place(const struct s3_client *c)
{
	return &c->place;
}

const char *s3_client_credentials(const struct s3_client *c, int64_t *ret_expires_s)
{
	const struct credentials *set = credentials_get(c->credentials);

	*ret_expires_s = set->expires_s;
	credentials_put(c->credentials, set);
	return credentials_kind(c->credentials);
}

int s3_session_open(struct s3_session **ret, struct s3_client *c)
{
	struct s3_session *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return -ENOMEM;
	s->client = c;
	r = http_session_open(&s->http, c->http);
	if (r < 0) {
		s3_session_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void s3_session_close(struct s3_session *s)
{
	if (s == NULL)
		return;
	http_session_close(s->http);
	sodium_memzero(s, sizeof(*s));
	free(s);
}

const struct http_response *s3_session_answer(const struct s3_session *s)
{
	return &s->answer;
}

static int refused(unsigned status)
{
	if (status == 404)
		return -ENOENT;
	return status == 400 || status == 401 || status == 403 ? -EACCES : -EIO;
}

/* What the server said; its words go on only where they hold no credential. */
static enum s3_verdict judge(struct s3_session *s, const struct s3_call *call,
			     struct s3_attempt *a)
{
	const struct http_response *res = &s->answer;
	struct s3_refusal *refusal = &s->refusal;
	enum s3_verdict verdict;

	(void)s3_parse_error(refusal, res->body, res->body_len);
	if (strstr(refusal->message, s->credentials->key) != NULL ||
	    strstr(refusal->message, s->credentials->secret) != NULL)
		refusal->message[0] = '\0';
	if (res->region[0] != '\0')
		(void)snprintf(refusal->region, sizeof(refusal->region), "%s", res->region);
	s3_explain(a->why, res->status, refusal, refusal->region);
	if (call->method == HTTP_GET && strcmp(refusal->code, "AccessDenied") == 0)
		(void)snprintf(a->why, sizeof(a->why),
			       "AccessDenied: the credentials may not read there");
	verdict = s3_judge(res->status, refusal->code);
	if (refusal->code[0] == '\0' && strstr(res->body, "<Error") != NULL)
		verdict = S3_UNSURE;
	a->error = verdict == S3_RETRY || verdict == S3_UNSURE ? -EIO : refused(res->status);
	return verdict;
}

static enum s3_verdict broken(int error)
{
	switch (error) {
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

/* Address and headers, by what is known now. */
static int prepare(struct s3_session *s, const struct s3_call *call)
{
	struct s3_client *c = s->client;
	struct s3_request about = call->about;
	size_t len;
	int r;

	(void)pthread_mutex_lock(&c->lock);
	s->place = c->place;
	(void)pthread_mutex_unlock(&c->lock);
	s->offset_s = atomic_load(&c->clock_offset_s);
	about.now = time(NULL) + (time_t)s->offset_s;
	about.token = s->credentials->token;
	s3_url(s->url, &s->place, call->key);
	len = strlen(s->url);
	if (call->query != NULL &&
	    (size_t)snprintf(s->url + len, sizeof(s->url) - len, "?%s", call->query) >=
	    sizeof(s->url) - len)
		return -ENAMETOOLONG;
	r = call->method == HTTP_PUT ? s3_headers_put(&s->headers, &about) :
				       s3_headers_get(&s->headers, &about);
	if (call->range != NULL)
		s3_header(&s->headers, "Range", call->range);
	if (call->etag != NULL)
		s3_header(&s->headers, "If-Match", call->etag);
	return r == 0 && s->headers.full ? -ENAMETOOLONG : r;
}

/* One request. */
static enum s3_verdict send_one(struct s3_session *s, const struct s3_call *call,
				struct s3_attempt *a)
{
	struct http_request req = {
		.method = call->method, .url = s->url, .headers = s->headers.line,
		.header_count = s->headers.count, .body = call->body, .len = call->len,
		.region = s->place.region, .key = s->credentials->key,
		.secret = s->credentials->secret, .fresh = a->fresh,
		.take = call->take, .arg = call->arg,
	};
	char why[HTTP_ERROR_MAX];

	if (a->end_ms != 0) {
		req.timeout_ms = a->end_ms - clock_now_ms();
		if (req.timeout_ms < 1)
			req.timeout_ms = 1;
	}
	a->error = http_send(s->http, &req, &s->answer, why);
	a->count++;
	a->fresh = a->error < 0;
	if (a->error == 0) {
		atomic_store(&s->client->answered, true);
		return judge(s, call, a);
	}
	(void)snprintf(a->why, sizeof(a->why), "%s", why);
	return broken(a->error);
}

/* Take the server's clock; false when that changes nothing. */
static bool correct_clock(struct s3_session *s, struct s3_attempt *a)
{
	long long offset = (long long)s->answer.date - (long long)time(NULL);
	long long used = s->offset_s;

	if (a->skewed || s->answer.date == 0 || llabs(offset - used) < SKEW_LEAST_S)
		return false;
	a->skewed = true;
	if (atomic_compare_exchange_strong(&s->client->clock_offset_s, &used, offset))
		log_line(LOG_WARN, "s3: by the server's clock, this host's is wrong by %lld s; "
			 "requests are signed with the server's", -offset);
	return true;
}

/* Go where the server says that the bucket is, or where another session was sent. */
static bool correct_region(struct s3_session *s, struct s3_attempt *a)
{
	struct s3_client *c = s->client;
	int r;

	if (a->moved)
		return false;
	a->moved = true;
	(void)pthread_mutex_lock(&c->lock);
	r = strcmp(c->place.region, s->place.region) != 0 ? 1 :
	    s3_place_move(&c->place, s->refusal.region);
	(void)pthread_mutex_unlock(&c->lock);
	if (r == 0)
		log_line(LOG_WARN, "s3: the bucket is in %s", s->refusal.region);
	return r >= 0;
}

static bool correct_credentials(struct s3_session *s, struct s3_attempt *a)
{
	if (a->renewed)
		return false;
	a->renewed = true;
	return credentials_renew(s->client->credentials, s->credentials) == 0;
}

enum s3_verdict s3_session_try(struct s3_session *s, const struct s3_call *call,
			       struct s3_attempt *a)
{
	enum s3_verdict verdict = S3_REFUSED;
	bool corrected = true;

	while (corrected) {
		s->credentials = credentials_get(s->client->credentials);
		a->error = prepare(s, call);
		if (a->error == 0) {
			verdict = send_one(s, call, a);
		} else {
			verdict = S3_REFUSED;
			(void)snprintf(a->why, sizeof(a->why),
				       "a header or the address is too long");
		}
		a->maybe_stored |= s->answer.resent;
		a->maybe_stored |= verdict == S3_UNSURE;
		corrected = (verdict == S3_SKEWED && correct_clock(s, a)) ||
			    (verdict == S3_ELSEWHERE && correct_region(s, a)) ||
			    (verdict == S3_EXPIRED && correct_credentials(s, a));
		credentials_put(s->client->credentials, s->credentials);
	}
	if (verdict == S3_SKEWED || verdict == S3_ELSEWHERE || verdict == S3_EXPIRED)
		return S3_REFUSED;
	return verdict;
}

int64_t s3_moving_ms(size_t len, uint64_t limit_rate)
{
	int64_t ms = (int64_t)(len / SLOW_BYTES_PER_MS);

	if (limit_rate != 0)
		ms += (int64_t)(len / limit_rate * 1000) * LIMITED_SESSIONS;
	return ms;
}

void s3_attempt_patience(struct s3_attempt *a, int64_t patience_ms, int64_t give_up_ms,
			 int64_t moving_ms)
{
	int64_t now = clock_now_ms(), end;

	if (give_up_ms != 0)
		a->begin_by_ms = now + give_up_ms;
	if (patience_ms == 0)
		return;
	a->begin_by_ms = now + patience_ms;
	end = a->begin_by_ms + moving_ms;
	if (a->end_ms == 0 || end < a->end_ms)
		a->end_ms = end;
}

static void give_up(struct s3_attempt *a)
{
	char why[S3_ERROR_MAX];

	memcpy(why, a->why, sizeof(why));
	(void)snprintf(a->why, sizeof(a->why), "%s after %u %s: %.150s",
		       a->late ? "out of time" : "given up", a->count,
		       a->count == 1 ? "try" : "tries", why);
}

/* When the last try has to begin; 0: whenever. */
static int64_t last_chance(const struct s3_attempt *a)
{
	if (a->end_ms == 0 || a->begin_by_ms == 0)
		return a->end_ms + a->begin_by_ms;
	return a->end_ms < a->begin_by_ms ? a->end_ms : a->begin_by_ms;
}

bool s3_attempt_wait(struct s3_attempt *a, bool answered)
{
	unsigned tries = answered ? TRIES : TRIES_UNKNOWN;
	uint32_t limit = WAIT_MAX_MS;
	int64_t ms, left = INT64_MAX, last = last_chance(a);
	struct timespec t;

	if (a->count < 7)
		limit = WAIT_FIRST_MS << (a->count - 1);
	ms = (int64_t)randombytes_uniform(limit < WAIT_MAX_MS ? limit : WAIT_MAX_MS);
	if (last != 0)
		left = last - clock_now_ms();
	/* A long wait must not cost what time there is. */
	if (ms >= left && left >= WAIT_ROOM_MS)
		ms = left / 2;
	a->late = ms >= left;
	if (a->late || a->count >= tries) {
		give_up(a);
		return false;
	}
	t = (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
	return true;
}

bool s3_session_wait(struct s3_session *s, struct s3_attempt *a)
{
	return s3_attempt_wait(a, atomic_load(&s->client->answered));
}
