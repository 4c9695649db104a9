/*
 * test_s3.c - addresses, keys, headers and refusals of S3: pure functions, with
 * inputs as Amazon and Ceph send them and as an attacker would.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "s3.h"
#include "scope.h"

static void test_places(void)
{
	static const struct {
		const char *url, *region, *endpoint;
		bool path_style;
		const char *base, *prefix;
	} good[] = {
		{ "s3://evidence", "eu-west-1", NULL, false,
		  "https://evidence.s3.eu-west-1.amazonaws.com", "" },
		{ "s3://evidence/", "us-east-1", NULL, false,
		  "https://evidence.s3.us-east-1.amazonaws.com", "" },
		{ "s3://evidence/a/b//", "us-east-1", NULL, true,
		  "https://s3.us-east-1.amazonaws.com/evidence", "a/b" },
		{ "s3://with.dots/x", "us-east-1", NULL, false,
		  "https://s3.us-east-1.amazonaws.com/with.dots", "x" },
		{ "s3://evidence", "cn-north-1", NULL, false,
		  "https://evidence.s3.cn-north-1.amazonaws.com.cn", "" },
		{ "s3://evidence", "us-gov-west-1", NULL, false,
		  "https://evidence.s3.us-gov-west-1.amazonaws.com", "" },
		{ "s3://evidence", "eusc-de-east-1", NULL, false,
		  "https://evidence.s3.eusc-de-east-1.amazonaws.eu", "" },
		{ "s3://evidence", "us-isob-east-1", NULL, false,
		  "https://evidence.s3.us-isob-east-1.sc2s.sgov.gov", "" },
		{ "s3://evidence", "r", "https://s3.example:9000/", false,
		  "https://evidence.s3.example:9000", "" },
		{ "s3://evidence", "r", "https://s3.example:9000", true,
		  "https://s3.example:9000/evidence", "" },
		{ "s3://evidence", "r", "https://127.0.0.1:9000", false,
		  "https://127.0.0.1:9000/evidence", "" },
		{ "s3://evidence", "r", "https://[::1]:9000", false,
		  "https://[::1]:9000/evidence", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		char error[S3_ERROR_MAX] = "";
		struct s3_place p;
		int r = s3_place(&p, good[i].url, good[i].region, good[i].endpoint,
				 good[i].path_style, error);

		CHECK(r == 0 && strcmp(p.base, good[i].base) == 0 &&
		      strcmp(p.prefix, good[i].prefix) == 0,
		      "%s is at %s (%s %s)", good[i].url, good[i].base, p.base, error);
	}
}

static void test_bad_places(void)
{
	static const struct {
		const char *url, *region, *endpoint, *names;
	} bad[] = {
		{ "s3://", "r", NULL, "s3://" },
		{ "s3://ab", "r", NULL, "s3://ab" },
		{ "s3://Evidence", "r", NULL, "Evidence" },
		{ "s3://evi_dence", "r", NULL, "evi_dence" },
		{ "s3://-evidence", "r", NULL, "-evidence" },
		{ "s3://evidence-", "r", NULL, "evidence-" },
		{ "s3://evi..dence", "r", NULL, "evi..dence" },
		{ "s3://evil.example@evidence", "r", NULL, "evil" },
		{ "s3://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "r", NULL, "aaa" },
		{ "s3://evidence//a", "r", NULL, "/a" },
		{ "s3://evidence/a/../b", "r", NULL, "a/../b" },
		{ "s3://evidence/.", "r", NULL, "." },
		{ "s3://evidence/\xff", "r", NULL, "prefix" },
		{ "s3://evidence", "", NULL, "region" },
		{ "s3://evidence", "eu:west", NULL, "eu:west" },
		{ "s3://evidence", "r.evil.example/", NULL, "r.evil.example/" },
		{ "s3://evidence", "r", "http://127.0.0.1", "http://127.0.0.1" },
		{ "s3://evidence", "r", "https://", "https://" },
		{ "s3://evidence", "r", "https://u:p@host", "https://u:p@host" },
		{ "s3://evidence", "r", "https://host/path", "https://host/path" },
		{ "s3://evidence", "r", "https://host?x", "https://host?x" },
		{ "s3://evidence", "r", "https://host\r\nX: y", "--endpoint-url" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char error[S3_ERROR_MAX] = "";
		struct s3_place p;
		int r = s3_place(&p, bad[i].url, bad[i].region, bad[i].endpoint, false, error);

		CHECK(r == -EINVAL && strstr(error, bad[i].names) != NULL,
		      "refused, row %zu: %d", i, r);
	}
}

static void test_keys(void)
{
	char error[S3_ERROR_MAX], key[S3_KEY_MAX], name[S3_KEY_MAX + 8];
	static char url[S3_URL_MAX];
	struct s3_place p;

	CHECK(s3_place(&p, "s3://evidence/p", "r", "https://h", true, error) == 0, "a place");
	CHECK(s3_key(key, &p, "CASE/host", "evac.pub") == 0 &&
	      strcmp(key, "p/CASE/host/evac.pub") == 0, "the key has all parts");
	p.prefix[0] = '\0';
	CHECK(s3_key(key, &p, "CASE", "n") == 0 && strcmp(key, "CASE/n") == 0, "no prefix, no slash");
	CHECK(s3_key(key, &p, "CASE/..", "n") == -EINVAL, "no .. in a key");
	CHECK(s3_key(key, &p, "CASE//x", "n") == -EINVAL, "no empty part in a key");
	CHECK(s3_key(key, &p, "", "n") == -EINVAL, "no key that begins with a slash");
	memset(name, 'n', sizeof(name));
	name[1022] = '\0';
	CHECK(s3_key(key, &p, "C", name) == 0 && strlen(key) == 1024, "a key of 1024 bytes");
	name[1022] = 'n';
	name[1023] = '\0';
	CHECK(s3_key(key, &p, "C", name) == -ENAMETOOLONG, "none of 1025");

	s3_url(url, &p, "a/B-9_.~/x y+z%&=?#é\x01");
	CHECK(strcmp(url, "https://h/evidence/a/B-9_.~/x%20y%2Bz%25%26%3D%3F%23%C3%A9%01") == 0,
	      "encoded once, by RFC 3986: %s", url);
	memset(key, '\xff', 1024);
	key[1024] = '\0';
	s3_url(url, &p, key);
	CHECK(strlen(url) == strlen("https://h/evidence/") + 3 * 1024, "the longest key has its URL");
}

static void test_headers(void)
{
	/* SHA-256 of "abc": FIPS 180-4's example; in base64 by coreutils. */
	static const uint8_t abc[32] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
		0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
		0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
	};
	static const char *const expected[] = {
		"X-Amz-Date: 20130524T000000Z",
		"x-amz-content-sha256: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"x-amz-checksum-sha256: ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
		"x-amz-sdk-checksum-algorithm: SHA256",
		"If-None-Match: *",
		"Content-Type: application/octet-stream",
		"X-Amz-Security-Token: tok/en==",
	};
	static struct s3_headers h;
	char *token = calloc(1, 5000);

	CHECK(s3_headers(&h, abc, 1369353600, "tok/en==") == 0 &&
	      h.count == ARRAY_LEN(expected), "all headers");
	for (size_t i = 0; i < h.count; i++)
		CHECK(strcmp(h.line[i], expected[i]) == 0, "%s", expected[i]);
	CHECK(s3_headers(&h, abc, 0, NULL) == 0 && h.count == ARRAY_LEN(expected) - 1,
	      "no token, no header for it");
	if (token == NULL)
		return;
	memset(token, 't', 4999);
	CHECK(s3_headers(&h, abc, 0, token) == -ENAMETOOLONG, "a token that is too long");
	free(token);
}

static void test_documents(void)
{
	static const struct {
		const char *body, *code, *message;
		bool is_error;
	} rows[] = {
		/* Amazon's, Ceph's, one with a name space */
		{ "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchBucket</Code><Message>The specified "
		  "bucket does not exist</Message><BucketName>x</BucketName></Error>",
		  "NoSuchBucket", "The specified bucket does not exist", true },
		{ "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>AccessDenied</Code><Message></Message>"
		  "<RequestId>tx0</RequestId></Error>", "AccessDenied", "", true },
		{ "<Error xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Code>SlowDown</Code></Error>",
		  "SlowDown", "", true },
		{ "   \n  <Error><Code>InternalError</Code></Error>", "InternalError", "", true },
		{ "<Error><Code>A</Code><Message>a &lt;b&gt; &amp; &quot;c&apos; &bad; \x1b[31m\xc3\xa9\nz</Message></Error>",
		  "A", "a <b> & \"c' &bad; ?[31m?? z", true },
		{ "", "", "", false },
		{ "<html><body>Error</body></html>", "", "", false },
		{ "<Errors><Code>A</Code></Errors>", "", "", false },
		{ "<PutObjectResult/>", "", "", false },
		{ "<Error><Code>Cut", "", "", true },
		{ "<Error><Code>A</Code", "", "", true },
		{ "<Error", "", "", false },
		{ "<Error>", "", "", true },
		{ "<Error></Code><Code>", "", "", true },
	};
	struct s3_refusal refusal;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		/* A copy of just that size, so that the sanitizer sees a step over the end. */
		size_t len = strlen(rows[i].body);
		char *body = malloc(len > 0 ? len : 1);
		bool is;

		if (body == NULL)
			return;
		memcpy(body, rows[i].body, len);
		is = s3_parse_error(&refusal, body, len);
		CHECK(is == rows[i].is_error && strcmp(refusal.code, rows[i].code) == 0 &&
		      strcmp(refusal.message, rows[i].message) == 0,
		      "document %zu: \"%s\" \"%s\"", i, refusal.code, refusal.message);
		free(body);
	}
}

static void test_long_texts(void)
{
	struct s3_refusal refusal;
	char error[S3_ERROR_MAX];
	static char body[4096];
	size_t n = 0;

	n += (size_t)sprintf(body + n, "<Error><Code>");
	memset(body + n, 'C', 1000);
	n += 1000;
	n += (size_t)sprintf(body + n, "</Code><Message>");
	memset(body + n, 'M', 1000);
	n += 1000;
	n += (size_t)sprintf(body + n, "</Message></Error>");
	CHECK(s3_parse_error(&refusal, body, n) && strlen(refusal.code) == sizeof(refusal.code) - 1 &&
	      strlen(refusal.message) == sizeof(refusal.message) - 1, "long texts are cut");
	s3_explain(error, 400, &refusal, "");
	CHECK(strlen(error) < sizeof(error), "and explained");
}

static void test_verdicts(void)
{
	static const struct {
		unsigned status;
		const char *code;
		enum s3_verdict verdict;
	} rows[] = {
		{ 200, "", S3_STORED },
		{ 204, "", S3_STORED },
		{ 200, "InternalError", S3_UNSURE },
		{ 200, "SomethingNew", S3_UNSURE },
		{ 412, "PreconditionFailed", S3_EXISTS },
		{ 412, "", S3_EXISTS },
		{ 409, "ConditionalRequestConflict", S3_RETRY },
		{ 503, "SlowDown", S3_RETRY },
		{ 503, "", S3_RETRY },
		{ 429, "", S3_RETRY },
		{ 400, "RequestTimeout", S3_RETRY },
		{ 400, "BadDigest", S3_RETRY },
		{ 400, "XAmzContentSHA256Mismatch", S3_RETRY },
		{ 500, "InternalError", S3_UNSURE },
		{ 500, "", S3_UNSURE },
		{ 502, "", S3_UNSURE },
		{ 504, "", S3_UNSURE },
		{ 501, "NotImplemented", S3_REFUSED },
		{ 403, "RequestTimeTooSkewed", S3_SKEWED },
		{ 403, "AccessDenied", S3_REFUSED },
		{ 403, "SomethingNew", S3_REFUSED },
		{ 403, "", S3_REFUSED },
		{ 404, "NoSuchBucket", S3_REFUSED },
		{ 400, "ExpiredToken", S3_REFUSED },
		{ 400, "EntityTooLarge", S3_REFUSED },
		{ 301, "PermanentRedirect", S3_REFUSED },
		{ 307, "", S3_REFUSED },
		{ 101, "", S3_REFUSED },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK(s3_judge(rows[i].status, rows[i].code) == rows[i].verdict,
		      "%u \"%s\"", rows[i].status, rows[i].code);
}

static void test_explanations(void)
{
	static const struct {
		unsigned status;
		const char *code, *message, *region, *text;
	} rows[] = {
		{ 404, "NoSuchBucket", "", "", "NoSuchBucket: the bucket does not exist" },
		{ 403, "AccessDenied", "Access Denied", "",
		  "AccessDenied: the credentials may not put objects there" },
		{ 403, "AccessDenied", "User: arn:x is not authorized to perform: s3:PutObject", "",
		  "AccessDenied: User: arn:x is not authorized to perform: s3:PutObject" },
		{ 400, "Odd", "an odd thing", "", "Odd: an odd thing" },
		{ 400, "Odd", "", "", "Odd (HTTP status 400)" },
		{ 502, "", "", "", "HTTP status 502" },
		{ 301, "PermanentRedirect", "", "eu-west-1",
		  "PermanentRedirect: the bucket is in another region (it is in eu-west-1)" },
		{ 400, "AuthorizationHeaderMalformed", "", "eu-west-1",
		  "AuthorizationHeaderMalformed: the region is wrong (it is in eu-west-1)" },
		{ 403, "AccessDenied", "", "eu-west-1",
		  "AccessDenied: the credentials may not put objects there" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct s3_refusal refusal;
		char text[S3_ERROR_MAX];

		(void)snprintf(refusal.code, sizeof(refusal.code), "%s", rows[i].code);
		(void)snprintf(refusal.message, sizeof(refusal.message), "%s", rows[i].message);
		s3_explain(text, rows[i].status, &refusal, rows[i].region);
		CHECK(strcmp(text, rows[i].text) == 0, "\"%s\" (%s)", rows[i].text, text);
	}
}

int main(void)
{
	test_places();
	test_bad_places();
	test_keys();
	test_headers();
	test_documents();
	test_long_texts();
	test_verdicts();
	test_explanations();
	return CHECK_DONE();
}
