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

#include <sodium.h>

#include "parse.h"
#include "scope.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

static int wrong(char error[S3_ERROR_MAX], const char *what, const char *value,
		 const char *why)
{
	(void)snprintf(error, S3_ERROR_MAX, "%s \"%.64s\": %s", what, value, why);
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
			     "must be https://HOST or https://HOST:PORT");
	return 0;
}

/* Bucket and host together. */
static int set_base(struct s3_place *p, const char *endpoint, bool path_style,
		    char error[S3_ERROR_MAX])
{
	char host[280];

	if (endpoint == NULL) {
		(void)snprintf(host, sizeof(host), "s3.%s.%s", p->region,
			       amazon_suffix(p->region));
	} else {
		size_t len;

		if (strncmp(endpoint, "https://", 8) != 0)
			return wrong(error, "--endpoint-url", endpoint,
				     "must begin with https://");
		(void)snprintf(host, sizeof(host), "%s", endpoint + 8);
		len = strlen(host);
		if (len > 0 && host[len - 1] == '/')
			host[len - 1] = '\0';
		if (check_host(endpoint, host, error) < 0)
			return -EINVAL;
	}
	if (path_style || strchr(p->bucket, '.') != NULL || is_address(host))
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
		return wrong(error, "--to", prefix, "the prefix is too long");
	memcpy(p->prefix, prefix, len);
	p->prefix[len] = '\0';
	if (len > 0 && (!parts_are_plain(p->prefix) || !parse_is_utf8(p->prefix, len)))
		return wrong(error, "--to", prefix,
			     "the prefix has a part that is empty, . or .., or is no UTF-8");
	return 0;
}

int s3_place(struct s3_place *ret, const char *url, const char *region,
	     const char *endpoint, bool path_style, char error[S3_ERROR_MAX])
{
	const char *bucket = url + strlen("s3://");
	size_t len = strcspn(bucket, "/");
	const char *rest = bucket + len;

	memset(ret, 0, sizeof(*ret));
	if (len < sizeof(ret->bucket))
		memcpy(ret->bucket, bucket, len);
	if (len < 3 || len >= sizeof(ret->bucket) || !only(ret->bucket, LOWER DIGIT ".-") ||
	    !only((char[]){ ret->bucket[0], ret->bucket[len - 1], '\0' }, LOWER DIGIT) ||
	    strstr(ret->bucket, "..") != NULL)
		return wrong(error, "--to", url,
			     "a bucket's name is 3 to 63 lower-case letters, digits, dots, dashes");
	if (region[0] == '\0' || strlen(region) >= sizeof(ret->region) ||
	    !only(region, LOWER DIGIT "-"))
		return wrong(error, "region", region, "is no region's name");
	(void)snprintf(ret->region, sizeof(ret->region), "%s", region);
	if (set_prefix(ret, rest[0] == '/' ? rest + 1 : rest, error) < 0)
		return -EINVAL;
	return set_base(ret, endpoint, path_style, error);
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

void s3_url(char ret[S3_URL_MAX], const struct s3_place *p, const char *key)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = strlen(p->base);

	memcpy(ret, p->base, n);
	ret[n++] = '/';
	for (; *key != '\0' && n < S3_URL_MAX - 4; key++) {
		unsigned char c = (unsigned char)*key;

		if (strchr(LOWER UPPER DIGIT "-_.~/", c) != NULL) {
			ret[n++] = *key;
		} else {
			ret[n++] = '%';
			ret[n++] = digits[c >> 4];
			ret[n++] = digits[c & 15];
		}
	}
	ret[n] = '\0';
}

int s3_headers(struct s3_headers *ret, const uint8_t sha256[32], time_t now,
	       const char *token)
{
	char hex[65], base64[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL)];
	struct tm tm;
	size_t n = 0;

	memset(&tm, 0, sizeof(tm));
	(void)gmtime_r(&now, &tm);
	/* Ours and not libcurl's: the server's clock counts, not the host's. */
	if (strftime(ret->date, sizeof(ret->date), "X-Amz-Date: %Y%m%dT%H%M%SZ", &tm) == 0)
		return -EINVAL;
	parse_to_hex(hex, sha256, 32);
	(void)sodium_bin2base64(base64, sizeof(base64), sha256, 32, sodium_base64_VARIANT_ORIGINAL);
	(void)snprintf(ret->payload, sizeof(ret->payload), "x-amz-content-sha256: %s", hex);
	(void)snprintf(ret->checksum, sizeof(ret->checksum), "x-amz-checksum-sha256: %s", base64);
	ret->line[n++] = ret->date;
	ret->line[n++] = ret->payload;
	ret->line[n++] = ret->checksum;
	/* Amazon checks without being asked; Ceph wants the algorithm's name. */
	ret->line[n++] = "x-amz-sdk-checksum-algorithm: SHA256";
	ret->line[n++] = "If-None-Match: *";
	/* A Content-Type that is not signed is refused by Ceph; this one is. */
	ret->line[n++] = "Content-Type: application/octet-stream";
	if (token != NULL) {
		int len = snprintf(ret->token, sizeof(ret->token), "X-Amz-Security-Token: %s", token);

		if (len < 0 || (size_t)len >= sizeof(ret->token))
			return -ENAMETOOLONG;
		ret->line[n++] = ret->token;
	}
	ret->count = n;
	return 0;
}
