/*
 * test_imds.c - the instance metadata service: what it may answer, and where
 * it may be. No network: tests/s3/test_client.sh has one.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "check.h"
#include "http.h"
#include "imds.h"
#include "scope.h"

/* EC2 User Guide, "Retrieve security credentials from instance metadata": its example. */
#define GOOD "{\"Code\" : \"Success\", \"LastUpdated\" : \"2012-04-26T16:39:16Z\", \"Type\" : \"AWS-HMAC\"," \
	     "\"AccessKeyId\" : \"ASIAIOSFODNN7EXAMPLE\", \"SecretAccessKey\" : \"wJalrXUtnFEMI/K7MDENG\"," \
	     "\"Token\" : \"tok/en+==\", \"Expiration\" : \"2017-05-17T15:09:54Z\"}"

/* A copy of just its size, so that the sanitizer sees a step over the end. */
static int parse(const char *text, struct credentials **ret, bool *ret_wiped)
{
	size_t len = strlen(text);
	char *copy = malloc(len > 0 ? len : 1);
	int r;

	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, text, len);
	r = imds_parse(copy, len, ret);
	*ret_wiped = sodium_is_zero((const unsigned char *)copy, len) == 1;
	free(copy);
	return r;
}

static void test_documents(void)
{
	static const char *const bad[] = {
		"",
		"{",
		"null",
		"[]",
		"{}",
		"<html>",
		"{\"Code\":\"Failed\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Token\":\"t\"}",
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\"}",
		"{\"AccessKeyId\":\"A\",\"Token\":\"t\"}",
		"{\"AccessKeyId\":1,\"SecretAccessKey\":\"s\",\"Token\":\"t\"}",
		"{\"AccessKeyId\":\"A\\r\\nX: y\",\"SecretAccessKey\":\"s\",\"Token\":\"t\"}",
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Token\":\"t\\u0000u\"}",
		"{\"AccessKeyId\":\"\",\"SecretAccessKey\":\"s\",\"Token\":\"t\"}",
	};
	struct credentials *c = NULL;
	bool wiped;

	CHECK(parse(GOOD, &c, &wiped) == 0, "Amazon's example");
	if (c == NULL)
		return;
	CHECK(strcmp(c->key, "ASIAIOSFODNN7EXAMPLE") == 0 &&
	      strcmp(c->secret, "wJalrXUtnFEMI/K7MDENG") == 0 && strcmp(c->token, "tok/en+==") == 0,
	      "its parts");
	/* date -u -d 2017-05-17T15:09:54Z +%s */
	CHECK(c->expires_s == 1495033794, "its end");
	CHECK(wiped, "the text is wiped");
	credentials_free(c);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(parse(bad[i], &c, &wiped) == -EBADMSG && wiped, "none, and wiped: %s", bad[i]);
	CHECK(parse("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":\"soon\"}",
		    &c, &wiped) == 0 && c->expires_s == 0, "an end that makes no sense is not known");
	credentials_free(c);
}

static void test_addresses(void)
{
	static const struct {
		const char *url;
		bool may;
	} rows[] = {
		{ "http://169.254.169.254", true },
		{ "http://169.254.169.254/", true },
		{ "http://169.254.169.254/latest/api/token", true },
		{ "http://[fd00:ec2::254]/x", true },
		{ "http://127.0.0.1:8080", true },
		{ "http://[::1]:1/", true },
		{ "https://169.254.169.254", false },
		{ "http://169.254.169.254.evil.example", false },
		{ "http://169.254.169.254@evil.example", false },
		{ "http://169.254.169.254:80@evil.example", false },
		{ "http://169.254.169.254:", false },
		{ "http://169.254.169.254:123456", false },
		{ "http://169.254.169.254?x", false },
		{ "http://169.254.169.2540", false },
		{ "http://192.0.2.1", false },
		{ "http://localhost", false },
		{ "http://", false },
		{ "HTTP://127.0.0.1", false },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK(http_may_be_plain(rows[i].url) == rows[i].may, "%s: %s", rows[i].url,
		      rows[i].may ? "may be plain" : "only with TLS");
}

static void test_proxies(void)
{
	static const struct {
		const char *proxy;
		bool is;
	} rows[] = {
		{ "env", true },
		{ "http://proxy.example:3128", true },
		{ "http://proxy.example", true },
		{ "https://10.0.0.1:8443", true },
		{ "http://[2001:db8::1]:3128", true },
		{ "http://[2001:db8::1", false },
		{ "http://u:p@proxy.example", false },
		{ "http://proxy.example/path", false },
		{ "http://proxy.example:x", false },
		{ "http://", false },
		{ "http://[", false },
		{ "socks5://h:1", false },
		{ "proxy.example:3128", false },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK(http_is_proxy(rows[i].proxy) == rows[i].is, "%s: %s", rows[i].proxy,
		      rows[i].is ? "a proxy" : "none");
}

int main(void)
{
	char error[CREDENTIALS_ERROR_MAX];
	struct imds *i = NULL;

	if (sodium_init() < 0)
		return 1;
	test_documents();
	test_addresses();
	test_proxies();
	CHECK(imds_open(&i, "http://192.0.2.1", error) == -EINVAL &&
	      strstr(error, "192.0.2.1") != NULL, "an endpoint elsewhere is refused");
	return CHECK_DONE();
}
