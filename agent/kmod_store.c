/*
 * kmod_store.c - reading files of a module store.
 *
 * A directory is read as it is; a web server and a bucket by HTTPS, a few
 * times if need be, never longer than until the time that was given, and never
 * more than was asked for.  What is read is not to be believed here.
 */
#include "kmod_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "http.h"
#include "io.h"
#include "s3.h"
#include "s3_client.h"
#include "vault.h"

#define TRIES 3
#define WAIT_MS 400
#define STALL_S 5

struct kmod_store {
	const char *where;
	int dir;                      /* of a directory; else -1 */
	struct s3_client *client;     /* of a bucket, with credentials */
	struct s3_session *session;
	struct s3_place place;        /* of a bucket without */
	bool in_bucket;
	struct http *http;
	struct http_session *web;
	bool broken;                  /* the last connection */
	struct http_response answer;
};

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

bool kmod_store_is_remote(const char *where)
{
	return begins(where, "https://") || begins(where, "s3://");
}

bool kmod_store_is_place(const char *where)
{
	const char *rest = strstr(where, "://");

	if (!kmod_store_is_remote(where))
		return where[0] == '/';
	return rest[3] != '\0' && rest[3] != '/' && where[strcspn(where, " \"<>\\^`{|}#")] == '\0';
}

void kmod_store_text(const char *where, char *ret, size_t cap)
{
	int n = (int)strcspn(where, kmod_store_is_remote(where) ? "?" : "");

	(void)snprintf(ret, cap, "%.*s", n, where);
}

static int fail(char error[KMOD_STORE_ERROR_MAX], int r, const char *why)
{
	(void)snprintf(error, KMOD_STORE_ERROR_MAX, "%.250s", why != NULL ? why : strerror(-r));
	return r;
}

/* The key of ${name} in the bucket. */
static int key_of(const struct s3_place *p, const char *name, char ret[S3_KEY_MAX])
{
	int n = snprintf(ret, S3_KEY_MAX, "%s%s%s", p->prefix, p->prefix[0] != '\0' ? "/" : "",
			 name);

	return n < 0 || n >= S3_KEY_MAX ? -ENAMETOOLONG : 0;
}

/* ---- plain HTTPS -------------------------------------------------------- */

static int open_web(struct kmod_store *s, const struct vault_options *how,
		    char error[KMOD_STORE_ERROR_MAX])
{
	const struct http_options o = {
		.ca_file = how->ca_file, .ca_pem = how->ca_pem, .proxy = how->proxy,
		.stall_s = STALL_S,
	};
	char why[HTTP_ERROR_MAX];
	int r = http_open(&s->http, &o, why);

	if (r < 0)
		return fail(error, r, why);
	r = http_session_open(&s->web, s->http);
	return r < 0 ? fail(error, r, NULL) : 0;
}

/* Where ${name} is: before a query that the store's address has. */
static int web_url(const struct kmod_store *s, const char *name, char ret[S3_URL_MAX])
{
	char encoded[1024], key[S3_KEY_MAX];
	size_t path = strcspn(s->where, "?");
	int n, r;

	if (s->in_bucket) {
		r = key_of(&s->place, name, key);
		if (r == 0)
			s3_url(ret, &s->place, key);
		return r;
	}
	(void)s3_encode(encoded, sizeof(encoded), name, "");
	n = snprintf(ret, S3_URL_MAX, "%.*s%s%s%s", (int)path, s->where,
		     path > 0 && s->where[path - 1] == '/' ? "" : "/", encoded,
		     s->where + path);
	return n < 0 || n >= S3_URL_MAX ? -ENAMETOOLONG : 0;
}

/* What the status says; -EAGAIN: another try may do. */
static int judge(unsigned status, char error[KMOD_STORE_ERROR_MAX])
{
	if (status == 200)
		return 0;
	(void)snprintf(error, KMOD_STORE_ERROR_MAX, "HTTP status %u%s", status, status == 403 ?
		       ": it is not there, or may not be read" : status / 100 == 3 ?
		       ": a redirect, which is not followed" : "");
	if (status == 404)
		return -ENOENT;
	return status >= 500 || status == 429 ? -EAGAIN : -EACCES;
}

static int web_try(struct kmod_store *s, const char *url, int64_t end_ms, struct buf *into,
		   char error[KMOD_STORE_ERROR_MAX])
{
	struct http_request req = { .method = HTTP_GET, .url = url, .into = into,
				    .fresh = s->broken };
	char why[HTTP_ERROR_MAX];
	int r;

	req.timeout_ms = end_ms - clock_now_ms();
	if (req.timeout_ms <= 0)
		return fail(error, -ETIMEDOUT, "it did not answer in time");
	into->len = 0;
	r = http_send(s->web, &req, &s->answer, why);
	s->broken = r < 0;
	if (r == 0)
		return judge(s->answer.status, error);
	(void)fail(error, r, why);
	/* Nobody there, or broken off: once more. */
	return r == -EHOSTUNREACH || r == -ECONNREFUSED || r == -ECONNRESET ||
	       r == -ETIMEDOUT ? -EAGAIN : r;
}

static int web_get(struct kmod_store *s, const char *name, int64_t end_ms, struct buf *into,
		   char error[KMOD_STORE_ERROR_MAX])
{
	char url[S3_URL_MAX];
	int r = web_url(s, name, url);

	if (r < 0)
		return fail(error, r, NULL);
	for (int i = 1; i <= TRIES; i++) {
		struct timespec wait = { .tv_nsec = i * WAIT_MS * 1000000L };

		r = web_try(s, url, end_ms, into, error);
		if (r != -EAGAIN)
			return r;
		if (i == TRIES || end_ms - clock_now_ms() < (int64_t)i * WAIT_MS)
			break;
		while (wait.tv_nsec > 999999999L) {
			wait.tv_sec++;
			wait.tv_nsec -= 1000000000L;
		}
		(void)nanosleep(&wait, NULL);
	}
	return clock_now_ms() >= end_ms ? -ETIMEDOUT : -EIO;
}

/* ---- a bucket ----------------------------------------------------------- */

static int open_bucket(struct kmod_store *s, const struct vault_options *how,
		       char error[KMOD_STORE_ERROR_MAX])
{
	const struct s3_reach reach = {
		.region = how->region != NULL ? how->region : getenv("AWS_REGION"),
		.endpoint = how->endpoint_url, .path_style = how->path_style,
		.dualstack = how->dualstack, .fips = how->fips,
	};
	struct vault_options o = *how;
	struct s3_reach plain = reach;
	char why[S3_ERROR_MAX];
	int r;

	o.url = s->where;
	o.keeping = NULL;
	o.ticket = NULL;
	o.patience_ms = 1; /* a connection that stands still is left soon */
	r = s3_client_open(&s->client, &o, why);
	if (r == 0)
		r = s3_session_open(&s->session, s->client);
	if (r == 0)
		return 0;
	/* Modules are no secret: the bucket may show them to whoever comes by its network. */
	if (plain.region == NULL)
		plain.region = "us-east-1";
	s->in_bucket = true;
	if (s3_place(&s->place, s->where, &plain, why) < 0)
		return fail(error, -EINVAL, why);
	return open_web(s, how, error);
}

static int take(void *arg, unsigned status, const void *data, size_t len)
{
	(void)status;
	return buf_add(arg, data, len) < 0 ? -EFBIG : 0;
}

static int bucket_get(struct kmod_store *s, const char *name, int64_t end_ms, struct buf *into,
		      char error[KMOD_STORE_ERROR_MAX])
{
	struct s3_attempt a = { .end_ms = end_ms };
	struct s3_call call = { .method = HTTP_GET, .take = take, .arg = into };
	char key[S3_KEY_MAX];
	int r = key_of(s3_client_place(s->client), name, key);

	if (r < 0)
		return fail(error, r, NULL);
	call.key = key;
	for (;;) {
		enum s3_verdict verdict;

		into->len = 0;
		verdict = s3_session_try(s->session, &call, &a);
		if (verdict == S3_STORED)
			return 0;
		if (s3_session_answer(s->session)->taken == -EFBIG)
			return fail(error, -EFBIG, "it is too long");
		if ((verdict != S3_RETRY && verdict != S3_UNSURE) || a.count >= TRIES ||
		    !s3_session_wait(s->session, &a))
			break;
	}
	if (clock_now_ms() >= end_ms)
		return fail(error, -ETIMEDOUT, a.why);
	return fail(error, a.error < 0 ? a.error : -EIO, a.why);
}

/* ---- all of them -------------------------------------------------------- */

int kmod_store_open(struct kmod_store **ret, const char *where,
		    const struct vault_options *how, char error[KMOD_STORE_ERROR_MAX])
{
	static const struct vault_options none;
	struct kmod_store *s = calloc(1, sizeof(*s));
	int r = 0;

	if (s == NULL)
		return fail(error, -ENOMEM, NULL);
	s->where = where;
	s->dir = -1;
	if (how == NULL)
		how = &none;
	if (begins(where, "s3://")) {
		r = open_bucket(s, how, error);
	} else if (begins(where, "https://")) {
		r = open_web(s, how, error);
	} else {
		s->dir = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (s->dir < 0)
			r = fail(error, -errno, NULL);
	}
	if (r < 0) {
		kmod_store_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

int kmod_store_get(struct kmod_store *s, const char *name, size_t max, int64_t end_ms,
		   void **ret, size_t *ret_len, char error[KMOD_STORE_ERROR_MAX])
{
	struct buf into;
	int r;

	if (s->dir >= 0) {
		r = io_load(s->dir, name, max, ret, ret_len);
		return r < 0 ? fail(error, r, NULL) : 0;
	}
	r = buf_open(&into, max + 1);
	if (r < 0)
		return fail(error, r, NULL);
	r = s->client != NULL ? bucket_get(s, name, end_ms, &into, error) :
				web_get(s, name, end_ms, &into, error);
	if (r == 0 && into.len > max)
		r = fail(error, -EFBIG, "it is too long");
	if (r == 0) {
		*ret = malloc(into.len + 1);
		if (*ret == NULL)
			r = fail(error, -ENOMEM, NULL);
	}
	if (r == 0) {
		memcpy(*ret, into.data, into.len);
		((char *)*ret)[into.len] = '\0';
		*ret_len = into.len;
	}
	buf_free(&into);
	return r;
}

void kmod_store_close(struct kmod_store *s)
{
	if (s == NULL)
		return;
	if (s->dir >= 0)
		(void)close(s->dir);
	http_session_close(s->web);
	http_close(s->http);
	s3_session_close(s->session);
	s3_client_close(s->client);
	free(s);
}
