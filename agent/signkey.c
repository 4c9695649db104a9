/*
 * signkey.c - minisign's secret key file, without a password.
 *
 * Reads and writes the text that minisign(1) does (jedisct1.github.io/minisign,
 * "Secret key format"): two lines, the second of which is base64.  A file that
 * is wrong in any way is refused, and what was read of it is wiped.
 */
#include "signkey.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base64.h"
#include "io.h"
#include "scope.h"

#define UNTRUSTED "untrusted comment: "
#define BASE64 sodium_base64_VARIANT_ORIGINAL

struct line {
	uint8_t algorithm[2], kdf[2], checksum[2];
	uint8_t salt[32], ops_limit[8], mem_limit[8];
	uint8_t id[MINISIGN_ID_BYTES];
	uint8_t secret[MINISIGN_SECRET_BYTES];
	uint8_t sum[32]; /* BLAKE2b-256 of algorithm, id and secret */
};

_Static_assert(sizeof(struct line) == 158, "no padding");

#define LINE_TEXT (sizeof(struct line) / 3 * 4 + 4)

static int refuse(char error[MINISIGN_ERROR_MAX], const char *why)
{
	(void)snprintf(error, MINISIGN_ERROR_MAX, "%s", why);
	return -EINVAL;
}

static void checksum(const struct line *line, uint8_t ret[32])
{
	crypto_generichash_state state;

	(void)crypto_generichash_init(&state, NULL, 0, 32);
	(void)crypto_generichash_update(&state, line->algorithm, sizeof(line->algorithm));
	(void)crypto_generichash_update(&state, line->id, sizeof(line->id));
	(void)crypto_generichash_update(&state, line->secret, sizeof(line->secret));
	(void)crypto_generichash_final(&state, ret, 32);
	sodium_memzero(&state, sizeof(state));
}

void signkey_file(const struct minisign_key *key, char ret[SIGNKEY_FILE_MAX])
{
	struct line line = { .algorithm = "Ed", .checksum = "B2" };
	char text[sodium_base64_ENCODED_LEN(sizeof(line), BASE64)];

	memcpy(line.id, key->public.id, sizeof(line.id));
	memcpy(line.secret, key->secret, sizeof(line.secret));
	checksum(&line, line.sum);
	(void)sodium_bin2base64(text, sizeof(text), (const uint8_t *)&line, sizeof(line), BASE64);
	(void)snprintf(ret, SIGNKEY_FILE_MAX, UNTRUSTED "minisign secret key\n%s\n", text);
	sodium_memzero(&line, sizeof(line));
	sodium_memzero(text, sizeof(text));
}

static int check(const struct line *line, struct minisign_key *ret,
		 char error[MINISIGN_ERROR_MAX])
{
	uint8_t sum[32], secret[MINISIGN_SECRET_BYTES];
	bool ok;

	if (memcmp(line->algorithm, "Ed", 2) != 0 || memcmp(line->checksum, "B2", 2) != 0)
		return refuse(error, "it is a key of an unknown kind");
	if (memcmp(line->kdf, "Sc", 2) == 0)
		return refuse(error, "it has a password; minisign -C -W takes it off a copy");
	if (line->kdf[0] != 0 || line->kdf[1] != 0)
		return refuse(error, "it is a key of an unknown kind");
	checksum(line, sum);
	/* minisign leaves it zero where there is no password; the halves tell then. */
	ok = sodium_is_zero(line->sum, sizeof(line->sum)) == 1 ||
	     sodium_memcmp(sum, line->sum, sizeof(sum)) == 0;
	(void)crypto_sign_seed_keypair(ret->public.key, secret, line->secret);
	ok = ok && sodium_memcmp(secret, line->secret, sizeof(secret)) == 0;
	sodium_memzero(secret, sizeof(secret));
	if (!ok)
		return refuse(error, "it is damaged: its parts do not fit together");
	memcpy(ret->public.id, line->id, sizeof(line->id));
	memcpy(ret->secret, line->secret, sizeof(line->secret));
	return 0;
}

int signkey_parse(const char *text, size_t len, struct minisign_key *ret,
		  char error[MINISIGN_ERROR_MAX])
{
	const char *end = text + len, *key;
	struct line line;
	size_t key_len;
	int r;

	if (len < strlen(UNTRUSTED) || memcmp(text, UNTRUSTED, strlen(UNTRUSTED)) != 0)
		return refuse(error, "it is no minisign secret key file");
	key = memchr(text, '\n', len);
	if (key == NULL)
		return refuse(error, "it ends before the key");
	key++;
	key_len = (size_t)(end - key);
	if (key_len > 0 && key[key_len - 1] == '\n')
		key_len--;
	if (key_len > 0 && key[key_len - 1] == '\r')
		key_len--;
	if (base64_decode(key, key_len, true, (uint8_t *)&line, sizeof(line)) < 0)
		r = refuse(error, "it is no minisign secret key: 212 characters of base64");
	else
		r = check(&line, ret, error);
	sodium_memzero(&line, sizeof(line));
	return r;
}

int signkey_load(const char *path, struct minisign_key **ret,
		 char error[MINISIGN_ERROR_MAX])
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct minisign_key *key;
	char text[4096];
	ssize_t n;
	int r;

	if (fd < 0) {
		r = -errno;
		(void)snprintf(error, MINISIGN_ERROR_MAX, "%s", strerror(-r));
		return r;
	}
	key = sodium_malloc(sizeof(*key));
	n = io_read(fd, text, sizeof(text));
	if (key == NULL)
		r = -ENOMEM;
	else if (n < 0)
		r = (int)n;
	else
		r = signkey_parse(text, (size_t)n, key, error);
	if (key == NULL || n < 0)
		(void)snprintf(error, MINISIGN_ERROR_MAX, "%s", strerror(-r));
	sodium_memzero(text, sizeof(text));
	if (r < 0)
		sodium_free(key);
	else
		*ret = key;
	return r;
}
