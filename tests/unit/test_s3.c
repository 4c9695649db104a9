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
#include "s3_list.h"
#include "scope.h"

static void test_places(void)
{
	static const struct {
		const char *url, *region, *endpoint;
		bool path_style;
		const char *base, *prefix;
		bool dualstack, fips;
	} good[] = {
		{ "s3://evidence", "eu-west-1", NULL, false,
		  "https://evidence.s3.eu-west-1.amazonaws.com", "", false, false },
		{ "s3://evidence/", "us-east-1", NULL, false,
		  "https://evidence.s3.us-east-1.amazonaws.com", "", false, false },
		{ "s3://evidence/a/b//", "us-east-1", NULL, true,
		  "https://s3.us-east-1.amazonaws.com/evidence", "a/b", false, false },
		{ "s3://with.dots/x", "us-east-1", NULL, false,
		  "https://s3.us-east-1.amazonaws.com/with.dots", "x", false, false },
		{ "s3://evidence", "cn-north-1", NULL, false,
		  "https://evidence.s3.cn-north-1.amazonaws.com.cn", "", false, false },
		{ "s3://evidence", "us-gov-west-1", NULL, false,
		  "https://evidence.s3.us-gov-west-1.amazonaws.com", "", false, false },
		{ "s3://evidence", "eusc-de-east-1", NULL, false,
		  "https://evidence.s3.eusc-de-east-1.amazonaws.eu", "", false, false },
		{ "s3://evidence", "us-isob-east-1", NULL, false,
		  "https://evidence.s3.us-isob-east-1.sc2s.sgov.gov", "", false, false },
		{ "s3://evidence", "r", "https://s3.example:9000/", false,
		  "https://evidence.s3.example:9000", "", false, false },
		{ "s3://evidence", "r", "https://s3.example:9000", true,
		  "https://s3.example:9000/evidence", "", false, false },
		{ "s3://evidence", "r", "https://127.0.0.1:9000", false,
		  "https://127.0.0.1:9000/evidence", "", false, false },
		{ "s3://evidence", "r", "https://[::1]:9000", false,
		  "https://[::1]:9000/evidence", "", false, false },
		{ "s3://evidence", "r", "https://bucket.vpce-0a1b-2c3d.s3.eu-west-1.vpce.amazonaws.com", false,
		  "https://evidence.bucket.vpce-0a1b-2c3d.s3.eu-west-1.vpce.amazonaws.com", "", false, false },
		/* botocore 1.43.11 has the same for these */
		{ "s3://evidence", "us-east-1", NULL, false,
		  "https://evidence.s3.dualstack.us-east-1.amazonaws.com", "", true, false },
		{ "s3://evidence", "us-east-1", NULL, false,
		  "https://evidence.s3-fips.us-east-1.amazonaws.com", "", false, true },
		{ "s3://evidence", "us-gov-west-1", NULL, false,
		  "https://evidence.s3-fips.dualstack.us-gov-west-1.amazonaws.com", "", true, true },
		{ "s3://evidence", "cn-north-1", NULL, false,
		  "https://evidence.s3.dualstack.cn-north-1.amazonaws.com.cn", "", true, false },
		{ "s3://evidence", "us-iso-east-1", NULL, false,
		  "https://evidence.s3-fips.us-iso-east-1.c2s.ic.gov", "", false, true },
		{ "s3://evidence", "eu-isoe-west-1", NULL, false,
		  "https://evidence.s3.eu-isoe-west-1.cloud.adc-e.uk", "", false, false },
		{ "s3://evidence", "us-isof-south-1", NULL, false,
		  "https://evidence.s3-fips.us-isof-south-1.csp.hci.ic.gov", "", false, true },
		{ "s3://with.dots", "eusc-de-east-1", NULL, false,
		  "https://s3.dualstack.eusc-de-east-1.amazonaws.eu/with.dots", "", true, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		char error[S3_ERROR_MAX] = "";
		struct s3_place p;
		const struct s3_reach reach = {
			.region = good[i].region, .endpoint = good[i].endpoint,
			.path_style = good[i].path_style, .dualstack = good[i].dualstack,
			.fips = good[i].fips,
		};
		int r = s3_place(&p, good[i].url, &reach, error);

		CHECK(r == 0 && strcmp(p.base, good[i].base) == 0 &&
		      strcmp(p.prefix, good[i].prefix) == 0,
		      "%s is at %s (%s %s)", good[i].url, good[i].base, p.base, error);
	}
}

static void test_bad_places(void)
{
	static const struct {
		const char *url, *region, *endpoint, *names;
		bool dualstack, fips;
	} bad[] = {
		{ "s3://", "r", NULL, "s3://", false, false },
		{ "s3://ab", "r", NULL, "s3://ab", false, false },
		{ "s3://Evidence", "r", NULL, "Evidence", false, false },
		{ "s3://evi_dence", "r", NULL, "evi_dence", false, false },
		{ "s3://-evidence", "r", NULL, "-evidence", false, false },
		{ "s3://evidence-", "r", NULL, "evidence-", false, false },
		{ "s3://evi..dence", "r", NULL, "evi..dence", false, false },
		{ "s3://evil.example@evidence", "r", NULL, "evil", false, false },
		{ "s3://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "r", NULL, "aaa", false, false },
		{ "s3://evidence//a", "r", NULL, "/a", false, false },
		{ "s3://evidence/a/../b", "r", NULL, "a/../b", false, false },
		{ "s3://evidence/.", "r", NULL, ".", false, false },
		{ "s3://evidence/\xff", "r", NULL, "prefix", false, false },
		{ "s3://evidence", "", NULL, "region", false, false },
		{ "s3://evidence", "eu:west", NULL, "eu:west", false, false },
		{ "s3://evidence", "r.evil.example/", NULL, "r.evil.example/", false, false },
		{ "s3://evidence", "r", "http://127.0.0.1", "http://127.0.0.1", false, false },
		{ "s3://evidence", "r", "https://", "https://", false, false },
		{ "s3://evidence", "r", "https://u:p@host", "https://u:p@host", false, false },
		{ "s3://evidence", "r", "https://host/path", "https://host/path", false, false },
		{ "s3://evidence", "r", "https://host?x", "https://host?x", false, false },
		{ "s3://evidence", "r", "https://host\r\nX: y", "--endpoint-url", false, false },
		{ "s3://evidence", "cn-north-1", NULL, "--fips", false, true },
		{ "s3://evidence", "eu-isoe-west-1", NULL, "--dualstack", true, false },
		{ "s3://evidence", "r", "https://host", "--dualstack", true, false },
		{ "s3://evidence", "r", "https://host", "--fips", false, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char error[S3_ERROR_MAX] = "";
		struct s3_place p;
		const struct s3_reach reach = {
			.region = bad[i].region, .endpoint = bad[i].endpoint,
			.dualstack = bad[i].dualstack, .fips = bad[i].fips,
		};
		int r = s3_place(&p, bad[i].url, &reach, error);

		CHECK(r == -EINVAL && strstr(error, bad[i].names) != NULL,
		      "refused, row %zu: %d", i, r);
	}
}

static void test_moves(void)
{
	struct s3_reach reach = { .region = "us-east-1", .fips = true };
	char error[S3_ERROR_MAX];
	struct s3_place p;

	CHECK(s3_place(&p, "s3://evidence/p", &reach, error) == 0, "a place");
	CHECK(s3_place_move(&p, "eu-west-1") == 0 &&
	      strcmp(p.base, "https://evidence.s3-fips.eu-west-1.amazonaws.com") == 0 &&
	      strcmp(p.region, "eu-west-1") == 0 && strcmp(p.prefix, "p") == 0,
	      "another region is another endpoint of the same kind");
	CHECK(s3_place_move(&p, "eu-west-1") == -EALREADY, "not to where it is");
	CHECK(s3_place_move(&p, "") == -EINVAL, "not to nowhere");
	CHECK(s3_place_move(&p, "evil.example/") == -EINVAL, "not to a host");
	CHECK(s3_place_move(&p, "cn-north-1") == -EINVAL, "not to another partition");
	CHECK(strcmp(p.region, "eu-west-1") == 0, "and what is refused changes nothing");
	reach = (struct s3_reach){ .region = "r", .endpoint = "https://h:1" };
	CHECK(s3_place(&p, "s3://evidence", &reach, error) == 0 &&
	      s3_place_move(&p, "eu-west-1") == 0 && strcmp(p.region, "eu-west-1") == 0 &&
	      strcmp(p.base, "https://evidence.h:1") == 0,
	      "an endpoint that was given stays, and only the signature changes");
}

static void test_keys(void)
{
	const struct s3_reach reach = { .region = "r", .endpoint = "https://h", .path_style = true };
	char error[S3_ERROR_MAX], key[S3_KEY_MAX], name[S3_KEY_MAX + 8];
	static char url[S3_URL_MAX];
	struct s3_place p;

	CHECK(s3_place(&p, "s3://evidence/p", &reach, error) == 0, "a place");
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
		"X-Amz-Security-Token: tok/en==",
		"x-amz-expected-bucket-owner: 123456789012",
		"x-amz-checksum-sha256: ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
		"x-amz-sdk-checksum-algorithm: SHA256",
		"If-None-Match: *",
		"Content-Type: application/octet-stream",
		"x-amz-meta-evac-case: 2026-017",
		"x-amz-meta-evac-segment: 0000-volatile.tar.zst.age",
		"x-amz-meta-evac-sha256: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"x-amz-server-side-encryption: aws:kms",
		"x-amz-server-side-encryption-aws-kms-key-id: alias/evidence",
		"x-amz-object-lock-mode: COMPLIANCE",
		"x-amz-object-lock-retain-until-date: 2013-05-31T00:00:00Z",
		"x-amz-object-lock-legal-hold: ON",
		"x-amz-storage-class: STANDARD_IA",
		"x-amz-tagging: case=a%20b%26c&%C3%A9=",
	};
	struct s3_keeping k = {
		.sse = S3_SSE_KMS, .kms_key = "alias/evidence", .bucket_owner = "123456789012",
		.lock = S3_LOCK_COMPLIANCE, .lock_days = 7, .legal_hold = true,
		.storage_class = "STANDARD_IA",
	};
	struct s3_request req = {
		.now = 1369353600, .token = "tok/en==", .sha256 = abc, .keeping = &k,
		.case_id = "2026-017", .collection = "not plain", .name = "0000-volatile.tar.zst.age",
	};
	static struct s3_headers h;
	char *token = calloc(1, 5000);

	CHECK(s3_tag(&k, "case=a b&c") == 0 && s3_tag(&k, "\xc3\xa9=") == 0, "two tags");
	CHECK(s3_headers_put(&h, &req) == 0 && h.count == ARRAY_LEN(expected), "all headers");
	for (size_t i = 0; i < h.count && i < ARRAY_LEN(expected); i++)
		CHECK(strcmp(h.line[i], expected[i]) == 0, "%s (%s)", expected[i], h.line[i]);
	req = (struct s3_request){ .now = 1369353600 };
	CHECK(s3_headers_get(&h, &req) == 0 && h.count == 2 && strcmp(h.line[1],
	      "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855") == 0,
	      "nothing but the date and the digest of nothing");
	if (token == NULL)
		return;
	memset(token, 't', 4999);
	req.token = token;
	CHECK(s3_headers_put(&h, &req) == -ENAMETOOLONG, "a token that is too long");
	free(token);
}

static void test_tags(void)
{
	struct s3_keeping k = { .tag_count = 0 };
	char text[512];

	CHECK(s3_tag(&k, "no value") == -EINVAL && s3_tag(&k, "=v") == -EINVAL &&
	      s3_tag(&k, "k=\xff") == -EINVAL && k.tags[0] == '\0', "what is no tag");
	memset(text, '&', sizeof(text));
	text[129] = '=';
	text[140] = '\0';
	CHECK(s3_tag(&k, text) == -EINVAL, "a key of 129");
	for (unsigned i = 0; i < 10; i++) {
		(void)snprintf(text, sizeof(text), "k%u=v", i);
		CHECK(s3_tag(&k, text) == 0, "tag %u", i);
	}
	CHECK(s3_tag(&k, "k=v") == -E2BIG, "no eleventh");
	memset(&k, 0, sizeof(k));
	memset(text, '&', sizeof(text));
	text[1] = '=';
	text[258] = '\0';
	CHECK(s3_tag(&k, text) == 0 && s3_tag(&k, text) == 0 && strlen(k.tags) == 2 * 772 + 1 &&
	      s3_tag(&k, text) == -E2BIG && strlen(k.tags) == 2 * 772 + 1,
	      "as many as there is room for (%zu)", strlen(k.tags));
}

struct seen {
	unsigned count;
	uint64_t bytes;
	char keys[256], etag[S3_ETAG_MAX];
};

static int see(void *arg, const struct s3_listed *object)
{
	struct seen *seen = arg;
	size_t len = strlen(seen->keys);

	seen->count++;
	seen->bytes += object->size;
	(void)snprintf(seen->keys + len, sizeof(seen->keys) - len, "%s|", object->key);
	(void)snprintf(seen->etag, sizeof(seen->etag), "%s", object->etag);
	return 0;
}

static void test_listings(void)
{
#define BEGIN "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
	static const struct {
		const char *body;
		int r;
		unsigned count;
		uint64_t bytes;
		const char *keys, *cursor;
	} rows[] = {
		{ BEGIN "<IsTruncated>true</IsTruncated><NextContinuationToken>a/b=&amp;</NextContinuationToken>"
		  "<Contents><Key>p/a%20b</Key><ETag>&quot;e&quot;</ETag><Size>5</Size></Contents>"
		  "<Contents><Key>p/%C3%A9+%2b</Key><Size>7</Size></Contents></ListBucketResult>",
		  0, 2, 12, "p/a b|p/\xc3\xa9 +|", "a/b=&" },
		{ BEGIN "<IsTruncated>false</IsTruncated></ListBucketResult>", 0, 0, 0, "", "" },
		{ BEGIN "<IsTruncated>false</IsTruncated><NextContinuationToken>x</NextContinuationToken>"
		  "</ListBucketResult>", 0, 0, 0, "", "" },
		{ BEGIN "<IsTruncated>true</IsTruncated></ListBucketResult>", -EBADMSG, 0, 0, "", "" },
		{ BEGIN "<IsTruncated>false</IsTruncated>", -EBADMSG, 0, 0, "", NULL },
		{ BEGIN "<Contents><Key>a</Key></Contents></ListBucketResult>", -EBADMSG, 0, 0, "", NULL },
		{ BEGIN "<Contents><Key>a%</Key><Size>1</Size></Contents></ListBucketResult>", -EBADMSG, 0, 0, "", NULL },
		{ BEGIN "<Contents><Key>a%00</Key><Size>1</Size></Contents></ListBucketResult>", -EBADMSG, 0, 0, "", NULL },
		{ BEGIN "<Contents><Size>1</Size></Contents></ListBucketResult>", -EBADMSG, 0, 0, "", NULL },
		{ BEGIN "<Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>", -EBADMSG, 0, 0, "", NULL },
		{ BEGIN "<Contents><Key>a</Key><Size>1</Size></ListBucketResult>", -EBADMSG, 0, 0, "", NULL },
		{ "<Error><Code>AccessDenied</Code></Error>", -EBADMSG, 0, 0, "", NULL },
		{ "", -EBADMSG, 0, 0, "", NULL },
	};
	char query[S3_QUERY_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = strlen(rows[i].body);
		char cursor[S3_CURSOR_MAX] = "", *body = malloc(len > 0 ? len : 1);
		struct seen seen = { .count = 0 };
		int r;

		if (body == NULL)
			return;
		memcpy(body, rows[i].body, len);
		r = s3_list_parse(body, len, cursor, see, &seen);
		CHECK(r == rows[i].r && seen.count == rows[i].count && seen.bytes == rows[i].bytes &&
		      strcmp(seen.keys, rows[i].keys) == 0 &&
		      (rows[i].cursor == NULL || strcmp(cursor, rows[i].cursor) == 0),
		      "listing %zu: %d, %u objects, %s", i, r, seen.count, seen.keys);
		free(body);
	}
	s3_list_query(query, "a/b c", "");
	CHECK(strcmp(query, "encoding-type=url&list-type=2&prefix=a%2Fb%20c") == 0, "%s", query);
	s3_list_query(query, "", "t=/");
	CHECK(strcmp(query, "continuation-token=t%3D%2F&encoding-type=url&list-type=2&prefix=") == 0, "%s", query);
}

static void test_documents(void)
{
	static const struct {
		const char *body, *code, *message;
		bool is_error;
		const char *region;
	} rows[] = {
		/* Amazon's, Ceph's, one with a name space */
		{ "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchBucket</Code><Message>The specified "
		  "bucket does not exist</Message><BucketName>x</BucketName></Error>",
		  "NoSuchBucket", "The specified bucket does not exist", true, NULL },
		{ "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>AccessDenied</Code><Message></Message>"
		  "<RequestId>tx0</RequestId></Error>", "AccessDenied", "", true, NULL },
		{ "<Error xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Code>SlowDown</Code></Error>",
		  "SlowDown", "", true, NULL },
		{ "   \n  <Error><Code>InternalError</Code></Error>", "InternalError", "", true, NULL },
		{ "<Error><Code>A</Code><Message>a &lt;b&gt; &amp; &quot;c&apos; &bad; \x1b[31m\xc3\xa9\nz</Message></Error>",
		  "A", "a <b> & \"c' &bad; ?[31m?? z", true, NULL },
		{ "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>",
		  "AuthorizationHeaderMalformed", "", true, "eu-west-1" },
		{ "", "", "", false, NULL },
		{ "<html><body>Error</body></html>", "", "", false, NULL },
		{ "<Errors><Code>A</Code></Errors>", "", "", false, NULL },
		{ "<PutObjectResult/>", "", "", false, NULL },
		{ "<Error><Code>Cut", "", "", true, NULL },
		{ "<Error><Code>A</Code", "", "", true, NULL },
		{ "<Error", "", "", false, NULL },
		{ "<Error>", "", "", true, NULL },
		{ "<Error></Code><Code>", "", "", true, NULL },
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
		      strcmp(refusal.message, rows[i].message) == 0 &&
		      strcmp(refusal.region, rows[i].region != NULL ? rows[i].region : "") == 0,
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
		{ 400, "ExpiredToken", S3_EXPIRED },
		{ 403, "InvalidAccessKeyId", S3_EXPIRED },
		{ 400, "AuthorizationHeaderMalformed", S3_ELSEWHERE },
		{ 400, "EntityTooLarge", S3_REFUSED },
		{ 301, "PermanentRedirect", S3_ELSEWHERE },
		{ 307, "", S3_ELSEWHERE },
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
	test_moves();
	test_bad_places();
	test_keys();
	test_headers();
	test_tags();
	test_listings();
	test_documents();
	test_long_texts();
	test_verdicts();
	test_explanations();
	return CHECK_DONE();
}
