/*
 * http.c - HTTPS requests whose body is in memory.
 *
 * Reads the server's answer, of which it keeps a bounded part.  The server is
 * who its certificate says, by roots that are compiled in or were named by the
 * caller; the host's own roots, proxies and configuration do not count.  A
 * server that stops talking is left after a while.
 */
#include "http.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "buf.h"
#include "ca_roots.h"
#include "io.h"
#include "rate.h"
#include "scope.h"

#define CA_FILE_MAX (1u << 20)
#define CONNECT_TIMEOUT_MS 10000L
#define STALL_BYTES_PER_S 1000L
#define STALL_S 30
#define UPLOAD_CHUNK (256L * 1024)

struct http {
	struct http_options o;
	char *roots; /* PEM */
	size_t roots_len;
	struct rate rate;
};

struct http_session {
	struct http *http;
	CURL *easy;
	char detail[CURL_ERROR_SIZE];
	/* of the request that runs */
	const struct http_request *req;
	size_t pos;
	struct http_response *res;
	bool overflow;
};

/* The PEM text of ${ca_file}; NULL where there is none to load. */
static int load_file(const char *ca_file, void **ret, size_t *ret_len,
		     char error[HTTP_ERROR_MAX])
{
	int r;

	*ret = NULL;
	*ret_len = 0;
	if (ca_file == NULL)
		return 0;
	r = io_load(AT_FDCWD, ca_file, CA_FILE_MAX, ret, ret_len);
	if (r == 0 && strstr(*ret, "-----BEGIN CERTIFICATE-----") == NULL)
		r = -EBADMSG;
	if (r < 0)
		(void)snprintf(error, HTTP_ERROR_MAX, "%.96s: %s", ca_file,
			       r == -EBADMSG ? "no PEM certificate in it" : strerror(-r));
	return r;
}

int http_check_roots(const char *ca_file, char error[HTTP_ERROR_MAX])
{
	AUTO_FREE void *text = NULL;
	size_t len;

	return load_file(ca_file, &text, &len, error);
}

static int load_roots(struct http *h, const char *ca_file, const char *ca_pem,
		      char error[HTTP_ERROR_MAX])
{
	size_t len, pem_len = ca_pem != NULL ? strlen(ca_pem) : 0;
	AUTO_FREE void *more = NULL;
	int r = load_file(ca_file, &more, &len, error);

	if (r < 0)
		return r;
	h->roots = malloc(ca_roots_len + 1 + len + 1 + pem_len);
	if (h->roots == NULL)
		return -ENOMEM;
	memcpy(h->roots, ca_roots, ca_roots_len);
	h->roots[ca_roots_len] = '\n';
	if (len > 0)
		memcpy(h->roots + ca_roots_len + 1, more, len);
	h->roots_len = ca_roots_len + 1 + len;
	h->roots[h->roots_len++] = '\n';
	if (pem_len > 0)
		memcpy(h->roots + h->roots_len, ca_pem, pem_len);
	h->roots_len += pem_len;
	return 0;
}

/* The library's buffers have had tokens and signatures in them. */
static void wipe_free(void *p)
{
	if (p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void *wipe_realloc(void *p, size_t size)
{
	size_t old = p != NULL ? malloc_usable_size(p) : 0;
	void *q = malloc(size);

	if (q == NULL)
		return NULL;
	if (p != NULL)
		memcpy(q, p, old < size ? old : size);
	wipe_free(p);
	return q;
}

int http_open(struct http **ret, const struct http_options *o, char error[HTTP_ERROR_MAX])
{
	struct http *h = calloc(1, sizeof(*h));
	int r = -ENOMEM;

	(void)snprintf(error, HTTP_ERROR_MAX, "%s", strerror(ENOMEM));
	if (h == NULL)
		return r;
	h->o = *o;
	r = load_roots(h, o->ca_file, o->ca_pem, error);
	/* Counted by the library: several of these may be open. */
	if (r == 0 && curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_free, wipe_realloc,
					   strdup, calloc) != CURLE_OK) {
		(void)snprintf(error, HTTP_ERROR_MAX, "the TLS library does not start");
		r = -EIO;
	}
	if (r < 0) {
		free(h->roots);
		free(h);
		return r;
	}
	rate_open(&h->rate, o->limit_rate);
	*ret = h;
	return 0;
}

void http_close(struct http *h)
{
	if (h == NULL)
		return;
	curl_global_cleanup();
	rate_close(&h->rate);
	free(h->roots);
	free(h);
}

static size_t total(const struct http_request *req)
{
	return req->head_len + req->len + req->tail_len;
}

/* From the piece that ${pos} is in, up to its end. */
static size_t give_body(char *to, size_t size, size_t count, void *arg)
{
	struct http_session *s = arg;
	const struct http_request *req = s->req;
	const struct {
		const void *data;
		size_t len;
	} pieces[] = {
		{ req->head, req->head_len }, { req->body, req->len }, { req->tail, req->tail_len },
	};
	size_t n = size * count, at = s->pos;

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		if (at < pieces[i].len) {
			if (n > pieces[i].len - at)
				n = pieces[i].len - at;
			n = rate_piece(&s->http->rate, n);
			rate_wait(&s->http->rate, n);
			memcpy(to, (const char *)pieces[i].data + at, n);
			s->pos += n;
			return n;
		}
		at -= pieces[i].len;
	}
	return 0;
}

/* libcurl found a kept connection dead, and sends again on a new one. */
static int rewind_body(void *arg, curl_off_t offset, int origin)
{
	struct http_session *s = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > total(s->req))
		return CURL_SEEKFUNC_FAIL;
	s->pos = (size_t)offset;
	s->res->resent = true;
	return CURL_SEEKFUNC_OK;
}

static unsigned status_of(struct http_session *s)
{
	long status = 0;

	(void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	return (unsigned)status;
}

static size_t take_answer(char *data, size_t size, size_t count, void *arg)
{
	struct http_session *s = arg;
	struct http_response *res = s->res;
	size_t n = size * count, room = sizeof(res->body) - 1 - res->body_len;
	unsigned status = status_of(s);

	rate_wait(&s->http->rate, n);
	if (s->req->into != NULL) {
		s->overflow = buf_add(s->req->into, data, n) < 0;
		return s->overflow ? CURL_WRITEFUNC_ERROR : n;
	}
	if (s->req->take != NULL && status / 100 == 2) {
		res->taken = s->req->take(s->req->arg, status, data, n);
		return res->taken < 0 ? CURL_WRITEFUNC_ERROR : n;
	}
	s->overflow = n > room;
	if (n > room)
		n = room;
	memcpy(res->body + res->body_len, data, n);
	res->body_len += n;
	/* Less than was offered ends the transfer. */
	return s->overflow ? CURL_WRITEFUNC_ERROR : n;
}

#define SET(option, value)                                                     \
	do {                                                                   \
		if (c == CURLE_OK)                                             \
			c = curl_easy_setopt(e, option, value);                \
	} while (0)

/* Who may see the traffic: nobody of whom only the host's environment speaks. */
static CURLcode set_trust(CURL *e, const struct http *h)
{
	struct curl_blob roots = { h->roots, h->roots_len, CURL_BLOB_NOCOPY };
	CURLcode c = CURLE_OK;

	SET(CURLOPT_PROTOCOLS_STR, h->o.plain ? "http" : "https");
	if (h->o.proxy == NULL || strcmp(h->o.proxy, "env") != 0) {
		SET(CURLOPT_PROXY, h->o.proxy != NULL ? h->o.proxy : "");
		SET(CURLOPT_NOPROXY, "");
	}
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_CAINFO_BLOB, &roots);
	SET(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_PROXY_CAINFO_BLOB, &roots);
	return c;
}

/* What is the same for all requests. */
static CURLcode set_up(struct http_session *s, const struct http *h)
{
	long stall_s = h->o.stall_s != 0 ? (long)h->o.stall_s : STALL_S;
	CURL *e = s->easy;
	CURLcode c = set_trust(e, h);

	SET(CURLOPT_ERRORBUFFER, s->detail);
	SET(CURLOPT_NOSIGNAL, 1L);
	/* A name server that is silent holds back a thread of the resolver's, not us. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_CONNECTTIMEOUT_MS, stall_s * 1000 < CONNECT_TIMEOUT_MS ? stall_s * 1000 :
						CONNECT_TIMEOUT_MS);
	/* What we hold back ourselves is no stall. */
	SET(CURLOPT_LOW_SPEED_LIMIT, h->o.limit_rate != 0 ? 1L : STALL_BYTES_PER_S);
	SET(CURLOPT_LOW_SPEED_TIME, stall_s);
	SET(CURLOPT_MAXCONNECTS, 1L);
	SET(CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_CHUNK);
	SET(CURLOPT_READFUNCTION, give_body);
	SET(CURLOPT_READDATA, s);
	SET(CURLOPT_SEEKFUNCTION, rewind_body);
	SET(CURLOPT_SEEKDATA, s);
	SET(CURLOPT_WRITEFUNCTION, take_answer);
	SET(CURLOPT_WRITEDATA, s);
	return c;
}

int http_session_open(struct http_session **ret, struct http *h)
{
	struct http_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->http = h;
	s->easy = curl_easy_init();
	if (s->easy == NULL || set_up(s, h) != CURLE_OK) {
		http_session_close(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void http_session_close(struct http_session *s)
{
	if (s == NULL)
		return;
	curl_easy_cleanup(s->easy);
	free(s);
}

static struct curl_slist *header_list(const struct http_request *req)
{
	/* Neither waits for a 100-continue: an early refusal ends the upload. */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	for (size_t i = 0; list != NULL && i < req->header_count; i++) {
		struct curl_slist *longer = curl_slist_append(list, req->headers[i]);

		if (longer == NULL)
			curl_slist_free_all(list);
		list = longer;
	}
	return list;
}

static CURLcode set_method(CURL *e, const struct http_request *req)
{
	CURLcode c = CURLE_OK;

	switch (req->method) {
	case HTTP_GET:
		SET(CURLOPT_HTTPGET, 1L);
		break;
	case HTTP_PUT:
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)total(req));
		break;
	case HTTP_POST:
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDS, NULL);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)total(req));
		break;
	}
	return c;
}

/* What is this request's. */
static CURLcode set_request(struct http_session *s, const struct http_request *req,
			    struct curl_slist *headers)
{
	CURL *e = s->easy;
	CURLcode c = set_method(e, req);
	char sigv4[96];

	if (s->http->o.plain && !http_may_be_plain(req->url))
		return CURLE_URL_MALFORMAT;
	(void)snprintf(sigv4, sizeof(sigv4), "aws:amz:%.63s:s3",
		       req->region != NULL ? req->region : "");
	SET(CURLOPT_URL, req->url);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_AWS_SIGV4, req->key != NULL ? sigv4 : NULL);
	SET(CURLOPT_USERNAME, req->key);
	SET(CURLOPT_PASSWORD, req->secret);
	SET(CURLOPT_FRESH_CONNECT, req->fresh ? 1L : 0L);
	SET(CURLOPT_DNS_CACHE_TIMEOUT, req->fresh ? 0L : 60L);
	SET(CURLOPT_TIMEOUT_MS, req->timeout_ms > 0 ? (long)req->timeout_ms : 0L);
	return c;
}
#undef SET

/* libcurl's own words say most: "Could not resolve host: ...". */
static int explain(const struct http_session *s, CURLcode c, char error[HTTP_ERROR_MAX])
{
	static const struct {
		CURLcode code;
		int error;
	} table[] = {
		{ CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH },
		{ CURLE_COULDNT_CONNECT, -ECONNREFUSED },
		{ CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT },
		{ CURLE_PEER_FAILED_VERIFICATION, -EKEYREJECTED },
		{ CURLE_SSL_CACERT_BADFILE, -EINVAL },
		{ CURLE_URL_MALFORMAT, -EINVAL },
		{ CURLE_BAD_FUNCTION_ARGUMENT, -EINVAL },
		{ CURLE_OUT_OF_MEMORY, -ENOMEM },
	};
	const char *what = s->detail[0] != '\0' ? s->detail : curl_easy_strerror(c);

	/* Of a kept connection's end, when the new one was to somebody else. */
	if (c == CURLE_PEER_FAILED_VERIFICATION && strstr(what, "SSL") == NULL)
		what = curl_easy_strerror(c);
	(void)snprintf(error, HTTP_ERROR_MAX, "%.150s", what);
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].code == c)
			return table[i].error;
	return -ECONNRESET;
}

static const char *header_of(CURL *easy, const char *name)
{
	struct curl_header *h;

	if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return "";
	return h->value;
}

static void read_answer(struct http_session *s, struct http_response *res)
{
	time_t date = curl_getdate(header_of(s->easy, "Date"), NULL);

	res->status = status_of(s);
	res->date = date > 0 ? date : 0;
	(void)snprintf(res->region, sizeof(res->region), "%s",
		       header_of(s->easy, "x-amz-bucket-region"));
	res->body[res->body_len] = '\0';
}

int http_send(struct http_session *s, const struct http_request *req,
	      struct http_response *res, char error[HTTP_ERROR_MAX])
{
	struct curl_slist *headers = header_list(req);
	CURLcode c;

	memset(res, 0, sizeof(*res));
	s->req = req;
	s->pos = 0;
	s->res = res;
	s->overflow = false;
	s->detail[0] = '\0';
	c = headers == NULL ? CURLE_OUT_OF_MEMORY : set_request(s, req, headers);
	if (c == CURLE_OK)
		c = curl_easy_perform(s->easy);
	curl_slist_free_all(headers);
	if (res->taken < 0) {
		(void)snprintf(error, HTTP_ERROR_MAX, "%s", strerror(-res->taken));
		return -ECANCELED;
	}
	if (c == CURLE_WRITE_ERROR && s->overflow && req->into != NULL) {
		(void)snprintf(error, HTTP_ERROR_MAX, "the answer is too long");
		return -EFBIG;
	}
	/* An answer that is too long is one all the same. */
	if (c != CURLE_OK && !(c == CURLE_WRITE_ERROR && s->overflow))
		return explain(s, c, error);
	read_answer(s, res);
	return 0;
}
