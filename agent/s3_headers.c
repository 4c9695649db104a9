/*
 * s3_headers.c - the headers of S3's requests.
 *
 * Amazon S3 API Reference, PutObject.  Everything here is signed, so a proxy
 * cannot take away what was asked for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "parse.h"
#include "s3.h"
#include "scope.h"

#define TAGS 10
#define TAG_KEY_MAX 128
#define TAG_VALUE_MAX 256

/* SHA-256 of nothing: what a request without a body has. */
static const uint8_t of_nothing[32] = {
	0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
	0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
};

void s3_header(struct s3_headers *h, const char *name, const char *value)
{
	size_t room = sizeof(h->text) - h->len;
	int n = snprintf(h->text + h->len, room, "%s: %s", name, value);

	if (h->count == S3_HEADERS || n < 0 || (size_t)n >= room) {
		h->full = true;
		return;
	}
	h->line[h->count++] = h->text + h->len;
	h->len += (size_t)n + 1;
}

static void utc(time_t t, struct tm *ret)
{
	memset(ret, 0, sizeof(*ret));
	(void)gmtime_r(&t, ret);
}

int s3_headers_get(struct s3_headers *ret, const struct s3_request *req)
{
	char hex[65], when[32] = "";
	struct tm tm;

	ret->count = ret->len = 0;
	ret->full = false;
	/* Ours and not libcurl's: the server's clock counts, not the host's. */
	utc(req->now, &tm);
	(void)strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	s3_header(ret, "X-Amz-Date", when);
	parse_to_hex(hex, req->sha256 != NULL ? req->sha256 : of_nothing, 32);
	s3_header(ret, "x-amz-content-sha256", hex);
	if (req->token != NULL && strlen(req->token) > S3_TOKEN_MAX)
		return -ENAMETOOLONG;
	if (req->token != NULL)
		s3_header(ret, "X-Amz-Security-Token", req->token);
	if (req->keeping != NULL && req->keeping->bucket_owner != NULL)
		s3_header(ret, "x-amz-expected-bucket-owner", req->keeping->bucket_owner);
	return ret->full ? -ENAMETOOLONG : 0;
}

/* A blank would be signed in another form than it is sent. */
static bool is_plain(const char *text)
{
	size_t len = 0;

	while (text != NULL && text[len] > ' ' && text[len] <= '~')
		len++;
	return len > 0 && text[len] == '\0' && len <= 256;
}

/* So that a bucket explains itself, and an inventory of it is a list of evidence. */
static void add_metadata(struct s3_headers *ret, const struct s3_request *req, const char *hex)
{
	const struct { const char *name, *value; } rows[] = {
		{ "x-amz-meta-evac-case", req->case_id },
		{ "x-amz-meta-evac-collection", req->collection },
		{ "x-amz-meta-evac-segment", req->name },
		{ "x-amz-meta-evac-sha256", hex },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (is_plain(rows[i].value))
			s3_header(ret, rows[i].name, rows[i].value);
}

static void add_keeping(struct s3_headers *ret, const struct s3_request *req)
{
	const struct s3_keeping *k = req->keeping;
	char when[32] = "";
	struct tm tm;

	utc(req->now + (time_t)k->lock_days * 86400, &tm);
	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (k->sse == S3_SSE_S3)
		s3_header(ret, "x-amz-server-side-encryption", "AES256");
	if (k->sse == S3_SSE_KMS)
		s3_header(ret, "x-amz-server-side-encryption", "aws:kms");
	if (k->sse == S3_SSE_KMS && k->kms_key != NULL)
		s3_header(ret, "x-amz-server-side-encryption-aws-kms-key-id", k->kms_key);
	if (k->lock != S3_LOCK_NONE) {
		s3_header(ret, "x-amz-object-lock-mode", k->lock == S3_LOCK_GOVERNANCE ?
			  "GOVERNANCE" : "COMPLIANCE");
		s3_header(ret, "x-amz-object-lock-retain-until-date", when);
	}
	if (k->legal_hold)
		s3_header(ret, "x-amz-object-lock-legal-hold", "ON");
	if (k->storage_class != NULL)
		s3_header(ret, "x-amz-storage-class", k->storage_class);
	if (k->tag_count > 0)
		s3_header(ret, "x-amz-tagging", k->tags);
}

int s3_headers_put(struct s3_headers *ret, const struct s3_request *req)
{
	char hex[65], base64[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL)];
	const uint8_t *sha256 = req->sha256 != NULL ? req->sha256 : of_nothing;
	int r = s3_headers_get(ret, req);

	if (r < 0)
		return r;
	parse_to_hex(hex, sha256, 32);
	(void)sodium_bin2base64(base64, sizeof(base64), sha256, 32, sodium_base64_VARIANT_ORIGINAL);
	s3_header(ret, "x-amz-checksum-sha256", base64);
	/* Amazon checks without being asked; Ceph wants the algorithm's name. */
	s3_header(ret, "x-amz-sdk-checksum-algorithm", "SHA256");
	s3_header(ret, "If-None-Match", "*");
	/* A Content-Type that is not signed is refused by Ceph; this one is. */
	s3_header(ret, "Content-Type", "application/octet-stream");
	add_metadata(ret, req, hex);
	if (req->keeping != NULL)
		add_keeping(ret, req);
	return ret->full ? -ENAMETOOLONG : 0;
}

int s3_tag(struct s3_keeping *k, const char *text)
{
	char key[TAG_KEY_MAX + 1], pair[3 * (TAG_KEY_MAX + TAG_VALUE_MAX) + 4];
	size_t len = strcspn(text, "="), have = strlen(k->tags), n = 0;
	const char *value = text + len + 1;

	if (text[len] != '=' || len == 0 || len > TAG_KEY_MAX ||
	    strlen(value) > TAG_VALUE_MAX || !parse_is_utf8(text, strlen(text)))
		return -EINVAL;
	memcpy(key, text, len);
	key[len] = '\0';
	if (have > 0)
		pair[n++] = '&';
	n += s3_encode(pair + n, sizeof(pair) - n, key, "");
	pair[n++] = '=';
	n += s3_encode(pair + n, sizeof(pair) - n, value, "");
	if (k->tag_count == TAGS || have + n >= sizeof(k->tags))
		return -E2BIG;
	memcpy(k->tags + have, pair, n + 1);
	k->tag_count++;
	return 0;
}
