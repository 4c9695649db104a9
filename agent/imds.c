/*
 * imds.c - the credentials of the instance's role.
 *
 * EC2 User Guide, "Use the Instance Metadata Service": a session token by PUT,
 * then the name of the role and its credentials by GET.  The service is at a
 * link-local address and speaks plain HTTP; who rules the host can stand in
 * for it, so all that it says is checked, and nothing waits long for it.
 * Version 1 is not tried: a request without a token sets off alarms.
 */
#include "imds.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>
#include <yyjson.h>

#include "buf.h"
#include "http.h"

#define TIMEOUT_MS 2000
#define QUICK_MS 1000 /* for what is not needed to send anything */
#define PATH_MAX_BYTES 640
#define TOKEN_TTL_S 21600
#define TOKEN_MAX 1024
#define ROLE_MAX 128
#define ROLES "/latest/meta-data/iam/security-credentials/"

struct imds {
	char base[128];
	struct http *http;
	struct http_session *session;
	struct http_response answer; /* holds secrets in between */
	char token[TOKEN_MAX + 64];  /* of imds_get(): a header, or "" */
	int dead;                    /* why it is not asked again */
};

int imds_open(struct imds **ret, const char *endpoint, char error[CREDENTIALS_ERROR_MAX])
{
	const struct http_options o = { .plain = true, .stall_s = TIMEOUT_MS / 1000 };
	struct imds *i = calloc(1, sizeof(*i));
	size_t len;
	int r;

	(void)snprintf(error, CREDENTIALS_ERROR_MAX, "%s", strerror(ENOMEM));
	if (i == NULL)
		return -ENOMEM;
	if (endpoint == NULL)
		endpoint = IMDS_ENDPOINT;
	len = strlen(endpoint);
	if (len > 0 && endpoint[len - 1] == '/')
		len--;
	(void)snprintf(i->base, sizeof(i->base), "%.*s", (int)(len < 120 ? len : 120), endpoint);
	if (!http_may_be_plain(i->base)) {
		(void)snprintf(error, CREDENTIALS_ERROR_MAX, "--imds-endpoint \"%.64s\": must be "
			       IMDS_ENDPOINT " or http:// and an address of this host", endpoint);
		free(i);
		return -EINVAL;
	}
	r = http_open(&i->http, &o, error);
	if (r == 0)
		r = http_session_open(&i->session, i->http);
	if (r < 0) {
		imds_close(i);
		return r;
	}
	*ret = i;
	return 0;
}

void imds_close(struct imds *i)
{
	if (i == NULL)
		return;
	http_session_close(i->session);
	http_close(i->http);
	sodium_memzero(i, sizeof(*i));
	free(i);
}

static int fail(char error[CREDENTIALS_ERROR_MAX], const char *why)
{
	(void)snprintf(error, CREDENTIALS_ERROR_MAX, "%s", why);
	return -ENOENT;
}

/* What a refusal means: "Instance metadata", HTTP response codes. */
static int refused(unsigned status, char error[CREDENTIALS_ERROR_MAX])
{
	switch (status) {
	case 403:
		return fail(error, "the instance metadata service is disabled");
	case 404:
		return fail(error, "the instance has no role");
	default:
		(void)snprintf(error, CREDENTIALS_ERROR_MAX,
			       "the instance metadata service says HTTP status %u", status);
		return -ENOENT;
	}
}

/* One request.  0 when the answer is 200 and in ${i->answer}. */
static int ask(struct imds *i, enum http_method method, const char *path, const char *header,
	       int64_t timeout_ms, char error[CREDENTIALS_ERROR_MAX])
{
	char url[sizeof(i->base) + sizeof(ROLES) + ROLE_MAX], why[HTTP_ERROR_MAX];
	const struct http_request req = {
		.method = method, .url = url, .headers = &header, .header_count = 1,
		.timeout_ms = timeout_ms,
	};
	int r;

	(void)snprintf(url, sizeof(url), "%s%s", i->base, path);
	r = http_send(i->session, &req, &i->answer, why);
	if (r == -ETIMEDOUT)
		return fail(error, "no answer from the instance metadata service in time: "
			    "hop limit or disabled");
	if (r < 0) {
		(void)snprintf(error, CREDENTIALS_ERROR_MAX, "no instance metadata service: "
			       "%.120s", why);
		return -ENOENT;
	}
	return i->answer.status == 200 ? 0 : refused(i->answer.status, error);
}

/* The text is to become part of a header or a URL. */
static bool is_word(const char *text, size_t len, size_t max, const char *more)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || (c != '\0' && strchr(more, c) != NULL)))
			return false;
	}
	return len > 0 && len < max;
}

static int get_token(struct imds *i, int64_t timeout_ms, char header[TOKEN_MAX + 64],
		     char error[CREDENTIALS_ERROR_MAX])
{
	(void)snprintf(header, TOKEN_MAX + 64, "X-aws-ec2-metadata-token-ttl-seconds: %d",
		       TOKEN_TTL_S);
	if (ask(i, HTTP_PUT, "/latest/api/token", header, timeout_ms, error) < 0)
		return -ENOENT;
	if (!is_word(i->answer.body, i->answer.body_len, TOKEN_MAX, "-_=+/.~"))
		return fail(error, "the instance metadata service gives no token");
	(void)snprintf(header, TOKEN_MAX + 64, "X-aws-ec2-metadata-token: %.*s",
		       TOKEN_MAX, i->answer.body);
	return 0;
}

/* Paths that answer with keys: an instance's role, and EC2's own. */
static bool gives_credentials(const char *path)
{
	static const char role[] = "meta-data/iam/security-credentials/";

	return strstr(path, "..") != NULL || strstr(path, "identity-credentials") != NULL ||
	       (strncmp(path, role, sizeof(role) - 1) == 0 && path[sizeof(role) - 1] != '\0');
}

static int send_get(struct imds *i, const char *path, struct buf *ret, char why[IMDS_WHY_MAX])
{
	char url[sizeof(i->base) + PATH_MAX_BYTES];
	const char *header = i->token;
	const struct http_request req = {
		.method = HTTP_GET, .url = url, .headers = &header, .header_count = 1,
		.timeout_ms = QUICK_MS, .into = ret,
	};
	size_t before = ret->len;
	int r;

	(void)snprintf(url, sizeof(url), "%s/latest/%s", i->base, path);
	r = http_send(i->session, &req, &i->answer, why);
	if (r == 0 && i->answer.status != 200) {
		(void)snprintf(why, IMDS_WHY_MAX, "HTTP status %u", i->answer.status);
		r = i->answer.status == 404 ? -ENOENT : -EACCES;
	}
	if (r < 0)
		ret->len = before;
	return r;
}

int imds_get(struct imds *i, const char *path, struct buf *ret, char why[IMDS_WHY_MAX])
{
	int r;

	(void)snprintf(why, IMDS_WHY_MAX, "the instance metadata service does not answer");
	if (strlen(path) >= PATH_MAX_BYTES - 16)
		return -ENAMETOOLONG;
	if (gives_credentials(path))
		return -EPERM;
	if (i->dead == 0 && i->token[0] == '\0') {
		char error[CREDENTIALS_ERROR_MAX];

		if (get_token(i, QUICK_MS, i->token, error) < 0) {
			i->token[0] = '\0';
			i->dead = -EHOSTUNREACH;
			(void)snprintf(why, IMDS_WHY_MAX, "%.180s", error);
		}
	}
	if (i->dead < 0)
		return i->dead;
	r = send_get(i, path, ret, why);
	if (r == -ETIMEDOUT || r == -EHOSTUNREACH || r == -ECONNREFUSED)
		i->dead = r;
	return r;
}

static int get_role(struct imds *i, const char *header, char path[sizeof(ROLES) + ROLE_MAX],
		    char error[CREDENTIALS_ERROR_MAX])
{
	size_t len;

	if (ask(i, HTTP_GET, ROLES, header, TIMEOUT_MS, error) < 0)
		return -ENOENT;
	len = strcspn(i->answer.body, "\r\n");
	if (!is_word(i->answer.body, len, ROLE_MAX, "+=,.@_-"))
		return fail(error, "the instance has no role");
	(void)snprintf(path, sizeof(ROLES) + ROLE_MAX, ROLES "%.*s", (int)len, i->answer.body);
	return 0;
}

int imds_credentials(struct imds *i, struct credentials **ret,
		     char error[CREDENTIALS_ERROR_MAX])
{
	char header[TOKEN_MAX + 64], path[sizeof(ROLES) + ROLE_MAX];
	int r = get_token(i, TIMEOUT_MS, header, error);

	if (r == 0)
		r = get_role(i, header, path, error);
	if (r == 0)
		r = ask(i, HTTP_GET, path, header, TIMEOUT_MS, error);
	if (r == 0) {
		r = imds_parse(i->answer.body, i->answer.body_len, ret);
		if (r == -EBADMSG)
			r = fail(error, "the instance metadata service gives no credentials");
	}
	sodium_memzero(header, sizeof(header));
	sodium_memzero(&i->answer, sizeof(i->answer));
	return r;
}

static const char *text_of(yyjson_val *root, const char *name)
{
	yyjson_val *v = yyjson_obj_get(root, name);
	const char *text = yyjson_get_str(v);

	return text != NULL && strlen(text) == yyjson_get_len(v) ? text : NULL;
}

/* "2026-11-24T15:30:00Z"; 0 when it is none. */
static int64_t time_of(const char *text)
{
	struct tm tm;
	const char *end;

	memset(&tm, 0, sizeof(tm));
	end = text == NULL ? NULL : strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	return end != NULL && *end == 'Z' ? (int64_t)timegm(&tm) : 0;
}

/* Its texts lie in memory that is wiped. */
static int read_document(yyjson_val *root, struct credentials **ret)
{
	const char *code = text_of(root, "Code"), *token = text_of(root, "Token");
	int r;

	if (token == NULL || (code != NULL && strcmp(code, "Success") != 0))
		return -EBADMSG;
	r = credentials_make(ret, text_of(root, "AccessKeyId"), text_of(root, "SecretAccessKey"),
			     token, time_of(text_of(root, "Expiration")));
	return r == -EACCES ? -EBADMSG : r;
}

int imds_parse(char *text, size_t len, struct credentials **ret)
{
	size_t size = yyjson_read_max_memory_usage(len, 0);
	void *pool = sodium_malloc(size);
	int r = pool == NULL ? -ENOMEM : -EBADMSG;
	yyjson_alc alc;

	if (pool != NULL && yyjson_alc_pool_init(&alc, pool, size)) {
		yyjson_doc *doc = yyjson_read_opts(text, len, 0, &alc, NULL);

		if (doc != NULL)
			r = read_document(yyjson_doc_get_root(doc), ret);
	}
	sodium_free(pool);
	sodium_memzero(text, len);
	return r;
}
