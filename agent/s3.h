/* s3.h - how S3 is spoken: addresses, headers, refusals.  No I/O. */
#ifndef S3_H
#define S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define S3_BUCKET_MAX 64   /* 63 characters and a NUL */
#define S3_REGION_MAX 64
#define S3_KEY_MAX 1025    /* 1024 bytes and a NUL */
#define S3_HOST_MAX 352    /* "https://", a host name, a port, a bucket */
#define S3_URL_MAX (S3_HOST_MAX + 3 * S3_KEY_MAX)
#define S3_ERROR_MAX 320
#define S3_CODE_MAX 64
#define S3_HEADERS 24
#define S3_TOKEN_MAX 4096
#define S3_TAGS_MAX 2048    /* 10 tags, each 128 = 256 characters, as far as they fit */

/* How a bucket is to be reached. */
struct s3_reach {
	const char *region;
	const char *endpoint;     /* "https://HOST[:PORT]"; NULL: Amazon's */
	bool path_style;          /* bucket in the path, not in the host name */
	bool dualstack, fips;     /* Amazon's endpoints of that kind */
};

/* A bucket and how it is reached. */
struct s3_place {
	char bucket[S3_BUCKET_MAX];
	char region[S3_REGION_MAX];
	char prefix[S3_KEY_MAX];  /* of all keys: "" or "a/b", no slash at the ends */
	char base[S3_HOST_MAX];   /* "https://HOST" or "https://HOST/BUCKET" */
	bool own_endpoint, path_style, dualstack, fips;
};

/*
 * Find the place of ${url}, "s3://BUCKET[/PREFIX]".  The bucket stands in the
 * host name, or in the path where ${reach} asks for it or the host is an address
 * or the bucket has a dot (no wildcard certificate covers that).  0; -EINVAL and
 * ${error} names what is wrong.
 */
int s3_place(struct s3_place *ret, const char *url, const struct s3_reach *reach,
	     char error[S3_ERROR_MAX]);

/*
 * The bucket is in ${region}: Amazon's endpoint there, or the endpoint that was
 * given, to be signed for that region.  0; -EINVAL when it is no region or one
 * of another partition; -EALREADY when it is the region that ${p} has.
 */
int s3_place_move(struct s3_place *p, const char *region);

/*
 * The key of an object: prefix, ${path} and ${name} with slashes between.  0;
 * -ENAMETOOLONG; -EINVAL for an empty, "." or ".." part, which servers and
 * proxies on the way may take for a path.
 */
int s3_key(char ret[S3_KEY_MAX], const struct s3_place *p, const char *path,
	   const char *name);

/*
 * Percent-encode each byte but RFC 3986's unreserved ones and those of ${more}, as
 * far as it fits into ${cap} bytes with a NUL.  Bytes written.
 */
size_t s3_encode(char *ret, size_t cap, const char *text, const char *more);

/* The URL of ${key}: each byte but RFC 3986's unreserved ones and "/" encoded. */
void s3_url(char ret[S3_URL_MAX], const struct s3_place *p, const char *key);

enum s3_sse { S3_SSE_BUCKET, S3_SSE_S3, S3_SSE_KMS };
enum s3_lock { S3_LOCK_NONE, S3_LOCK_GOVERNANCE, S3_LOCK_COMPLIANCE };

/*
 * How the bucket shall keep the objects; zeroes: as it does by itself.  The
 * texts hold only printable ASCII and no blanks.
 */
struct s3_keeping {
	enum s3_sse sse;
	const char *kms_key;      /* id or ARN; NULL: the bucket's or the account's */
	const char *bucket_owner; /* account, 12 digits: refused when it is another's */
	enum s3_lock lock;
	unsigned lock_days;
	bool legal_hold;
	const char *storage_class;
	char tags[S3_TAGS_MAX];   /* "K=V&K=V", encoded */
	unsigned tag_count;
};

/* What one request's headers are made of. */
struct s3_request {
	time_t now;               /* the server's */
	const char *token;        /* session token or NULL */
	const uint8_t *sha256;    /* of the body; NULL: it is empty */
	const struct s3_keeping *keeping; /* NULL: nothing is asked */
	/* of an object that is put, as metadata: NULL, or not plain ASCII: left out */
	const char *case_id, *collection, *name;
};

/* The headers of one request. */
struct s3_headers {
	const char *line[S3_HEADERS];
	size_t count;
	bool full;                /* there was no room */
	char text[S3_TOKEN_MAX + 4096];
	size_t len;
};

/* Add "${name}: ${value}".  Where there is no room, ${h->full} is set. */
void s3_header(struct s3_headers *h, const char *name, const char *value);

/*
 * The headers that every request has: date, payload digest, token, expected
 * owner.  0, or -ENAMETOOLONG when the token is too long.
 */
int s3_headers_get(struct s3_headers *ret, const struct s3_request *req);

/*
 * And those of a PUT: the server checks the data, refuses when there is such an
 * object, and keeps it as it is asked to.  The same.
 */
int s3_headers_put(struct s3_headers *ret, const struct s3_request *req);

/* Append "KEY=VALUE" to the tags.  0; -EINVAL; -E2BIG: there are ten, or no room. */
int s3_tag(struct s3_keeping *k, const char *text);

/* What an answer means for the one who sent a PUT. */
enum s3_verdict {
	S3_STORED,
	S3_EXISTS,  /* there is an object of that key: If-None-Match */
	S3_RETRY,   /* busy or broken; the object was not stored */
	S3_UNSURE,  /* the same, but it may have been stored */
	S3_SKEWED,  /* our clock is wrong */
	S3_ELSEWHERE, /* the bucket is in another region */
	S3_EXPIRED, /* other credentials may do */
	S3_REFUSED, /* no use in trying again */
};

struct s3_refusal {
	char code[S3_CODE_MAX];       /* "NoSuchBucket"; "" when there is none */
	char message[160];            /* the server's, printable; may be "" */
	char region[S3_REGION_MAX];   /* where the bucket is, or "" */
};

/*
 * Read an error document: <Error><Code>...</Code><Message>...  False, and both
 * texts empty, when ${body} is none.
 */
bool s3_parse_error(struct s3_refusal *ret, const char *body, size_t len);

/* Judge an answer by its status and its error code. */
enum s3_verdict s3_judge(unsigned status, const char *code);

/*
 * One line for a person: "NoSuchBucket: the bucket does not exist".  ${region}
 * is where the server says that the bucket is, or "".
 */
void s3_explain(char ret[S3_ERROR_MAX], unsigned status,
		const struct s3_refusal *refusal, const char *region);

#endif
