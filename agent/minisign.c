/*
 * minisign.c - signatures that minisign(1) makes and checks.
 *
 * Reads and writes the texts of minisign's files (jedisct1.github.io/minisign).
 * Reading is strict: exact line starts, canonical base64, no bytes beside what
 * belongs there.  A file that is wrong in any way is refused with a reason.
 */
#include "minisign.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base64.h"
#include "io.h"
#include "parse.h"
#include "scope.h"

#define UNTRUSTED "untrusted comment: "
#define TRUSTED "trusted comment: "
#define BASE64 sodium_base64_VARIANT_ORIGINAL

_Static_assert(sizeof(struct minisign_public) == 40, "no padding");

/* Lines two of the two kinds of file. */
struct public_line {
	uint8_t algorithm[2];
	struct minisign_public public;
};

struct signature_line {
	uint8_t algorithm[2];
	uint8_t id[MINISIGN_ID_BYTES];
	uint8_t signature[MINISIGN_SIGNATURE_BYTES];
};

/* What the global signature covers. */
struct global {
	uint8_t signature[MINISIGN_SIGNATURE_BYTES];
	char comment[MINISIGN_COMMENT_MAX];
};

static int refuse(char error[MINISIGN_ERROR_MAX], const char *why)
{
	(void)snprintf(error, MINISIGN_ERROR_MAX, "%s", why);
	return -EINVAL;
}

void minisign_keygen(struct minisign_key *ret)
{
	randombytes_buf(ret->public.id, sizeof(ret->public.id));
	(void)crypto_sign_keypair(ret->public.key, ret->secret);
}

void minisign_public_text(const struct minisign_public *public,
			  char ret[MINISIGN_PUBLIC_TEXT])
{
	struct public_line line = { { 'E', 'd' }, *public };

	(void)sodium_bin2base64(ret, MINISIGN_PUBLIC_TEXT, (const uint8_t *)&line,
				sizeof(line), BASE64);
}

/* The file with the id of the key in that many digits at least. */
static void public_file(const struct minisign_public *public, int digits,
			char ret[MINISIGN_PUBLIC_FILE_MAX])
{
	char text[MINISIGN_PUBLIC_TEXT];
	uint64_t id = 0;

	for (unsigned i = MINISIGN_ID_BYTES; i-- > 0;)
		id = id << 8 | public->id[i];
	minisign_public_text(public, text);
	(void)snprintf(ret, MINISIGN_PUBLIC_FILE_MAX,
		       UNTRUSTED "minisign public key %0*" PRIX64 "\n%s\n", digits, id, text);
}

void minisign_public_file(const struct minisign_public *public,
			  char ret[MINISIGN_PUBLIC_FILE_MAX])
{
	public_file(public, 16, ret);
}

bool minisign_is_public_file(const struct minisign_public *public, const char *text, size_t len)
{
	char want[MINISIGN_PUBLIC_FILE_MAX];

	for (int digits = 1; digits <= 16; digits += 15) {
		public_file(public, digits, want);
		if (strlen(want) == len && memcmp(want, text, len) == 0)
			return true;
	}
	return false;
}

/* Bytes of a trusted comment: UTF-8 without control characters but tabs. */
static bool is_comment(const char *text, size_t len)
{
	if (len >= MINISIGN_COMMENT_MAX || !parse_is_utf8(text, len))
		return false;
	for (size_t i = 0; i < len; i++)
		if (((uint8_t)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
			return false;
	return true;
}

/* Fill ${ret} with what the global signature covers.  Its length. */
static size_t global_message(const struct minisign_signature *sig,
			     struct global *ret)
{
	size_t len = strlen(sig->comment);

	memcpy(ret->signature, sig->signature, sizeof(ret->signature));
	memcpy(ret->comment, sig->comment, len);
	return sizeof(ret->signature) + len;
}

int minisign_sign_hash(const struct minisign_key *key,
		       const uint8_t hash[MINISIGN_HASH_BYTES],
		       const char *comment, char *ret, size_t cap)
{
	size_t len = strlen(comment);
	struct minisign_signature sig;
	struct global message;

	if (!is_comment(comment, len))
		return -EINVAL;
	memcpy(sig.id, key->public.id, sizeof(sig.id));
	memcpy(sig.comment, comment, len + 1);
	(void)crypto_sign_detached(sig.signature, NULL, hash, MINISIGN_HASH_BYTES,
				   key->secret);
	len = global_message(&sig, &message);
	(void)crypto_sign_detached(sig.global, NULL, (const uint8_t *)&message, len,
				   key->secret);
	return minisign_signature_text(&sig, ret, cap);
}

int minisign_sign(const struct minisign_key *key, const void *data, size_t len,
		  const char *comment, char *ret, size_t cap)
{
	uint8_t hash[MINISIGN_HASH_BYTES];

	(void)crypto_generichash(hash, sizeof(hash), data, len, NULL, 0);
	return minisign_sign_hash(key, hash, comment, ret, cap);
}

int minisign_signature_text(const struct minisign_signature *sig, char *ret,
			    size_t cap)
{
	struct signature_line line = { .algorithm = { 'E', 'D' } };
	char first[sodium_base64_ENCODED_LEN(sizeof(line), BASE64)];
	char second[sodium_base64_ENCODED_LEN(MINISIGN_SIGNATURE_BYTES, BASE64)];
	int n;

	memcpy(line.id, sig->id, sizeof(line.id));
	memcpy(line.signature, sig->signature, sizeof(line.signature));
	(void)sodium_bin2base64(first, sizeof(first), (const uint8_t *)&line,
				sizeof(line), BASE64);
	(void)sodium_bin2base64(second, sizeof(second), sig->global,
				sizeof(sig->global), BASE64);
	n = snprintf(ret, cap, UNTRUSTED "signature by evac\n%s\n" TRUSTED "%s\n%s\n",
		     first, sig->comment, second);
	return n < 0 || (size_t)n >= cap ? -ENOBUFS : 0;
}

/*
 * Take the next line from ${text}, which advances; it must begin with ${start},
 * which is skipped.  Its length without the line end, or -EINVAL.
 */
static ssize_t take_line(const char **text, const char *end, const char *start,
			 const char **ret)
{
	size_t left = (size_t)(end - *text), skip = strlen(start);
	const char *newline = memchr(*text, '\n', left);

	if (newline == NULL || (size_t)(newline - *text) < skip ||
	    memcmp(*text, start, skip) != 0)
		return -EINVAL;
	*ret = *text + skip;
	*text = newline + 1;
	return newline - *ret;
}

int minisign_parse_public(const char *text, size_t len, struct minisign_public *ret,
			  char error[MINISIGN_ERROR_MAX])
{
	const char *end = text + len, *key = text;
	struct public_line line;
	ssize_t n = (ssize_t)len;

	if (len > strlen(UNTRUSTED) && memcmp(text, UNTRUSTED, strlen(UNTRUSTED)) == 0) {
		if (take_line(&text, end, UNTRUSTED, &key) < 0)
			return refuse(error, "it ends before the public key");
		key = text;
		n = take_line(&text, end, "", &key);
		if (n < 0)
			n = end - text;
		else if (text != end)
			return refuse(error, "there is something after the public key");
	} else if (n > 0 && text[n - 1] == '\n') {
		n--;
	}
	if (n > 0 && key[0] != 'R')
		return refuse(error, "it is no minisign public key, which begins with RW");
	if (base64_decode(key, (size_t)n, true, (uint8_t *)&line, sizeof(line)) < 0)
		return refuse(error, "a minisign public key has 56 characters of base64");
	if (memcmp(line.algorithm, "Ed", 2) != 0)
		return refuse(error, "it is a key of an unknown kind");
	*ret = line.public;
	return 0;
}

int minisign_load_public(const char *arg, struct minisign_public *ret,
			 char error[MINISIGN_ERROR_MAX])
{
	AUTO_FREE void *text = NULL;
	size_t len;
	int r;

	if (strlen(arg) == MINISIGN_PUBLIC_TEXT - 1 &&
	    minisign_parse_public(arg, strlen(arg), ret, error) == 0)
		return 0;
	r = io_load(AT_FDCWD, arg, MINISIGN_PUBLIC_FILE_MAX * 8, &text, &len);
	if (r == -ENOENT) {
		(void)snprintf(error, MINISIGN_ERROR_MAX,
			       "it is neither a minisign public key (56 characters, "
			       "RW...) nor a file");
		return r;
	}
	if (r < 0) {
		(void)snprintf(error, MINISIGN_ERROR_MAX, "%s", strerror(-r));
		return r;
	}
	return minisign_parse_public(text, len, ret, error);
}

int minisign_parse_signature(const char *text, size_t len,
			     struct minisign_signature *ret,
			     char error[MINISIGN_ERROR_MAX])
{
	const char *end = text + len, *at;
	struct signature_line line;
	ssize_t n;

	if (take_line(&text, end, UNTRUSTED, &at) < 0)
		return refuse(error, "it does not begin as a minisign signature");
	n = take_line(&text, end, "", &at);
	if (n < 0 || base64_decode(at, (size_t)n, true, (uint8_t *)&line, sizeof(line)) < 0)
		return refuse(error, "its signature is no base64 of 74 bytes");
	if (memcmp(line.algorithm, "Ed", 2) == 0)
		return refuse(error, "it is of the old kind that is not prehashed");
	if (memcmp(line.algorithm, "ED", 2) != 0)
		return refuse(error, "it is of an unknown kind");
	n = take_line(&text, end, TRUSTED, &at);
	if (n < 0)
		return refuse(error, "it has no trusted comment");
	if (!is_comment(at, (size_t)n))
		return refuse(error, "its trusted comment is too long or not printable");
	memcpy(ret->comment, at, (size_t)n);
	ret->comment[n] = '\0';
	memcpy(ret->id, line.id, sizeof(ret->id));
	memcpy(ret->signature, line.signature, sizeof(ret->signature));
	n = take_line(&text, end, "", &at);
	if (n < 0 || base64_decode(at, (size_t)n, true, ret->global, sizeof(ret->global)) < 0)
		return refuse(error, "its global signature is no base64 of 64 bytes");
	if (text != end)
		return refuse(error, "there is something after the signature");
	return 0;
}

int minisign_verify(const struct minisign_public *public,
		    const struct minisign_signature *sig, const void *data,
		    size_t len, char error[MINISIGN_ERROR_MAX])
{
	uint8_t hash[MINISIGN_HASH_BYTES];
	struct global message;
	size_t message_len = global_message(sig, &message);

	if (memcmp(public->id, sig->id, sizeof(sig->id)) != 0) {
		(void)refuse(error, "it is signed with another key");
		return -EPERM;
	}
	if (crypto_sign_verify_detached(sig->global, (const uint8_t *)&message,
					message_len, public->key) != 0) {
		(void)refuse(error, "the signature was changed, or another key made it");
		return -EKEYREJECTED;
	}
	(void)crypto_generichash(hash, sizeof(hash), data, len, NULL, 0);
	if (crypto_sign_verify_detached(sig->signature, hash, sizeof(hash),
					public->key) != 0) {
		(void)refuse(error, "it was changed: its signature does not match");
		return -EBADMSG;
	}
	return 0;
}
