/*
 * policy.c - S3 requests that a responder signs for a host to send.
 *
 * Reads and writes memory only; what it derives from a secret is wiped.
 */
#include "policy.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "parse.h"
#include "scope.h"

#define BASE64 sodium_base64_VARIANT_ORIGINAL
#define ALGORITHM "AWS4-HMAC-SHA256"
/* Base64 grows by a third. */
#define DOCUMENT_MAX (POLICY_TEXT_MAX / 4 * 3 - 3)

static void hmac(uint8_t ret[POLICY_KEY_BYTES], const void *key, size_t key_len,
		 const char *text)
{
	crypto_auth_hmacsha256_state state;

	(void)crypto_auth_hmacsha256_init(&state, key, key_len);
	(void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)text, strlen(text));
	(void)crypto_auth_hmacsha256_final(&state, ret);
	sodium_memzero(&state, sizeof(state));
}

void policy_key(uint8_t ret[POLICY_KEY_BYTES], const char *secret, const char *day,
		const char *region, const char *service)
{
	char first[512];

	/* What is longer than any secret is cut off: such a key signs nothing. */
	(void)snprintf(first, sizeof(first), "AWS4%s", secret);
	hmac(ret, first, strlen(first), day);
	sodium_memzero(first, sizeof(first));
	hmac(ret, ret, POLICY_KEY_BYTES, region);
	hmac(ret, ret, POLICY_KEY_BYTES, service);
	hmac(ret, ret, POLICY_KEY_BYTES, "aws4_request");
}

void policy_sign(char ret[POLICY_SIGNATURE], const uint8_t key[POLICY_KEY_BYTES],
		 const char *text)
{
	uint8_t mac[POLICY_KEY_BYTES];

	hmac(mac, key, POLICY_KEY_BYTES, text);
	parse_to_hex(ret, mac, sizeof(mac));
}

/* The signature of ${text} by ${s}, for S3. */
static void sign(char ret[POLICY_SIGNATURE], const struct policy_signer *s,
		 const char *date, const char *text)
{
	uint8_t key[POLICY_KEY_BYTES];
	char day[9];

	memcpy(day, date, 8);
	day[8] = '\0';
	policy_key(key, s->secret, day, s->region, "s3");
	policy_sign(ret, key, text);
	sodium_memzero(key, sizeof(key));
}

/* Date and scope of a signature. */
static int scope(const struct policy_signer *s, char date[POLICY_DATE],
		 char *ret, size_t cap)
{
	struct tm tm;
	int n;

	if (gmtime_r(&s->now, &tm) == NULL ||
	    strftime(date, POLICY_DATE, "%Y%m%dT%H%M%SZ", &tm) == 0)
		return -EOVERFLOW;
	n = snprintf(ret, cap, "%.8s/%s/s3/aws4_request", date, s->region);
	return n < 0 || (size_t)n >= cap ? -ENAMETOOLONG : 0;
}

static void equals(struct json *j, const char *field, const char *value)
{
	json_object(j, NULL);
	json_str(j, field, value);
	json_object_end(j);
}

static void begins(struct json *j, const char *field, const char *value)
{
	json_array(j, NULL);
	json_str(j, NULL, "starts-with");
	json_str(j, NULL, field);
	json_str(j, NULL, value);
	json_array_end(j);
}

static void write_conditions(struct json *j, const struct policy_signer *s,
			     const struct policy_grant *grant, const struct policy_post *p)
{
	equals(j, "bucket", grant->bucket);
	begins(j, "$key", grant->prefix);
	json_array(j, NULL);
	json_str(j, NULL, "content-length-range");
	json_u64(j, NULL, 0);
	json_u64(j, NULL, grant->size_max);
	json_array_end(j);
	if (grant->sha256) {
		begins(j, "$x-amz-checksum-sha256", "");
		equals(j, "x-amz-sdk-checksum-algorithm", "SHA256");
	} else {
		begins(j, "$Content-MD5", "");
	}
	equals(j, "Content-Type", "application/octet-stream");
	equals(j, "x-amz-algorithm", ALGORITHM);
	equals(j, "x-amz-credential", p->credential);
	equals(j, "x-amz-date", p->date);
	if (s->token != NULL)
		equals(j, "x-amz-security-token", s->token);
}

static int write_document(struct buf *out, const struct policy_signer *s,
			  const struct policy_grant *grant, const struct policy_post *p)
{
	char expiration[32];
	struct json j;
	struct tm tm;

	if (gmtime_r(&grant->expires, &tm) == NULL ||
	    strftime(expiration, sizeof(expiration), "%Y-%m-%dT%H:%M:%S.000Z", &tm) == 0)
		return -EOVERFLOW;
	json_open(&j, out);
	json_object(&j, NULL);
	json_str(&j, "expiration", expiration);
	json_array(&j, "conditions");
	write_conditions(&j, s, grant, p);
	json_array_end(&j);
	json_object_end(&j);
	return json_end(&j) < 0 ? -ENAMETOOLONG : 0;
}

int policy_post(struct policy_post *ret, const struct policy_signer *s,
		const struct policy_grant *grant)
{
	char where[POLICY_CREDENTIAL_MAX / 2];
	struct buf text;
	int r, n;

	if (grant->expires <= s->now || grant->expires - s->now > POLICY_AGE_MAX)
		return -ERANGE;
	memset(ret, 0, sizeof(*ret));
	r = scope(s, ret->date, where, sizeof(where));
	if (r < 0)
		return r;
	n = snprintf(ret->credential, sizeof(ret->credential), "%s/%s", s->key, where);
	if (n < 0 || (size_t)n >= sizeof(ret->credential))
		return -ENAMETOOLONG;
	if (buf_open(&text, DOCUMENT_MAX) < 0)
		return -ENOMEM;
	r = write_document(&text, s, grant, ret);
	if (r == 0) {
		(void)sodium_bin2base64(ret->policy, sizeof(ret->policy), text.data,
					text.len, BASE64);
		sign(ret->signature, s, ret->date, ret->policy);
	}
	sodium_memzero(text.data, text.len);
	buf_free(&text);
	return r;
}

/* Append ${text} percent-encoded as a value of a query (RFC 3986, no slash). */
static int add_encoded(struct buf *b, const char *text)
{
	int r = 0;

	for (; r == 0 && *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || strchr("-_.~", c) != NULL)
			r = buf_add(b, text, 1);
		else
			r = buf_addf(b, "%%%02X", c);
	}
	return r;
}

/* What is signed of a request, besides its path and its query. */
struct signed_part {
	const char *method, *headers, *names, *encoded;
};

static const struct signed_part parts[] = {
	[POLICY_GET] = { "GET", "", "host", "host" },
	/* Nobody who has the URL can overwrite an object by it. */
	[POLICY_CREATE] = { "PUT", "if-none-match:*\n", "host;if-none-match",
			    "host%3Bif-none-match" },
};

/* The query without its signature, in the order that is signed. */
static int add_query(struct buf *b, const struct policy_signer *s, const char *date,
		     const char *where, uint32_t valid_s)
{
	int r = buf_addf(b, "X-Amz-Algorithm=" ALGORITHM "&X-Amz-Credential=");

	if (r == 0)
		r = add_encoded(b, s->key);
	if (r == 0)
		r = buf_add(b, "%2F", 3);
	if (r == 0)
		r = add_encoded(b, where);
	if (r == 0)
		r = buf_addf(b, "&X-Amz-Date=%s&X-Amz-Expires=%u", date, valid_s);
	if (r == 0 && s->token != NULL)
		r = buf_addf(b, "&X-Amz-Security-Token=");
	if (r == 0 && s->token != NULL)
		r = add_encoded(b, s->token);
	return r;
}

/* What is signed: the digest of the canonical request and its scope. */
static int sign_request(char ret[POLICY_SIGNATURE], const struct policy_signer *s,
			const char *date, const char *where, const struct buf *request)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(hash) + 1], text[256];
	int n;

	(void)crypto_hash_sha256(hash, request->data, request->len);
	parse_to_hex(hex, hash, sizeof(hash));
	n = snprintf(text, sizeof(text), ALGORITHM "\n%s\n%s\n%s", date, where, hex);
	if (n < 0 || (size_t)n >= sizeof(text))
		return -ENAMETOOLONG;
	sign(ret, s, date, text);
	return 0;
}

int policy_presign(char *ret, size_t cap, const struct policy_signer *s,
		   enum policy_request what, const char *url, uint32_t valid_s)
{
	const struct signed_part *part = &parts[what];
	const char *host = url + strlen("https://"), *path;
	char date[POLICY_DATE], where[POLICY_CREDENTIAL_MAX / 2], signature[POLICY_SIGNATURE];
	struct buf out = { .data = (uint8_t *)ret, .cap = cap }, request;
	size_t host_len, query;
	int r;

	if (strncmp(url, "https://", strlen("https://")) != 0)
		return -EINVAL;
	path = host + strcspn(host, "/?");
	if (path == host || *path != '/' || strchr(path, '?') != NULL)
		return -EINVAL;
	host_len = (size_t)(path - host);
	/* No client sends the number of the usual port. */
	if (host_len > 4 && memcmp(path - 4, ":443", 4) == 0)
		host_len -= 4;
	r = scope(s, date, where, sizeof(where));
	if (r == 0)
		r = buf_addf(&out, "%s?", url);
	query = out.len;
	if (r == 0)
		r = add_query(&out, s, date, where, valid_s);
	if (r == 0)
		r = buf_addf(&out, "&X-Amz-SignedHeaders=%s", part->encoded);
	if (r < 0 || buf_open(&request, cap + 128) < 0)
		return r < 0 ? r : -ENOMEM;
	r = buf_addf(&request, "%s\n%s\n%.*s\nhost:%.*s\n%s\n%s\nUNSIGNED-PAYLOAD",
		     part->method, path, (int)(out.len - query), ret + query, (int)host_len,
		     host, part->headers, part->names);
	if (r == 0)
		r = sign_request(signature, s, date, where, &request);
	if (r == 0)
		r = buf_addf(&out, "&X-Amz-Signature=%s", signature);
	sodium_memzero(request.data, request.len);
	buf_free(&request);
	return r;
}

static const char *partition(const char *region)
{
	static const struct {
		const char *prefix, *name;
	} table[] = {
		{ "cn-", "aws-cn" }, { "us-gov-", "aws-us-gov" }, { "eusc-", "aws-eusc" },
		{ "us-iso-", "aws-iso" }, { "us-isob-", "aws-iso-b" },
		{ "eu-isoe-", "aws-iso-e" }, { "us-isof-", "aws-iso-f" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strncmp(region, table[i].prefix, strlen(table[i].prefix)) == 0)
			return table[i].name;
	return "aws";
}

int policy_session(struct buf *out, const char *region, const struct policy_grant *grant)
{
	char resource[4096];
	struct buf arn = { .data = (uint8_t *)resource, .cap = sizeof(resource) };
	struct json j;
	int r = buf_addf(&arn, "arn:%s:s3:::%s/", partition(region), grant->bucket);

	/* What means more than itself in a policy: IAM User Guide, policy variables. */
	for (const char *c = grant->prefix; r == 0 && *c != '\0'; c++)
		r = strchr("*?$", *c) != NULL ? buf_addf(&arn, "${%c}", *c) : buf_add(&arn, c, 1);
	if (r == 0)
		r = buf_add(&arn, "*", 2);
	if (r < 0)
		return r;
	json_open(&j, out);
	json_object(&j, NULL);
	json_str(&j, "Version", "2012-10-17");
	json_array(&j, "Statement");
	json_object(&j, NULL);
	json_str(&j, "Effect", "Allow");
	json_str(&j, "Action", "s3:PutObject");
	json_str(&j, "Resource", resource);
	json_object_end(&j);
	json_array_end(&j);
	json_object_end(&j);
	return json_end(&j);
}
