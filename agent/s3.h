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
#define S3_HEADERS 7
#define S3_TOKEN_MAX 4096

/* A bucket and how it is reached. */
struct s3_place {
	char bucket[S3_BUCKET_MAX];
	char region[S3_REGION_MAX];
	char prefix[S3_KEY_MAX];  /* of all keys: "" or "a/b", no slash at the ends */
	char base[S3_HOST_MAX];   /* "https://HOST" or "https://HOST/BUCKET" */
};

/*
 * Find the place of ${url}, "s3://BUCKET[/PREFIX]".  ${endpoint} is "https://HOST[:PORT]"
 * or NULL for Amazon's.  The bucket stands in the host name, or in the path where
 * ${path_style} asks for it or the host is an address or the bucket has a dot (no
 * wildcard certificate covers that).  0; -EINVAL and ${error} names what is wrong.
 */
int s3_place(struct s3_place *ret, const char *url, const char *region,
	     const char *endpoint, bool path_style, char error[S3_ERROR_MAX]);

/*
 * The key of an object: prefix, ${path} and ${name} with slashes between.  0;
 * -ENAMETOOLONG; -EINVAL for an empty, "." or ".." part, which servers and
 * proxies on the way may take for a path.
 */
int s3_key(char ret[S3_KEY_MAX], const struct s3_place *p, const char *path,
	   const char *name);

/* The URL of ${key}: each byte but RFC 3986's unreserved ones and "/" encoded. */
void s3_url(char ret[S3_URL_MAX], const struct s3_place *p, const char *key);

/* The headers of one PUT. */
struct s3_headers {
	const char *line[S3_HEADERS];
	size_t count;
	char date[48], payload[96], checksum[80];
	char token[S3_TOKEN_MAX];
};

/*
 * Make the headers for data with this ${sha256}.  ${now} is the server's time;
 * ${token} the temporary credentials' session token or NULL.  The server
 * checks the data, and refuses when there is such an object.  0, or
 * -ENAMETOOLONG for the token.
 */
int s3_headers(struct s3_headers *ret, const uint8_t sha256[32], time_t now,
	       const char *token);

/* What an answer means for the one who sent a PUT. */
enum s3_verdict {
	S3_STORED,
	S3_EXISTS,  /* there is an object of that key: If-None-Match */
	S3_RETRY,   /* busy or broken; the object was not stored */
	S3_UNSURE,  /* the same, but it may have been stored */
	S3_SKEWED,  /* our clock is wrong */
	S3_REFUSED, /* no use in trying again */
};

struct s3_refusal {
	char code[S3_CODE_MAX];       /* "NoSuchBucket"; "" when there is none */
	char message[160];            /* the server's, printable; may be "" */
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
