/* age decryption against the published vectors of C2SP/CCTV, and our own sealing. */
#include "unseal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agekey.h"
#include "buf.h"
#include "check.h"
#include "digest.h"
#include "io.h"
#include "parse.h"
#include "seal.h"

#define VECTORS "build/age-vectors"

/* Plain text as it comes. */
struct plain {
	struct digest *digest;
	size_t len;
};

static int add_plain(void *arg, const void *data, size_t len)
{
	struct plain *p = arg;

	digest_add(p->digest, data, len);
	p->len += len;
	return 0;
}

/* A vector: lines "key: value", an empty line, the file. */
struct vector {
	char expect[32], payload[80];
	bool usable;
	struct agekey_identities ids;
	const uint8_t *file;
	size_t len;
};

static void parse_line(struct vector *v, char *line)
{
	char error[AGEKEY_ERROR_MAX];
	struct agekey_pair *pair = &v->ids.pairs[v->ids.count];

	if (strncmp(line, "expect: ", 8) == 0)
		(void)snprintf(v->expect, sizeof(v->expect), "%s", line + 8);
	else if (strncmp(line, "payload: ", 9) == 0)
		(void)snprintf(v->payload, sizeof(v->payload), "%s", line + 9);
	else if (strncmp(line, "identity: ", 10) == 0 &&
		 agekey_parse_identity(line + 10, pair->secret, error) == 0) {
		agekey_public(pair->secret, pair->public);
		v->ids.count++;
	} else if (strncmp(line, "file key: ", 10) != 0 && strncmp(line, "comment: ", 9) != 0) {
		v->usable = false; /* armor, passphrases */
	}
}

static void parse_vector(struct vector *v, char *text, size_t len)
{
	char *at = text, *end = text + len, *newline;

	memset(v, 0, sizeof(*v));
	v->usable = true;
	while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL && newline > at) {
		*newline = '\0';
		parse_line(v, at);
		at = newline + 1;
	}
	v->file = (const uint8_t *)at + 1;
	v->len = (size_t)(end - at) - 1;
	v->usable &= v->ids.count > 0;
}

static const char *outcome(int r)
{
	switch (r) {
	case 0:
		return "success";
	case -EINVAL:
		return "header failure";
	case -ENOKEY:
		return "no match";
	case -EKEYREJECTED:
		return "HMAC failure";
	case -EBADMSG:
		return "payload failure";
	default:
		return "an error that does not exist";
	}
}

/* Returns whether the vector is one that X25519 alone can read. */
static bool test_vector(const char *name, struct vector *v)
{
	char error[UNSEAL_ERROR_MAX] = "", path[300], hex[DIGEST_HEX];
	struct plain plain = { .len = 0 };
	uint8_t sum[DIGEST_BYTES];
	void *text;
	size_t len;
	int r;

	(void)snprintf(path, sizeof(path), VECTORS "/%s", name);
	if (io_load(AT_FDCWD, path, 64u << 20, &text, &len) < 0) {
		CHECK(false, "%s is read", path);
		return true;
	}
	parse_vector(v, text, len);
	if (v->usable) {
		/* An exact copy, so that a sanitizer sees a read past the end. */
		uint8_t *file = malloc(v->len + (v->len == 0));

		if (file == NULL || digest_open(&plain.digest) < 0)
			abort();
		memcpy(file, v->file, v->len);
		r = unseal_memory(file, v->len, &v->ids, add_plain, &plain, error);
		digest_end(plain.digest, sum);
		parse_to_hex(hex, sum, sizeof(sum));
		CHECK(strcmp(outcome(r), v->expect) == 0 &&
		      (v->payload[0] == '\0' || strcmp(hex, v->payload) == 0),
		      "%s: %s (%s)", name, outcome(r), error);
		digest_free(plain.digest);
		free(file);
	}
	free(text);
	return v->usable;
}

static void test_vectors(void)
{
	struct vector *v = malloc(sizeof(*v));
	unsigned used = 0, unused = 0;
	struct dirent *e;
	DIR *d;

	/* A packaged copy: fetched once, kept in the cache. */
	if (access(VECTORS "/x25519", R_OK) < 0 &&
	    system("tests/helpers/age_vectors.sh >&2") != 0)
		(void)fprintf(stderr, "the vectors could not be fetched\n");
	d = opendir(VECTORS);
	if (d == NULL || v == NULL) {
		CHECK_SKIP("the age test vectors could not be fetched: no package source");
		free(v);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		if (test_vector(e->d_name, v))
			used++;
		else
			unused++;
	}
	(void)closedir(d);
	free(v);
	CHECK(used >= 66, "%u vectors used; %u are of armor, passphrases or other keys", used,
	      unused);
}

static struct agekey_identities ids;
static struct seal_recipients to;

static void make_key(void)
{
	randombytes_buf(ids.pairs[0].secret, AGEKEY_BYTES);
	agekey_public(ids.pairs[0].secret, ids.pairs[0].public);
	ids.count = 1;
	randombytes_buf(to.key[0], AGEKEY_BYTES); /* somebody else's */
	memcpy(to.key[1], ids.pairs[0].public, AGEKEY_BYTES);
	to.count = 2;
}

static void seal_bytes(struct buf *out, const uint8_t *data, size_t len)
{
	struct seal *s = malloc(sizeof(*s));

	if (s == NULL || buf_open(out, seal_bound(len)) < 0 ||
	    seal_begin(s, &to, out) < 0 || seal_write(s, data, len) < 0 || seal_end(s) < 0)
		abort();
	free(s);
}

static void test_sealed(void)
{
	static const size_t sizes[] = {
		0, 1, 65535, 65536, 65537, 2 * 65536 - 1, 2 * 65536, 2 * 65536 + 1, 1000000,
	};
	uint8_t *data = malloc(1000000), want[DIGEST_BYTES], got[DIGEST_BYTES];

	if (data == NULL)
		abort();
	randombytes_buf(data, 1000000);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char error[UNSEAL_ERROR_MAX] = "";
		struct plain plain = { .len = 0 };
		struct buf out;
		int r;

		seal_bytes(&out, data, sizes[i]);
		if (digest_open(&plain.digest) < 0 ||
		    digest_memory(data, sizes[i], want) < 0)
			abort();
		r = unseal_memory(out.data, out.len, &ids, add_plain, &plain, error);
		digest_end(plain.digest, got);
		CHECK(r == 0 && plain.len == sizes[i] && memcmp(want, got, sizeof(got)) == 0,
		      "%zu sealed bytes come back %s", sizes[i], error);
		digest_free(plain.digest);
		buf_free(&out);
	}
	free(data);
}

/* What is released must be a beginning of what was sealed, whatever is changed. */
struct prefix {
	const uint8_t *data;
	size_t len, at;
	bool wrong;
};

static int compare_plain(void *arg, const void *data, size_t len)
{
	struct prefix *p = arg;

	if (len > p->len - p->at || memcmp(p->data + p->at, data, len) != 0)
		p->wrong = true;
	else
		p->at += len;
	return 0;
}

static void test_damage(void)
{
	enum { LEN = 150000 };
	uint8_t *data = malloc(LEN);
	unsigned accepted = 0, leaked = 0, tried = 0;
	char error[UNSEAL_ERROR_MAX];
	struct buf out;

	if (data == NULL)
		abort();
	randombytes_buf(data, LEN);
	seal_bytes(&out, data, LEN);
	for (size_t i = 0; i < out.len; i += i < 600 ? 1 : 4999) {
		struct prefix p = { .data = data, .len = LEN };

		out.data[i] ^= (uint8_t)(1u << (i % 8));
		accepted += unseal_memory(out.data, out.len, &ids, compare_plain, &p,
					  error) == 0;
		leaked += p.wrong;
		out.data[i] ^= (uint8_t)(1u << (i % 8));
		tried++;
	}
	CHECK(accepted == 0 && leaked == 0, "%u flipped bits: %u accepted, %u leaked", tried,
	      accepted, leaked);
	tried = accepted = leaked = 0;
	for (size_t cut = 0; cut < out.len; cut += cut < 600 ? 1 : 4999) {
		struct prefix p = { .data = data, .len = LEN };

		accepted += unseal_memory(out.data, cut, &ids, compare_plain, &p, error) == 0;
		leaked += p.wrong;
		tried++;
	}
	CHECK(accepted == 0 && leaked == 0, "%u cuts: %u accepted, %u leaked", tried, accepted,
	      leaked);
	buf_free(&out);
	free(data);
}

/* One MAC has one text: libsodium alone would ignore the eighth bit. */
static void test_mac_form(void)
{
	struct prefix p = { .data = (const uint8_t *)"x", .len = 1 };
	char error[UNSEAL_ERROR_MAX] = "";
	unsigned tried = 0, refused = 0;
	struct buf out;
	uint8_t *mac;

	seal_bytes(&out, p.data, p.len);
	mac = memmem(out.data, out.len, "\n--- ", 5);
	if (mac == NULL)
		abort();
	for (mac += 5; *mac != '\n'; mac++) {
		*mac ^= 0x80;
		tried++;
		refused += unseal_memory(out.data, out.len, &ids, compare_plain, &p,
					 error) == -EINVAL;
		*mac ^= 0x80;
	}
	CHECK(tried == 43 && refused == tried, "%u of %u bytes past ASCII refused: %s", refused,
	      tried, error);
	buf_free(&out);
}

static int stop(void *arg, const void *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
	return -ENOSPC;
}

static void test_refusals(void)
{
	char error[UNSEAL_ERROR_MAX] = "";
	struct agekey_identities other = { .count = 1 };
	struct buf out;

	seal_bytes(&out, (const uint8_t *)"x", 1);
	CHECK(unseal_memory(out.data, out.len, &ids, stop, NULL, error) == -ENOSPC,
	      "the writer's error comes back");
	randombytes_buf(other.pairs[0].secret, AGEKEY_BYTES);
	agekey_public(other.pairs[0].secret, other.pairs[0].public);
	CHECK(unseal_memory(out.data, out.len, &other, stop, NULL, error) == -ENOKEY,
	      "another identity: %s", error);
	CHECK(unseal_memory("", 0, &ids, stop, NULL, error) == -EINVAL, "nothing: %s", error);
	buf_free(&out);
}

/* A header without end costs no more than the bound on it. */
static void test_long_header(void)
{
	size_t len = 1u << 20, at = 22;
	char *text = malloc(len + 64), error[UNSEAL_ERROR_MAX];

	if (text == NULL)
		abort();
	memcpy(text, "age-encryption.org/v1\n", 22);
	while (at < len) {
		memcpy(text + at, "-> x\n\n", 6);
		at += 6;
	}
	CHECK(unseal_memory(text, at, &ids, stop, NULL, error) == -EINVAL,
	      "a header that does not end: %s", error);
	free(text);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	test_vectors();
	make_key();
	test_sealed();
	test_damage();
	test_mac_form();
	test_refusals();
	test_long_header();
	return CHECK_DONE();
}
