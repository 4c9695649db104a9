/*
 * policy.h - S3 requests that a responder signs for a host to send: POST
 * policies, presigned URLs, session policies.  No I/O.
 */
#ifndef POLICY_H
#define POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct buf;

#define POLICY_KEY_BYTES 32
#define POLICY_SIGNATURE 65        /* hexadecimal, with its NUL */
#define POLICY_TEXT_MAX 12288      /* S3 takes 20 KB of form fields */
#define POLICY_CREDENTIAL_MAX 256
#define POLICY_DATE 17             /* "20151229T000000Z" and its NUL */
#define POLICY_AGE_MAX (7 * 86400) /* seconds; a signing key lives no longer */

/* Who signs.  ${token} NULL: permanent credentials. */
struct policy_signer {
	const char *key, *secret, *token;
	const char *region;
	time_t now;
};

/* What an upload may do. */
struct policy_grant {
	const char *bucket;
	const char *prefix;    /* of the keys, with its last slash */
	uint64_t size_max;     /* bytes of one object */
	time_t expires;
	bool sha256;           /* a POST carries x-amz-checksum-sha256, not Content-MD5 */
};

/* What a presigned URL is for. */
enum policy_request {
	POLICY_GET,
	POLICY_CREATE, /* a PUT, which must have the header "If-None-Match: *" */
};

/*
 * The form of POST uploads (Amazon S3 API Reference, "Browser-Based Uploads
 * Using POST (AWS Signature Version 4)").  The form's other fields are "key",
 * the signer's token, and those of the upload.
 */
struct policy_post {
	char policy[POLICY_TEXT_MAX];  /* base64 */
	char credential[POLICY_CREDENTIAL_MAX];
	char date[POLICY_DATE];
	char signature[POLICY_SIGNATURE];
};

/*
 * The signing key of Signature Version 4, which is valid for one ${day}
 * ("20151229"), region and service.  The caller wipes it.
 */
void policy_key(uint8_t ret[POLICY_KEY_BYTES], const char *secret, const char *day,
		const char *region, const char *service);

/* HMAC-SHA256 of ${text} in hexadecimal. */
void policy_sign(char ret[POLICY_SIGNATURE], const uint8_t key[POLICY_KEY_BYTES],
		 const char *text);

/*
 * Sign a policy: uploads of at most ${size_max} bytes to keys that begin with
 * the prefix, each with a digest that the server checks, until it expires.
 * Amazon checks Content-MD5 and documents no field for a SHA-256 that is not
 * known yet; Ceph checks the SHA-256 and ignores Content-MD5.  0;
 * -ENAMETOOLONG; -ERANGE when it would be valid for more than POLICY_AGE_MAX.
 */
int policy_post(struct policy_post *ret, const struct policy_signer *s,
		const struct policy_grant *grant);

/*
 * Sign ${url} ("https://HOST/KEY", percent-encoded, without a query) for
 * ${what} during ${valid_s} seconds, with any content.  Headers of the names
 * x-amz-* may not come along.  Writes the URL with its query, which ends with
 * "&X-Amz-Signature=" and 64 digits.  0; -ENOBUFS; -EINVAL for the URL.
 */
int policy_presign(char *ret, size_t cap, const struct policy_signer *s,
		   enum policy_request what, const char *url, uint32_t valid_s);

/*
 * An IAM session policy as JSON text: nothing but putting objects whose keys
 * begin with the prefix.  0 or -ENOBUFS.
 */
int policy_session(struct buf *out, const char *region, const struct policy_grant *grant);

#endif
