/*
 * s3.c - how S3 is spoken: addresses, headers, refusals.
 *
 * Amazon S3 API Reference; Signature Version 4 itself is libcurl's.  An error
 * document comes from outside: it is read within its bounds, and of its texts
 * only printable characters are kept.
 */
#include "s3.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "quote.h"
#include "scope.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

static int wrong(char error[S3_ERROR_MAX], const char *what, const char *value,
		 const char *why)
{
	char shown[80];

	(void)snprintf(error, S3_ERROR_MAX, "%s '%s': %s", what,
		       quote_text(shown, sizeof(shown), value), why);
	return -EINVAL;
}

/* Do all characters of ${text} come from ${set}? */
static bool only(const char *text, const char *set)
{
	return text[strspn(text, set)] == '\0';
}

/* Amazon's suffix of host names differs by partition. */
static const char *amazon_suffix(const char *region)
{
	static const struct {
		const char *prefix, *suffix;
	} table[] = {
		{ "cn-", "amazonaws.com.cn" },
		{ "eusc-", "amazonaws.eu" },
		{ "us-iso-", "c2s.ic.gov" },
		{ "us-isob-", "sc2s.sgov.gov" },
		{ "eu-isoe-", "cloud.adc-e.uk" },
		{ "us-isof-", "csp.hci.ic.gov" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strncmp(region, table[i].prefix, strlen(table[i].prefix)) == 0)
			return table[i].suffix;
	return "amazonaws.com";
}

/* Is "HOST[:PORT]" an address and no name? */
static bool is_address(const char *host)
{
	char name[INET_ADDRSTRLEN];
	struct in_addr addr;
	size_t len = strcspn(host, ":");

	if (host[0] == '[')
		return true;
	if (len >= sizeof(name))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	return inet_pton(AF_INET, name, &addr) == 1;
}

static int check_host(const char *endpoint, const char *host, char error[S3_ERROR_MAX])
{
	size_t len = strlen(host);

	if (len == 0 || len > 255 || !only(host, LOWER UPPER DIGIT "-.:[]"))
		return wrong(error, "--endpoint-url", endpoint,
			     "it must be https://HOST or https://HOST:PORT");
	return 0;
}

/* Amazon's own, as botocore's endpoint rules have them. */
static int amazon_host(const struct s3_place *p, char *host, size_t cap,
		       char error[S3_ERROR_MAX])
{
	const char *r = p->region;

	if (p->fips && strncmp(r, "cn-", 3) == 0)
		return wrong(error, "--fips", r, "this region has no such endpoint");
	if (p->dualstack && (strncmp(r, "eu-isoe-", 8) == 0 || strncmp(r, "us-isof-", 8) == 0))
		return wrong(error, "--dualstack", r, "this region has no such endpoint");
	(void)snprintf(host, cap, "s3%s.%s%s.%s", p->fips ? "-fips" : "",
		       p->dualstack ? "dualstack." : "", r, amazon_suffix(r));
	return 0;
}

static int own_host(const char *endpoint, char *host, size_t cap, char error[S3_ERROR_MAX])
{
	size_t len;

	if (strncmp(endpoint, "https://", 8) != 0)
		return wrong(error, "--endpoint-url", endpoint, "it must begin with https://");
	(void)snprintf(host, cap, "%s", endpoint + 8);
	len = strlen(host);
	if (len > 0 && host[len - 1] == '/')
		host[len - 1] = '\0';
	return check_host(endpoint, host, error);
}

/* Bucket and host together. */
static int set_base(struct s3_place *p, const char *endpoint, char error[S3_ERROR_MAX])
{
	char host[280];
	int r;

	if (endpoint == NULL)
		r = amazon_host(p, host, sizeof(host), error);
	else
		r = own_host(endpoint, host, sizeof(host), error);
	if (r < 0)
		return r;
	if (p->path_style || strchr(p->bucket, '.') != NULL || is_address(host))
		(void)snprintf(p->base, sizeof(p->base), "https://%.255s/%s", host, p->bucket);
	else
		(void)snprintf(p->base, sizeof(p->base), "https://%s.%.240s", p->bucket, host);
	return 0;
}

/* Neither empty nor a step in a path, for each part between slashes. */
static bool parts_are_plain(const char *key)
{
	for (;;) {
		size_t len = strcspn(key, "/");

		if (len == 0 || (len == 1 && key[0] == '.') ||
		    (len == 2 && key[0] == '.' && key[1] == '.'))
			return false;
		if (key[len] == '\0')
			return true;
		key += len + 1;
	}
}

static int set_prefix(struct s3_place *p, const char *prefix, char error[S3_ERROR_MAX])
{
	size_t len = strlen(prefix);

	while (len > 0 && prefix[len - 1] == '/')
		len--;
	/* Room for the collection and the names below it. */
	if (len > sizeof(p->prefix) / 2)
		return wrong(error, "the prefix", prefix, "it is too long");
	memcpy(p->prefix, prefix, len);
	p->prefix[len] = '\0';
	if (len > 0 && (!parts_are_plain(p->prefix) || !parse_is_utf8(p->prefix, len)))
		return wrong(error, "the prefix", prefix,
			     "it has a part that is empty, . or .., or is no UTF-8");
	return 0;
}

static bool is_region(const char *region)
{
	return region[0] != '\0' && strlen(region) < S3_REGION_MAX && only(region, LOWER DIGIT "-");
}

static int set_bucket(struct s3_place *p, const char *url, const char *bucket, size_t len,
		      char error[S3_ERROR_MAX])
{
	if (len < sizeof(p->bucket))
		memcpy(p->bucket, bucket, len);
	if (len < 3 || len >= sizeof(p->bucket) || !only(p->bucket, LOWER DIGIT ".-") ||
	    !only((char[]){ p->bucket[0], p->bucket[len - 1], '\0' }, LOWER DIGIT) ||
	    strstr(p->bucket, "..") != NULL)
		return wrong(error, "the vault", url,
			     "a bucket's name is 3 to 63 lower-case letters, digits, dots, dashes");
	return 0;
}

int s3_place(struct s3_place *ret, const char *url, const struct s3_reach *reach,
	     char error[S3_ERROR_MAX])
{
	const char *bucket = url + strlen("s3://");
	size_t len = strcspn(bucket, "/");
	const char *rest = bucket + len;

	memset(ret, 0, sizeof(*ret));
	if (set_bucket(ret, url, bucket, len, error) < 0)
		return -EINVAL;
	if (!is_region(reach->region))
		return wrong(error, "the region", reach->region, "it is no region's name");
	(void)snprintf(ret->region, sizeof(ret->region), "%s", reach->region);
	if (set_prefix(ret, rest[0] == '/' ? rest + 1 : rest, error) < 0)
		return -EINVAL;
	ret->own_endpoint = reach->endpoint != NULL;
	ret->path_style = reach->path_style;
	ret->dualstack = reach->dualstack;
	ret->fips = reach->fips;
	if (ret->own_endpoint && (ret->dualstack || ret->fips))
		return wrong(error, "--endpoint-url", reach->endpoint,
			     "--dualstack and --fips are for Amazon's own endpoints");
	return set_base(ret, reach->endpoint, error);
}

int s3_place_move(struct s3_place *p, const char *region)
{
	char error[S3_ERROR_MAX];
	struct s3_place new = *p;

	if (!is_region(region))
		return -EINVAL;
	if (strcmp(region, p->region) == 0)
		return -EALREADY;
	(void)snprintf(new.region, sizeof(new.region), "%s", region);
	/* Credentials are a partition's: no server sends us into another one. */
	if (!p->own_endpoint &&
	    (strcmp(amazon_suffix(region), amazon_suffix(p->region)) != 0 ||
	     set_base(&new, NULL, error) < 0))
		return -EINVAL;
	*p = new;
	return 0;
}

int s3_key(char ret[S3_KEY_MAX], const struct s3_place *p, const char *path,
	   const char *name)
{
	int n = snprintf(ret, S3_KEY_MAX, "%s%s%s/%s", p->prefix,
			 p->prefix[0] != '\0' ? "/" : "", path, name);

	if (n < 0 || n >= S3_KEY_MAX)
		return -ENAMETOOLONG;
	return parts_are_plain(ret) ? 0 : -EINVAL;
}

size_t s3_encode(char *ret, size_t cap, const char *text, const char *more)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = 0;

	for (; *text != '\0' && n + 4 <= cap; text++) {
		unsigned char c = (unsigned char)*text;

		if (strchr(LOWER UPPER DIGIT "-_.~", c) != NULL || strchr(more, c) != NULL) {
			ret[n++] = *text;
		} else {
			ret[n++] = '%';
			ret[n++] = digits[c >> 4];
			ret[n++] = digits[c & 15];
		}
	}
	ret[n] = '\0';
	return n;
}

void s3_url(char ret[S3_URL_MAX], const struct s3_place *p, const char *key)
{
	size_t n = strlen(p->base);

	memcpy(ret, p->base, n);
	ret[n++] = '/';
	(void)s3_encode(ret + n, S3_URL_MAX - n, key, "/");
}
