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
struct http;         /* what all sessions share: the trusted roots */
struct http_session; /* one connection, for one thread */

enum http_method { HTTP_PUT, HTTP_POST, HTTP_GET };

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
};

/* An answer. */
struct http_response {
	unsigned status;            /* 200 to 599 */
	time_t date;                /* the server's clock; 0: it did not say */
	char region[HTTP_REGION_MAX]; /* x-amz-bucket-region, or "" */
	char body[HTTP_BODY_MAX];   /* with a NUL; what is longer is cut off */
	size_t body_len;
	bool resent;                /* the body went out more than once */
};

/*
 * Prepare the library, once in a process, and read more trusted roots from the
 * PEM file ${ca_file} (NULL: none).  0, or a negative errno and ${error}.
 */
int http_open(struct http **ret, const char *ca_file, char error[HTTP_ERROR_MAX]);

void http_close(struct http *h); /* after its sessions; NULL is fine */

/* 0 or -ENOMEM. */
int http_session_open(struct http_session **ret, struct http *h);

void http_session_close(struct http_session *s); /* NULL is fine */

/*
 * Send the request.  No redirect is followed, no proxy is used; a
 * transfer that stands still for 30 seconds is given up.  0 when there is an
 * answer, whatever it says; else ${error} and
 *   -EHOSTUNREACH, -ECONNREFUSED  nothing was sent: no name, no connection
 *   -ECONNRESET, -ETIMEDOUT       broken off; the server may have all of it
 *   -EKEYREJECTED                 the server's certificate is not trusted
 *   -EFBIG                        the answer does not fit into ${into}
 *   -ENOMEM, -EINVAL              no use in trying again
 */
int http_send(struct http_session *s, const struct http_request *req,
	      struct http_response *res, char error[HTTP_ERROR_MAX]);

#endif
