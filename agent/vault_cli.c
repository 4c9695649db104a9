/*
 * vault_cli.c - the options about a vault in S3 that several commands have.
 *
 * Their values become headers: only what such a value can be is taken.
 */
#include "vault_cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "http.h"
#include "parse.h"
#include "s3_client.h"
#include "scope.h"

#define LIMIT_RATE_MIN (16u * 1024)
#define LOCK_DAYS_MAX 36500u
#define DIGITS "0123456789"
#define UPPERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWERS "abcdefghijklmnopqrstuvwxyz"

static int wrong(char error[CLI_ERROR_MAX], const char *why)
{
	(void)snprintf(error, CLI_ERROR_MAX, "%s", why);
	return -EINVAL;
}

/* 1 to ${max} characters, all of them in ${set}. */
static bool is_only(const char *text, const char *set, size_t max)
{
	size_t len = strspn(text, set);

	return len > 0 && len <= max && text[len] == '\0';
}

int vault_cli_proxy(void *at, const char *value, char error[CLI_ERROR_MAX])
{
	struct vault_cli *c = at;

	if (strchr(value, '@') != NULL)
		return wrong(error, "every process can read the command line: set https_proxy "
			     "with the password, and give --proxy env");
	if (!http_is_proxy(value))
		return wrong(error, "http://HOST:PORT, https://HOST:PORT or env");
	c->proxy = value;
	return 0;
}

int vault_cli_limit_rate(void *at, const char *value, char error[CLI_ERROR_MAX])
{
	struct vault_cli *c = at;

	if (parse_size(value, &c->limit_rate) < 0 || c->limit_rate < LIMIT_RATE_MIN)
		return wrong(error, "bytes a second, 16K at least: a number with K, M or G");
	return 0;
}

int vault_cli_imds(void *at, const char *value, char error[CLI_ERROR_MAX])
{
	struct vault_cli *c = at;

	if (strcmp(value, "none") != 0 && !http_may_be_plain(value))
		return wrong(error, "http:// and 169.254.169.254, [fd00:ec2::254] or an address "
			     "of this host; or none");
	c->imds_endpoint = value;
	return 0;
}

int vault_cli_sse(void *at, const char *value, char error[CLI_ERROR_MAX])
{
	struct vault_cli *c = at;

	c->keeping.kms_key = NULL;
	if (strcmp(value, "s3") == 0) {
		c->keeping.sse = S3_SSE_S3;
		return 0;
	}
	if (strncmp(value, "kms", 3) != 0 || (value[3] != '\0' && value[3] != ':'))
		return wrong(error, "s3, kms or kms:KEY");
	if (value[3] == ':' && !is_only(value + 4, LOWERS UPPERS DIGITS ":/_-", 2048))
		return wrong(error, "a KMS key is an id, an ARN or an alias");
	c->keeping.sse = S3_SSE_KMS;
	if (value[3] == ':')
		c->keeping.kms_key = value + 4;
	return 0;
}

int vault_cli_owner(void *at, const char *value, char error[CLI_ERROR_MAX])
{
	struct vault_cli *c = at;

	if (strlen(value) != 12 || !is_only(value, DIGITS, 12))
		return wrong(error, "an account is 12 digits");
	c->keeping.bucket_owner = value;
	return 0;
}

int vault_cli_lock(void *at, const char *value, char error[CLI_ERROR_MAX])
{
	static const char *const words[] = { "governance:", "compliance:" };
	struct vault_cli *c = at;

	for (unsigned i = 0; i < 2; i++) {
		size_t len = strlen(words[i]);
		uint64_t days;

		if (strncmp(value, words[i], len) != 0 || parse_dec(value + len, &days) < 0 ||
		    days < 1 || days > LOCK_DAYS_MAX)
			continue;
		c->keeping.lock = i == 0 ? S3_LOCK_GOVERNANCE : S3_LOCK_COMPLIANCE;
		c->keeping.lock_days = (unsigned)days;
		return 0;
	}
	return wrong(error, "governance:DAYS or compliance:DAYS, 1 to 36500 days");
}

int vault_cli_class(void *at, const char *value, char error[CLI_ERROR_MAX])
{
	struct vault_cli *c = at;

	if (!is_only(value, UPPERS DIGITS "_", 64))
		return wrong(error, "a storage class is capital letters, digits and _");
	c->keeping.storage_class = value;
	return 0;
}

int vault_cli_tag(void *at, const char *value, char error[CLI_ERROR_MAX])
{
	struct vault_cli *c = at;
	int r = s3_tag(&c->keeping, value);

	if (r == -E2BIG)
		return wrong(error, "at most 10 tags, 2000 characters together");
	if (r < 0)
		return wrong(error, "KEY=VALUE, with at most 128 and 256 characters");
	return 0;
}

bool vault_cli_keeps(const struct s3_keeping *k)
{
	return k->sse != S3_SSE_BUCKET || k->bucket_owner != NULL || k->lock != S3_LOCK_NONE ||
	       k->legal_hold || k->storage_class != NULL || k->tag_count > 0;
}

/* Nothing that was asked for may be left out without a word. */
static int check_directory(const struct vault_options *o, char error[CLI_ERROR_MAX])
{
	const struct {
		const char *name;
		bool given;
	} words[] = {
		{ "region", o->region != NULL }, { "endpoint-url", o->endpoint_url != NULL },
		{ "path-style", o->path_style }, { "ca-file", o->ca_file != NULL },
		{ "dualstack", o->dualstack }, { "fips", o->fips },
		{ "proxy", o->proxy != NULL }, { "limit-rate", o->limit_rate != 0 },
		{ "sse", o->keeping->sse != S3_SSE_BUCKET },
		{ "bucket-owner", o->keeping->bucket_owner != NULL },
		{ "object-lock", o->keeping->lock != S3_LOCK_NONE },
		{ "legal-hold", o->keeping->legal_hold },
		{ "storage-class", o->keeping->storage_class != NULL },
		{ "tag", o->keeping->tag_count > 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i].given) {
			(void)snprintf(error, CLI_ERROR_MAX, "--%s is for a vault in S3, and "
				       "this one is a directory", words[i].name);
			return -EINVAL;
		}
	return 0;
}

int vault_cli_check(const struct vault_options *o, char error[CLI_ERROR_MAX])
{
	char why[S3_ERROR_MAX];
	struct s3_place place;
	int r;

	if (vault_find(o->url) == &vault_dir)
		return check_directory(o, error);
	r = s3_client_find(&place, o, why);
	if (r < 0) {
		(void)snprintf(error, CLI_ERROR_MAX, "%.150s", why);
		return -EINVAL;
	}
	r = http_check_roots(o->ca_file, why);
	if (r < 0)
		(void)snprintf(error, CLI_ERROR_MAX, "--ca-file: %.140s", why);
	return r < 0 ? -EINVAL : 0;
}

void vault_cli_apply(const struct vault_cli *c, struct vault_options *o)
{
	if (c->region != NULL)
		o->region = c->region;
	if (c->endpoint_url != NULL)
		o->endpoint_url = c->endpoint_url;
	if (c->ca_file != NULL)
		o->ca_file = c->ca_file;
	o->path_style |= c->path_style;
	o->dualstack = c->dualstack;
	o->fips = c->fips;
	o->proxy = c->proxy;
	o->imds_endpoint = c->imds_endpoint;
	o->limit_rate = c->limit_rate;
	o->keeping = &c->keeping;
}
