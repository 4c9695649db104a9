/*
 * agekey.c - X25519 keys of age.
 *
 * Reads what a person typed and the responder's identity file; writes the same
 * texts as age-keygen.  A key that is wrong in any way is refused with a reason
 * that says what to do, and no message repeats a secret.  Copies of secrets are
 * wiped.
 */
#include "agekey.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "bech32.h"
#include "io.h"
#include "scope.h"

#define RECIPIENT_HRP "age"
#define IDENTITY_HRP "AGE-SECRET-KEY-"
#define FILE_MAX (64u << 10)

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int refuse(char error[AGEKEY_ERROR_MAX], const char *why)
{
	(void)snprintf(error, AGEKEY_ERROR_MAX, "%s", why);
	return -EINVAL;
}

/* Bech32 with exactly the prefix ${hrp} and 32 bytes. */
static int decode(const char *text, size_t len, const char *hrp,
		  uint8_t ret[AGEKEY_BYTES], char error[AGEKEY_ERROR_MAX])
{
	uint8_t data[AGEKEY_BYTES];
	struct bech32 b;
	int r = bech32_decode(text, len, data, sizeof(data), &b);

	if (r < 0) {
		r = refuse(error, bech32_error(r));
	} else if (b.hrp_len != strlen(hrp) || memcmp(b.hrp, hrp, b.hrp_len) != 0) {
		(void)snprintf(error, AGEKEY_ERROR_MAX,
			       "it does not begin with \"%s1\"", hrp);
		r = -EINVAL;
	} else if (b.len != AGEKEY_BYTES) {
		r = refuse(error, "it is too short");
	} else {
		memcpy(ret, data, sizeof(data));
	}
	sodium_memzero(data, sizeof(data));
	return r;
}

/* Does every exchange with ${public} give the same, known secret? */
static bool is_low_order(const uint8_t public[AGEKEY_BYTES])
{
	static const uint8_t scalar[AGEKEY_BYTES] = { 8 };
	uint8_t shared[AGEKEY_BYTES];

	return crypto_scalarmult_curve25519(shared, scalar, public) != 0;
}

int agekey_parse_recipient(const char *text, uint8_t ret[AGEKEY_BYTES],
			   char error[AGEKEY_ERROR_MAX])
{
	uint8_t key[AGEKEY_BYTES];
	int r;

	if (starts_with(text, IDENTITY_HRP))
		return refuse(error, "it is a secret key; give its public key, \"age1...\"");
	if (starts_with(text, "age1pq1"))
		return refuse(error, "post-quantum keys (age1pq) are not supported; "
				     "give an X25519 key, \"age1...\"");
	if (starts_with(text, "age1tag1") || starts_with(text, "age1tagpq1"))
		return refuse(error, "keys of hardware tags (age1tag) are not supported");
	if (starts_with(text, "ssh-"))
		return refuse(error, "SSH keys are not supported; make one with evac keygen");
	if (starts_with(text, "RW"))
		return refuse(error, "it looks like a minisign key; "
				     "an age key begins with \"age1\"");
	/* A plugin's prefix is age1NAME, so its text has a further separator. */
	if (starts_with(text, "age1") && strchr(text + 4, '1') != NULL)
		return refuse(error, "plugin keys (age1NAME1...) are not supported, "
				     "or a character of it is wrong");
	r = decode(text, strlen(text), RECIPIENT_HRP, key, error);
	if (r < 0)
		return r;
	if (is_low_order(key))
		return refuse(error, "it is a point of low order: anyone could decrypt");
	memcpy(ret, key, sizeof(key));
	return 0;
}

static int parse_identity(const char *text, size_t len, uint8_t ret[AGEKEY_BYTES],
			  char error[AGEKEY_ERROR_MAX])
{
	static const struct {
		const char *prefix, *why;
	} known[] = {
		{ "AGE-SECRET-KEY-PQ-1", "post-quantum identities are not supported" },
		{ "AGE-PLUGIN-", "plugin identities are not supported" },
		{ "-----BEGIN AGE", "the identity is itself encrypted: "
				    "decrypt it with age -d first" },
		{ "age-encryption.org/", "the identity is itself encrypted: "
					 "decrypt it with age -d first" },
		{ "-----BEGIN", "SSH and PEM keys are not supported" },
		{ "age1", "it is a public key; the secret key is needed" },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (len >= strlen(known[i].prefix) &&
		    starts_with(text, known[i].prefix))
			return refuse(error, known[i].why);
	if (len < strlen(IDENTITY_HRP) || strncasecmp(text, IDENTITY_HRP, strlen(IDENTITY_HRP)) != 0)
		return refuse(error, "it is no secret key, which begins with AGE-SECRET-KEY-1");
	return decode(text, len, IDENTITY_HRP, ret, error);
}

int agekey_parse_identity(const char *text, uint8_t ret[AGEKEY_BYTES],
			  char error[AGEKEY_ERROR_MAX])
{
	return parse_identity(text, strlen(text), ret, error);
}

void agekey_recipient_text(const uint8_t public[AGEKEY_BYTES],
			   char ret[AGEKEY_RECIPIENT_TEXT])
{
	(void)bech32_encode(RECIPIENT_HRP, public, AGEKEY_BYTES, ret,
			    AGEKEY_RECIPIENT_TEXT);
}

void agekey_identity_text(const uint8_t secret[AGEKEY_BYTES],
			  char ret[AGEKEY_IDENTITY_TEXT])
{
	(void)bech32_encode(IDENTITY_HRP, secret, AGEKEY_BYTES, ret,
			    AGEKEY_IDENTITY_TEXT);
	for (char *c = ret; *c != '\0'; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
}

void agekey_public(const uint8_t secret[AGEKEY_BYTES], uint8_t ret[AGEKEY_BYTES])
{
	(void)crypto_scalarmult_curve25519_base(ret, secret);
}

static int add_identity(struct agekey_identities *ids, const char *line, size_t len,
			unsigned number, char error[AGEKEY_ERROR_MAX])
{
	char why[AGEKEY_ERROR_MAX];
	struct agekey_pair *pair;

	if (ids->count == AGEKEY_IDENTITIES_MAX)
		return refuse(error, "it has too many identities");
	pair = &ids->pairs[ids->count];
	if (parse_identity(line, len, pair->secret, why) < 0) {
		(void)snprintf(error, AGEKEY_ERROR_MAX, "line %u: %.100s", number, why);
		return -EINVAL;
	}
	agekey_public(pair->secret, pair->public);
	ids->count++;
	return 0;
}

int agekey_parse_identities(const char *text, size_t len,
			    struct agekey_identities *ret,
			    char error[AGEKEY_ERROR_MAX])
{
	const char *end = text + len;
	unsigned number = 0;

	ret->count = 0;
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *next = newline == NULL ? end : newline + 1;
		size_t line = (size_t)((newline == NULL ? end : newline) - text);
		int r;

		number++;
		if (line > 0 && text[line - 1] == '\r')
			line--;
		if (line > 0 && text[0] != '#') {
			r = add_identity(ret, text, line, number, error);
			if (r < 0)
				return r;
		}
		text = next;
	}
	return ret->count > 0 ? 0 : refuse(error, "it has no identity in it");
}

int agekey_load_identities(const char *path, struct agekey_identities **ret,
			   char error[AGEKEY_ERROR_MAX])
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct agekey_identities *ids;
	char *text;
	ssize_t n;
	int r;

	if (fd < 0) {
		r = -errno;
		(void)snprintf(error, AGEKEY_ERROR_MAX, "%s", strerror(-r));
		return r;
	}
	text = sodium_malloc(FILE_MAX + 1);
	ids = sodium_malloc(sizeof(*ids));
	if (text == NULL || ids == NULL) {
		(void)refuse(error, "no memory");
		r = -ENOMEM;
		goto free_text;
	}
	n = io_read(fd, text, FILE_MAX);
	text[n < 0 ? 0 : n] = '\0';
	if (n < 0) {
		r = (int)n;
		(void)snprintf(error, AGEKEY_ERROR_MAX, "%s", strerror(-r));
	} else if (n == FILE_MAX) {
		r = refuse(error, "it is too large for an identity file");
	} else {
		r = agekey_parse_identities(text, (size_t)n, ids, error);
	}
	if (r == 0) {
		*ret = ids;
		ids = NULL;
	}
free_text:
	agekey_free_identities(ids);
	sodium_free(text);
	return r;
}

void agekey_free_identities(struct agekey_identities *identities)
{
	sodium_free(identities); /* wipes it */
}
