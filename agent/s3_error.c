/*
 * s3_error.c - what an answer of S3 means.
 *
 * Amazon S3 API Reference, "Error responses".  The document comes from
 * outside: it is searched within its bounds, and of its texts only printable
 * ASCII is kept.
 */
#include <stdio.h>
#include <string.h>

#include "s3.h"
#include "s3_xml.h"
#include "scope.h"

/* One row for each code that is known; a plain text where the name needs one. */
static const struct known {
	const char *code;
	enum s3_verdict verdict;
	const char *text;
} known[] = {
	{ "PreconditionFailed", S3_EXISTS, "there is an object of that name" },
	{ "RequestTimeTooSkewed", S3_SKEWED, "this host's clock is wrong" },
	{ "InternalError", S3_UNSURE, "the server has an internal error" },
	{ "SlowDown", S3_RETRY, "the server is busy" },
	{ "ServiceUnavailable", S3_RETRY, "the server is busy" },
	{ "TooManyRequests", S3_RETRY, "the server is busy" },
	{ "RequestTimeout", S3_RETRY, "the data did not arrive in time" },
	{ "BadDigest", S3_RETRY, "the data was damaged on its way" },
	{ "XAmzContentSHA256Mismatch", S3_RETRY, "the data was damaged on its way" },
	{ "XAmzContentChecksumMismatch", S3_RETRY, "the data was damaged on its way" },
	{ "IncompleteBody", S3_RETRY, "the data did not arrive whole" },
	{ "OperationAborted", S3_RETRY, "something else works on the same object" },
	{ "ConditionalRequestConflict", S3_RETRY, "something else works on the same object" },
	{ "NoSuchBucket", S3_REFUSED, "the bucket does not exist" },
	{ "AccessDenied", S3_REFUSED, "the credentials may not put objects there" },
	{ "InvalidAccessKeyId", S3_EXPIRED, "the server does not know the access key" },
	{ "SignatureDoesNotMatch", S3_REFUSED, "the secret key is wrong" },
	{ "ExpiredToken", S3_EXPIRED, "the temporary credentials have expired" },
	{ "InvalidToken", S3_EXPIRED, "the session token is wrong" },
	{ "PermanentRedirect", S3_ELSEWHERE, "the bucket is in another region" },
	{ "TemporaryRedirect", S3_ELSEWHERE, "the bucket is elsewhere" },
	{ "AuthorizationHeaderMalformed", S3_ELSEWHERE, "the region is wrong" },
	{ "IllegalLocationConstraintException", S3_ELSEWHERE, "the region is wrong" },
	{ "TokenRefreshRequired", S3_EXPIRED, "the temporary credentials have expired" },
	{ "NoSuchKey", S3_REFUSED, "there is no such object" },
	{ "QuotaExceeded", S3_REFUSED, "the bucket is full" },
	{ "NotImplemented", S3_REFUSED, "the server cannot promise not to overwrite" },
};

static const struct known *find_known(const char *code)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].code, code) == 0)
			return &known[i];
	return NULL;
}

bool s3_parse_error(struct s3_refusal *ret, const char *body, size_t len)
{
	const char *end = body + len, *error = s3_xml_find(body, end, "<Error");

	ret->code[0] = ret->message[0] = ret->region[0] = '\0';
	/* "<Error>", or "<Error xmlns=...>" */
	if (error == NULL || error + 6 >= end || (error[6] != '>' && error[6] != ' '))
		return false;
	s3_xml_text(ret->code, sizeof(ret->code), error, end, "Code");
	s3_xml_text(ret->message, sizeof(ret->message), error, end, "Message");
	s3_xml_text(ret->region, sizeof(ret->region), error, end, "Region");
	return true;
}

enum s3_verdict s3_judge(unsigned status, const char *code)
{
	const struct known *k = find_known(code);

	if (k != NULL)
		return k->verdict;
	/* A 200 that carries an error is none. */
	if (status >= 200 && status < 300)
		return code[0] == '\0' ? S3_STORED : S3_UNSURE;
	switch (status) {
	case 301:
	case 307:
		return S3_ELSEWHERE;
	case 412:
		return S3_EXISTS;
	case 408:
	case 409:
	case 429:
	case 503:
		return S3_RETRY;
	default:
		return status >= 500 ? S3_UNSURE : S3_REFUSED;
	}
}

/* Ours, but for a denial that says who may not do what. */
static const char *plain_text(const struct s3_refusal *refusal)
{
	const struct known *k = find_known(refusal->code);

	if (k == NULL)
		return refusal->message;
	if (strcmp(k->code, "AccessDenied") == 0 && strchr(refusal->message, ':') != NULL)
		return refusal->message;
	return k->text;
}

void s3_explain(char ret[S3_ERROR_MAX], unsigned status,
		const struct s3_refusal *refusal, const char *region)
{
	const char *text = plain_text(refusal);
	char where[S3_REGION_MAX + 24] = "";

	/* Amazon says where the bucket is when it was asked in a wrong place. */
	if (region[0] != '\0' && (status / 100 == 3 || status == 400))
		(void)snprintf(where, sizeof(where), " (it is in %.63s)", region);
	if (refusal->code[0] == '\0')
		(void)snprintf(ret, S3_ERROR_MAX, "HTTP status %u%s", status, where);
	else if (text[0] == '\0')
		(void)snprintf(ret, S3_ERROR_MAX, "%s (HTTP status %u)%s", refusal->code, status, where);
	else
		(void)snprintf(ret, S3_ERROR_MAX, "%s: %.150s%s", refusal->code, text, where);
}
