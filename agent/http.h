/* http.h - HTTPS requests whose body is in memory; the only user of libcurl. */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define HTTP_ERROR_MAX 192
#define HTTP_BODY_MAX 16384
#define HTTP_REGION_MAX 64

struct buf;
struct http;         /* what all sessions share: the trusted roots, the rate */
struct http_session; /* one connection, for one thread */

/* Zeroes are the defaults.  The texts live until http_close(). */
struct http_options {
	const char *ca_file;        /* PEM roots to trust besides those compiled in */
	const char *ca_pem;         /* more of them, as text */
	const char *proxy;          /* "http://HOST:PORT"; "env": by the environment; NULL: none */
	uint64_t limit_rate;        /* bytes a second of all sessions together; 0: no limit */
	unsigned stall_s;           /* a transfer that stands still so long is given up; 0: 30 */
	bool plain;                 /* http:// where http_may_be_plain(), and nothing else */
};

enum http_method { HTTP_PUT, HTTP_GET, HTTP_POST };

/* One request.  All of it is the caller's and lives until http_send() returns. */
struct http_request {
	enum http_method method;
	const char *url;            /* "https://...", percent-encoded */
	const char *const *headers; /* "Name: value"; all of them are signed */
	size_t header_count;
	const void *body;           /* of a PUT or a POST */
	size_t len;
	const void *head, *tail;    /* sent before and after the body */
	size_t head_len, tail_len;
	const char *region;         /* AWS Signature Version 4 for the service s3 */
	const char *key, *secret;   /* NULL: not signed */
	struct buf *into;           /* an answer's body goes here whole; NULL: to the response */
	bool fresh;                 /* on a new connection, with a new name look-up */
	int64_t timeout_ms;         /* for all of it; 0: as long as it moves */
	/*
	 * Takes the body of an answer of 2xx, piece by piece, in place of ${body}
	 * of the answer; NULL: none does.  A negative return ends the transfer.
	 */
	int (*take)(void *arg, unsigned status, const void *data, size_t len);
	void *arg;
};

/* An answer. */
struct http_response {
	unsigned status;            /* 200 to 599 */
	time_t date;                /* the server's clock; 0: it did not say */
	char region[HTTP_REGION_MAX]; /* x-amz-bucket-region, or "" */
	char body[HTTP_BODY_MAX];   /* with a NUL; what is longer is cut off */
	size_t body_len;
	bool resent;                /* the body went out more than once */
	int taken;                  /* 0, or what ${take} returned */
};

/*
 * Prepare the library, and read the roots.  Before other threads run.  0, or a
 * negative errno and ${error}.
 */
int http_open(struct http **ret, const struct http_options *o, char error[HTTP_ERROR_MAX]);

void http_close(struct http *h); /* after its sessions; NULL is fine */

/* 0 or -ENOMEM. */
int http_session_open(struct http_session **ret, struct http *h);

void http_session_close(struct http_session *s); /* NULL is fine */

/* Can ${ca_file} be used (NULL: yes)?  0, or a negative errno and ${error}. */
int http_check_roots(const char *ca_file, char error[HTTP_ERROR_MAX]);

/*
 * May the address of ${url} be spoken to without TLS: is it "http://", the
 * instance metadata service's or a loopback address, and a port at most?
 */
bool http_may_be_plain(const char *url);

/* Can ${proxy} be used: "env", or "http://" or "https://", a host and a port? */
bool http_is_proxy(const char *proxy);

/*
 * Send the request.  No redirect is followed.  0 when there is an answer,
 * whatever it says; else ${error} and
 *   -EHOSTUNREACH, -ECONNREFUSED  nothing was sent: no name, no connection
 *   -ECONNRESET, -ETIMEDOUT       broken off; the server may have all of it
 *   -EKEYREJECTED                 the server's certificate is not trusted
 *   -EFBIG                        the answer does not fit into ${into}
 *   -ECANCELED                    ${take} ended it
 *   -ENOMEM, -EINVAL              no use in trying again
 */
int http_send(struct http_session *s, const struct http_request *req,
	      struct http_response *res, char error[HTTP_ERROR_MAX]);

#endif
