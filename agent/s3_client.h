/*
 * s3_client.h - requests to one bucket: signed with the credentials, the clock
 * and the region that are right, and tried again as long as it is worth it.
 */
#ifndef S3_CLIENT_H
#define S3_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http.h"
#include "s3.h"

struct vault_options;
struct s3_client;  /* what all sessions share */
struct s3_session; /* for one thread */

/*
 * The place that ${o} means, with the environment's region where it names none.
 * 0; -EINVAL and ${error} names what is wrong.
 */
int s3_client_find(struct s3_place *ret, const struct vault_options *o,
		   char error[S3_ERROR_MAX]);

/*
 * Find place, credentials and roots; nothing is sent to the bucket.  Before
 * other threads run.  0, or a negative errno and ${error}.
 */
int s3_client_open(struct s3_client **ret, const struct vault_options *o,
		   char error[S3_ERROR_MAX]);

void s3_client_close(struct s3_client *c); /* NULL is fine */

/* The bucket and the prefix; they do not change, the rest may. */
const struct s3_place *s3_client_place(const struct s3_client *c);

/* Whose credentials they are (credentials_kind()), and when they end; 0: not known. */
const char *s3_client_credentials(const struct s3_client *c, int64_t *ret_expires_s);

/* 0 or -ENOMEM. */
int s3_session_open(struct s3_session **ret, struct s3_client *c);

void s3_session_close(struct s3_session *s); /* NULL is fine */

/* One request, as often as it is tried. */
struct s3_call {
	enum http_method method;  /* HTTP_PUT stores an object, HTTP_GET reads */
	const char *key;          /* "": the bucket itself */
	const char *query;        /* NULL: none */
	const void *body;
	size_t len;
	struct s3_request about;  /* all but ${now} and ${token} */
	const char *range, *etag; /* of a GET: "bytes=5-", only of this object; or NULL */
	int (*take)(void *arg, unsigned status, const void *data, size_t len); /* http.h */
	void *arg;
};

/* Its way through the tries. */
struct s3_attempt {
	int64_t end_ms;    /* CLOCK_MONOTONIC; no try goes on after it; 0: none */
	int64_t begin_by_ms; /* and none begins after this; 0: none */
	unsigned count;    /* requests that were sent */
	bool fresh;        /* the last connection broke */
	bool late;         /* the end comes before another try */
	bool maybe_stored; /* one may have got through unseen */
	bool skewed, moved, renewed; /* clock, region, credentials were corrected */
	int error;         /* negative errno of the last */
	char why[S3_ERROR_MAX]; /* in one line */
};

/*
 * Try it once; where only the clock, the region or the credentials were wrong,
 * correct each once and try again at once.  S3_STORED (a GET: it came),
 * S3_EXISTS, S3_REFUSED, or S3_RETRY and S3_UNSURE, which also stand for a
 * connection that failed; but for the first, ${a} says why.
 */
enum s3_verdict s3_session_try(struct s3_session *s, const struct s3_call *call,
			       struct s3_attempt *a);

/* The answer to the last request. */
const struct http_response *s3_session_answer(const struct s3_session *s);

/*
 * Wait before the next try.  False when there is none for lack of tries or of
 * time, and ${a->why} says so.
 */
bool s3_session_wait(struct s3_session *s, struct s3_attempt *a);

/*
 * The time that an upload of ${len} bytes has when it moves: at a low rate, or at
 * ${limit_rate} bytes a second (0: no limit) that many sessions share.
 */
int64_t s3_moving_ms(size_t len, uint64_t limit_rate);

/*
 * Bound an attempt.  A vault that is dead is left after ${patience_ms}; one that
 * is slow is not dead: what moves has ${moving_ms} more, or it would begin again
 * and again, and nothing would ever leave the host.  After ${give_up_ms} only no
 * new try begins.  0: no bound.
 */
void s3_attempt_patience(struct s3_attempt *a, int64_t patience_ms, int64_t give_up_ms,
			 int64_t moving_ms);

/* As s3_session_wait(), for one who sends by other means; ${answered}: the server
 * ever did. */
bool s3_attempt_wait(struct s3_attempt *a, bool answered);

#endif
