/* Keys of age: good ones, and each way in which one can be wrong. */
#include "agekey.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bech32.h"
#include "check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Of the x25519 vector of C2SP/CCTV. */
#define IDENTITY "AGE-SECRET-KEY-1XMWWC06LY3EE5RYTXM9MFLAZ2U56JJJ36S0MYPDRWSVLUL66MV4QX3S7F6"
#define RECIPIENT "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef"

static void test_pair(void)
{
	uint8_t secret[AGEKEY_BYTES], public[AGEKEY_BYTES], again[AGEKEY_BYTES];
	char error[AGEKEY_ERROR_MAX] = "", text[AGEKEY_IDENTITY_TEXT];

	CHECK(agekey_parse_identity(IDENTITY, secret, error) == 0, "identity: %s", error);
	agekey_identity_text(secret, text);
	CHECK(strcmp(text, IDENTITY) == 0, "an identity's text comes back");
	agekey_public(secret, public);
	agekey_recipient_text(public, text);
	CHECK(agekey_parse_recipient(text, again, error) == 0 &&
	      memcmp(again, public, sizeof(again)) == 0, "its recipient comes back: %s", error);
}

static void test_random_pairs(void)
{
	bool same = true;

	for (unsigned i = 0; i < 100; i++) {
		uint8_t secret[AGEKEY_BYTES], back[AGEKEY_BYTES];
		char error[AGEKEY_ERROR_MAX], text[AGEKEY_IDENTITY_TEXT];

		randombytes_buf(secret, sizeof(secret));
		agekey_identity_text(secret, text);
		same &= agekey_parse_identity(text, back, error) == 0 &&
			memcmp(secret, back, sizeof(secret)) == 0;
	}
	CHECK(same, "100 random identities come back");
}

static void test_bad_recipients(void)
{
	static const struct {
		const char *text, *part; /* of the message */
	} bad[] = {
		{ "", "cut short" },
		{ "age1", "cut short" },
		{ RECIPIENT "q", "checksum" },
		{ "Age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef", "case" },
		{ IDENTITY, "secret key" },
		{ "age1pq1qqqq", "post-quantum" },
		{ "age1tag1qqqq", "tag" },
		{ "age1yubikey1qqqq", "plugin" },
		{ "ssh-ed25519 AAAA", "SSH" },
		{ "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3", "minisign" },
		{ "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", "\"age1\"" },
		{ "AGE12UEL5L", "checksum" },
		{ " " RECIPIENT, "character" },
		{ RECIPIENT "\n", "character" },
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		uint8_t key[AGEKEY_BYTES];
		char error[AGEKEY_ERROR_MAX] = "";
		int r = agekey_parse_recipient(bad[i].text, key, error);

		CHECK(r == -EINVAL && strstr(error, bad[i].part) != NULL,
		      "recipient %zu: %s", i, error);
		CHECK(strstr(error, "XMWWC") == NULL, "no secret in the message");
	}
}

static void test_lengths(void)
{
	uint8_t bytes[64] = { 9 }, key[AGEKEY_BYTES];
	char text[160], error[AGEKEY_ERROR_MAX];

	(void)bech32_encode("age", bytes, 31, text, sizeof(text));
	CHECK(agekey_parse_recipient(text, key, error) == -EINVAL &&
	      strstr(error, "short") != NULL, "31 bytes: %s", error);
	(void)bech32_encode("age", bytes, 33, text, sizeof(text));
	CHECK(agekey_parse_recipient(text, key, error) == -EINVAL &&
	      strstr(error, "long") != NULL, "33 bytes: %s", error);
	(void)bech32_encode("age", bytes, 32, text, sizeof(text));
	CHECK(agekey_parse_recipient(text, key, error) == 0, "32 bytes");
	for (char *c = text; *c != '\0'; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	CHECK(agekey_parse_recipient(text, key, error) == -EINVAL, "upper case: %s", error);
}

/* The points of low order on Curve25519 (RFC 7748 section 6.1, cr.yp.to/ecdh.html). */
static void test_low_order(void)
{
	static const uint8_t points[][AGEKEY_BYTES] = {
		{ 0 },
		{ 1 },
		{ 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
		  0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
		  0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00 },
		{ 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
	};

	for (size_t i = 0; i < COUNT(points); i++) {
		char text[AGEKEY_RECIPIENT_TEXT], error[AGEKEY_ERROR_MAX] = "";
		uint8_t key[AGEKEY_BYTES];

		agekey_recipient_text(points[i], text);
		CHECK(agekey_parse_recipient(text, key, error) == -EINVAL &&
		      strstr(error, "low order") != NULL, "low order %zu: %s", i, error);
	}
}

static void test_files(void)
{
	static const struct {
		const char *text;
		size_t count;       /* 0: refused */
		const char *part;
	} files[] = {
		{ "# created: x\n# public key: y\n" IDENTITY "\n", 1, "" },
		{ IDENTITY, 1, "" },
		{ "\r\n" IDENTITY "\r\n\r\n" IDENTITY "\r\n", 2, "" },
		{ "", 0, "no identity" },
		{ "# nothing\n\n", 0, "no identity" },
		{ "\n\n" RECIPIENT "\n", 0, "line 3: it is a public key" },
		{ "AGE-SECRET-KEY-1QQQ\n", 0, "line 1" },
		{ "AGE-PLUGIN-YUBIKEY-1QQQ\n", 0, "plugin" },
		{ "-----BEGIN AGE ENCRYPTED FILE-----\n", 0, "itself encrypted" },
		{ "-----BEGIN OPENSSH PRIVATE KEY-----\n", 0, "SSH" },
		{ "age-encryption.org/v1\n", 0, "itself encrypted" },
		{ IDENTITY "\n" IDENTITY " \n", 0, "line 2" },
	};
	struct agekey_identities *ids = malloc(sizeof(*ids));

	if (ids == NULL)
		abort();
	for (size_t i = 0; i < COUNT(files); i++) {
		char error[AGEKEY_ERROR_MAX] = "";
		size_t len = strlen(files[i].text);
		char *copy = malloc(len == 0 ? 1 : len);
		int r;

		if (copy == NULL)
			abort();
		memcpy(copy, files[i].text, len);
		r = agekey_parse_identities(copy, len, ids, error);
		CHECK(files[i].count == 0 ? r == -EINVAL : r == 0 && ids->count == files[i].count,
		      "file %zu: %s", i, error);
		CHECK(strstr(error, files[i].part) != NULL &&
		      strstr(error, "XMWWC") == NULL, "its message");
		free(copy);
	}
	free(ids);
}

static void test_load(void)
{
	struct agekey_identities *ids = NULL;
	char error[AGEKEY_ERROR_MAX] = "", path[64];
	int pipe_fds[2];

	CHECK(agekey_load_identities("/nonexistent", &ids, error) == -ENOENT, "%s", error);
	CHECK(agekey_load_identities("/", &ids, error) == -EISDIR, "%s", error);
	CHECK(agekey_load_identities("/dev/zero", &ids, error) == -EINVAL, "%s", error);
	if (pipe(pipe_fds) < 0)
		abort();
	CHECK(write(pipe_fds[1], IDENTITY, strlen(IDENTITY)) == (ssize_t)strlen(IDENTITY),
	      "a pipe is filled");
	(void)close(pipe_fds[1]);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", pipe_fds[0]);
	CHECK(agekey_load_identities(path, &ids, error) == 0 && ids->count == 1,
	      "an identity comes out of a pipe");
	(void)close(pipe_fds[0]);
	agekey_free_identities(ids);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	test_pair();
	test_random_pairs();
	test_bad_recipients();
	test_lengths();
	test_low_order();
	test_files();
	test_load();
	return CHECK_DONE();
}
