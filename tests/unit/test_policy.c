/*
 * test_policy.c - requests that are signed for another to send: Amazon's own
 * published examples, and what must be in a policy.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "check.h"
#include "parse.h"
#include "policy.h"
#include "scope.h"

/* The credentials of the examples in Amazon's documentation. */
#define KEY "AKIAIOSFODNN7EXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

/* IAM User Guide, "Examples of how to derive a signing key". */
static void test_key(void)
{
	uint8_t key[POLICY_KEY_BYTES];
	char hex[65], long_secret[2000];

	policy_key(key, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam");
	parse_to_hex(hex, key, sizeof(key));
	CHECK(strcmp(hex, "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9") == 0,
	      "the documentation's signing key for iam: %s", hex);
	policy_key(key, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20120215", "us-east-1", "iam");
	parse_to_hex(hex, key, sizeof(key));
	CHECK(strcmp(hex, "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d") == 0,
	      "and the older one: %s", hex);
	memset(long_secret, 's', sizeof(long_secret) - 1);
	long_secret[sizeof(long_secret) - 1] = '\0';
	policy_key(key, long_secret, "20120215", "us-east-1", "iam");
	CHECK(true, "a secret that is far too long stays within its bounds");
}

/* S3 API Reference, "Example: Browser-Based Upload using HTTP POST". */
static void test_post_example(void)
{
	static const char document[] =
		"{ \"expiration\": \"2015-12-30T12:00:00.000Z\",\r\n"
		"  \"conditions\": [\r\n"
		"    {\"bucket\": \"sigv4examplebucket\"},\r\n"
		"    [\"starts-with\", \"$key\", \"user/user1/\"],\r\n"
		"    {\"acl\": \"public-read\"},\r\n"
		"    {\"success_action_redirect\": \"http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html\"},\r\n"
		"    [\"starts-with\", \"$Content-Type\", \"image/\"],\r\n"
		"    {\"x-amz-meta-uuid\": \"14365123651274\"},\r\n"
		"    {\"x-amz-server-side-encryption\": \"AES256\"},\r\n"
		"    [\"starts-with\", \"$x-amz-meta-tag\", \"\"],\r\n\r\n"
		"    {\"x-amz-credential\": \"AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request\"},\r\n"
		"    {\"x-amz-algorithm\": \"AWS4-HMAC-SHA256\"},\r\n"
		"    {\"x-amz-date\": \"20151229T000000Z\" }\r\n"
		"  ]\r\n"
		"}";
	char text[1024], signature[POLICY_SIGNATURE];
	uint8_t key[POLICY_KEY_BYTES];

	(void)sodium_bin2base64(text, sizeof(text), (const uint8_t *)document,
				strlen(document), sodium_base64_VARIANT_ORIGINAL);
	CHECK(strlen(text) == 864, "the example's policy has 864 characters of base64");
	policy_key(key, SECRET, "20151229", "us-east-1", "s3");
	policy_sign(signature, key, text);
	CHECK(strcmp(signature, "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e") == 0,
	      "the documentation's signature of a POST policy: %s", signature);
}

static const struct policy_signer signer = {
	.key = KEY, .secret = SECRET, .region = "us-east-1", .now = 1451347200, /* 2015-12-29 */
};

static void decode(const struct policy_post *p, char *ret, size_t cap)
{
	size_t len = 0;

	(void)sodium_base642bin((uint8_t *)ret, cap - 1, p->policy, strlen(p->policy), NULL,
				&len, NULL, sodium_base64_VARIANT_ORIGINAL);
	ret[len] = '\0';
}

static void test_post(void)
{
	static const struct policy_grant grant = {
		.bucket = "evidence", .prefix = "ir/CASE/", .size_max = 1000,
		.expires = 1451347200 + 3600,
	};
	static struct policy_post p, again;
	static char text[POLICY_TEXT_MAX], token[20000];
	struct policy_signer s = signer;
	struct policy_grant g = grant;

	CHECK(policy_post(&p, &s, &grant) == 0, "a policy is signed");
	decode(&p, text, sizeof(text));
	CHECK(strcmp(text, "{\"expiration\":\"2015-12-29T01:00:00.000Z\",\"conditions\":["
		     "{\"bucket\":\"evidence\"},[\"starts-with\",\"$key\",\"ir/CASE/\"],"
		     "[\"content-length-range\",0,1000],[\"starts-with\",\"$Content-MD5\",\"\"],"
		     "{\"Content-Type\":\"application/octet-stream\"},"
		     "{\"x-amz-algorithm\":\"AWS4-HMAC-SHA256\"},"
		     "{\"x-amz-credential\":\"" KEY "/20151229/us-east-1/s3/aws4_request\"},"
		     "{\"x-amz-date\":\"20151229T000000Z\"}]}") == 0, "and says this: %s", text);
	s.token = "to/ken==";
	g.sha256 = true;
	CHECK(policy_post(&again, &s, &g) == 0, "with a session's token");
	decode(&again, text, sizeof(text));
	CHECK(strstr(text, "{\"x-amz-security-token\":\"to/ken==\"}") != NULL &&
	      strstr(text, "[\"starts-with\",\"$x-amz-checksum-sha256\",\"\"],"
		     "{\"x-amz-sdk-checksum-algorithm\":\"SHA256\"}") != NULL &&
	      strstr(text, "MD5") == NULL, "the token and the SHA-256 are in it");
	CHECK(strcmp(p.signature, again.signature) != 0, "another policy, another signature");

	memset(token, 't', sizeof(token) - 1);
	s.token = token;
	CHECK(policy_post(&again, &s, &grant) == -ENAMETOOLONG, "a token that is too long");
	s.token = NULL;
	g.expires = s.now;
	CHECK(policy_post(&again, &s, &g) == -ERANGE, "a policy that is over before it begins");
	g.expires = s.now + POLICY_AGE_MAX;
	CHECK(policy_post(&again, &s, &g) == 0, "a policy for a week");
	g.expires++;
	CHECK(policy_post(&again, &s, &g) == -ERANGE, "none for longer");
}

/* S3 API Reference, "Authenticating Requests: Using Query Parameters". */
static void test_presign(void)
{
	static const char *const bad[] = {
		"http://h/k", "https://h", "https:///k", "https://h/k?a=b", "https://h?a", "",
	};
	struct policy_signer s = { .key = KEY, .secret = SECRET, .region = "us-east-1",
				   .now = 1369353600 };
	char url[2048], other[2048];

	CHECK(policy_presign(url, sizeof(url), &s, POLICY_GET,
			     "https://examplebucket.s3.amazonaws.com/test.txt", 86400) == 0 &&
	      strcmp(url, "https://examplebucket.s3.amazonaws.com/test.txt"
		     "?X-Amz-Algorithm=AWS4-HMAC-SHA256"
		     "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
		     "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
		     "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404") == 0,
	      "the documentation's presigned URL: %s", url);
	CHECK(policy_presign(other, sizeof(other), &s, POLICY_CREATE,
			     "https://examplebucket.s3.amazonaws.com/test.txt", 86400) == 0 &&
	      strcmp(url, other) != 0, "another method, another signature");
	CHECK(policy_presign(url, sizeof(url), &s, POLICY_CREATE,
			     "https://examplebucket.s3.amazonaws.com:443/test.txt", 86400) == 0 &&
	      strcmp(strstr(url, "Signature="), strstr(other, "Signature=")) == 0,
	      "the usual port is not signed");
	s.token = "to/k+en=";
	CHECK(policy_presign(url, sizeof(url), &s, POLICY_CREATE, "https://h/k", 60) == 0 &&
	      strstr(url, "&X-Amz-Security-Token=to%2Fk%2Ben%3D&X-Amz-SignedHeaders=host") != NULL,
	      "a token is encoded, and signed in its place");
	CHECK(strstr(url, "&X-Amz-SignedHeaders=host%3Bif-none-match&") != NULL,
	      "a PUT must ask that nothing be overwritten");
	for (size_t cap = 0; cap < 200; cap += 20)
		CHECK(policy_presign(url, cap, &s, POLICY_CREATE, "https://h/k", 60) == -ENOBUFS,
		      "no room: %zu bytes", cap);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(policy_presign(url, sizeof(url), &s, POLICY_CREATE, bad[i], 60) == -EINVAL,
		      "not signed: \"%s\"", bad[i]);
}

static void test_session(void)
{
	static const struct {
		const char *region, *prefix, *resource;
	} rows[] = {
		{ "eu-west-1", "ir/CASE/", "\"arn:aws:s3:::evidence/ir/CASE/*\"" },
		{ "cn-north-1", "CASE/", "\"arn:aws-cn:s3:::evidence/CASE/*\"" },
		{ "us-gov-west-1", "CASE/", "\"arn:aws-us-gov:s3:::evidence/CASE/*\"" },
		{ "eu-west-1", "a*b?c$d/", "\"arn:aws:s3:::evidence/a${*}b${?}c${$}d/*\"" },
	};
	char expected[512];
	struct buf out;

	if (buf_open(&out, 4096) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct policy_grant grant = { .bucket = "evidence", .prefix = rows[i].prefix };

		out.len = 0;
		(void)snprintf(expected, sizeof(expected), "{\"Version\":\"2012-10-17\","
			       "\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:PutObject\","
			       "\"Resource\":%s}]}", rows[i].resource);
		CHECK(policy_session(&out, rows[i].region, &grant) == 0 &&
		      out.len == strlen(expected) && memcmp(out.data, expected, out.len) == 0,
		      "only puts, only there: %.*s", (int)out.len, (const char *)out.data);
	}
	buf_free(&out);
}

int main(void)
{
	test_key();
	test_post_example();
	test_post();
	test_presign();
	test_session();
	return CHECK_DONE();
}
