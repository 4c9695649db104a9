/* minisign against a signature that its author published, and damaged ones. */
#include "minisign.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "comment.h"

/* Key of the minisign page (jedisct1.github.io/minisign). */
#define PUBLIC "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"

static struct minisign_key key;

/* A copy of exact size, so that a sanitizer sees a read past the end. */
static int parse_signature(const char *text, size_t len, struct minisign_signature *ret,
			   char error[MINISIGN_ERROR_MAX])
{
	char *copy = malloc(len == 0 ? 1 : len);
	int r;

	if (copy == NULL)
		abort();
	memcpy(copy, text, len);
	r = minisign_parse_signature(copy, len, ret, error);
	free(copy);
	return r;
}

/* Signatures published with minisign-verify, of "test": prehashed and of the old kind. */
static void test_published(void)
{
	static const char prehashed[] =
		"untrusted comment: signature from minisign secret key\n"
		"RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/"
		"z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n"
		"trusted comment: timestamp:1633700835\tfile:test\tprehashed\n"
		"wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJ"
		"pIidRJnp94ABQkJAgAooBQ==\n";
	static const char old[] =
		"untrusted comment: signature from minisign secret key\n"
		"RWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73"
		"YiIiJbq71Wi+dP9eKL8OC351vwIasSSbXxwA=\n"
		"trusted comment: timestamp:1555779966\tfile:test\n"
		"QtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/V"
		"qE81QFuMKI5k/SfNQUaOAA==\n";
	char error[MINISIGN_ERROR_MAX] = "", text[MINISIGN_PUBLIC_TEXT];
	struct minisign_signature sig;
	struct minisign_public public;

	CHECK(minisign_parse_public(PUBLIC, strlen(PUBLIC), &public, error) == 0,
	      "published key: %s", error);
	minisign_public_text(&public, text);
	CHECK(strcmp(text, PUBLIC) == 0, "its text comes back");
	CHECK(parse_signature(old, strlen(old), &sig, error) == -EINVAL,
	      "the old kind: %s", error);
	CHECK(parse_signature(prehashed, strlen(prehashed), &sig, error) == 0,
	      "published signature: %s", error);
	CHECK(minisign_verify(&public, &sig, "test", 4, error) == 0,
	      "published signature verifies: %s", error);
	CHECK(minisign_verify(&public, &sig, "tesu", 4, error) == -EBADMSG,
	      "and not other data: %s", error);
}

static void test_public_files(void)
{
	char file[MINISIGN_PUBLIC_FILE_MAX], error[MINISIGN_ERROR_MAX], *digits;
	struct minisign_public p;
	static const char *const bad[] = {
		"",
		"RWQ",
		"untrusted comment: x\n",
		"untrusted comment: x",
		"untrusted comment: x\n" PUBLIC "\nmore\n",
		"RUQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
		"age1qqqq",
		PUBLIC "A",
		PUBLIC "\n\n",
	};

	p = key.public;
	memset(p.id, 0, sizeof(p.id));
	p.id[0] = 0xab;
	minisign_public_file(&p, file);
	digits = strstr(file, "00000000000000AB\n");
	CHECK(digits != NULL && minisign_is_public_file(&p, file, strlen(file)), "an id of 16 digits");
	if (digits != NULL)
		memmove(digits, digits + 14, strlen(digits + 14) + 1);
	CHECK(minisign_is_public_file(&p, file, strlen(file)), "or without its zeros");
	CHECK(!minisign_is_public_file(&p, file, strlen(file) - 1), "but with all else");
	file[0] = 'U';
	CHECK(!minisign_is_public_file(&p, file, strlen(file)), "as it was");
	minisign_public_file(&key.public, file);
	CHECK(minisign_parse_public(file, strlen(file), &p, error) == 0 &&
	      memcmp(&p, &key.public, sizeof(p)) == 0, "a public key file comes back");
	CHECK(minisign_parse_public(file, strlen(file) - 1, &p, error) == 0,
	      "also without its last line end");
	CHECK(minisign_load_public(PUBLIC, &p, error) == 0, "a key given as text");
	CHECK(minisign_load_public("/nonexistent", &p, error) == -ENOENT, "%s", error);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(minisign_parse_public(bad[i], strlen(bad[i]), &p, error) == -EINVAL,
		      "bad public key %zu: %s", i, error);
}

/* One bit at a time: a signature file with any change is refused somewhere. */
static void test_flips(void)
{
	char text[MINISIGN_FILE_MAX], again[MINISIGN_FILE_MAX], error[MINISIGN_ERROR_MAX];
	unsigned accepted = 0, tried = 0;
	size_t len;

	CHECK(minisign_sign(&key, "evidence", 8, "a comment", text, sizeof(text)) == 0,
	      "signed");
	len = strlen(text);
	for (size_t i = 0; i < len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			struct minisign_signature sig;

			text[i] = (char)(text[i] ^ 1 << bit);
			tried++;
			if (parse_signature(text, len, &sig, error) == 0 &&
			    minisign_verify(&key.public, &sig, "evidence", 8, error) == 0 &&
			    minisign_signature_text(&sig, again, sizeof(again)) == 0 &&
			    strlen(again) == len && memcmp(again, text, len) == 0)
				accepted++;
			text[i] = (char)(text[i] ^ 1 << bit);
		}
	}
	CHECK(accepted == 0, "%u of %u flipped bits accepted", accepted, tried);
	for (size_t cut = 0; cut < len; cut++) {
		struct minisign_signature sig;

		accepted += parse_signature(text, cut, &sig, error) == 0;
	}
	CHECK(accepted == 0, "no signature that is cut short is accepted");
}

/* Base64 has one form: libsodium alone would ignore the eighth bit. */
static void test_base64(void)
{
	char text[MINISIGN_FILE_MAX], error[MINISIGN_ERROR_MAX];
	unsigned line = 1, accepted = 0, tried = 0;

	(void)minisign_sign(&key, "evidence", 8, "a comment", text, sizeof(text));
	for (size_t i = 0; i < strlen(text); i++) {
		struct minisign_signature sig;

		line += text[i] == '\n';
		if (line % 2 == 1 || text[i] == '\n')
			continue;
		text[i] = (char)(text[i] ^ 0x80);
		tried++;
		accepted += parse_signature(text, strlen(text), &sig, error) == 0;
		text[i] = (char)(text[i] ^ 0x80);
	}
	CHECK(tried == 188 && accepted == 0, "%u of %u bytes past ASCII accepted", accepted,
	      tried);
}

static void test_blame(void)
{
	char text[MINISIGN_FILE_MAX], error[MINISIGN_ERROR_MAX];
	struct minisign_signature sig;
	struct minisign_key other;

	(void)minisign_sign(&key, "evidence", 8, "a comment", text, sizeof(text));
	CHECK(parse_signature(text, strlen(text), &sig, error) == 0 &&
	      strcmp(sig.comment, "a comment") == 0, "the trusted comment comes back");
	CHECK(minisign_verify(&key.public, &sig, "evidencf", 8, error) == -EBADMSG,
	      "changed data: %s", error);
	sig.comment[0] = 'b';
	CHECK(minisign_verify(&key.public, &sig, "evidence", 8, error) == -EKEYREJECTED,
	      "changed comment: %s", error);
	sig.comment[0] = 'a';
	sig.signature[5] ^= 1;
	CHECK(minisign_verify(&key.public, &sig, "evidence", 8, error) == -EKEYREJECTED,
	      "changed signature: %s", error);
	sig.signature[5] ^= 1;
	minisign_keygen(&other);
	CHECK(minisign_verify(&other.public, &sig, "evidence", 8, error) == -EPERM,
	      "another key: %s", error);
}

static void test_comments(void)
{
	static const char *const bad[] = { "two\nlines", "tab\r", "\x1b[31m", "\xff" };
	char text[MINISIGN_FILE_MAX], longest[MINISIGN_COMMENT_MAX + 1];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(minisign_sign(&key, "", 0, bad[i], text, sizeof(text)) == -EINVAL,
		      "comment %zu is refused", i);
	memset(longest, 'x', sizeof(longest));
	longest[MINISIGN_COMMENT_MAX] = '\0';
	CHECK(minisign_sign(&key, "", 0, longest, text, sizeof(text)) == -EINVAL,
	      "a comment that is too long is refused");
	longest[MINISIGN_COMMENT_MAX - 1] = '\0';
	CHECK(minisign_sign(&key, "", 0, longest, text, sizeof(text)) == 0,
	      "the longest fits MINISIGN_FILE_MAX");
	CHECK(minisign_sign(&key, "", 0, "x", text, 100) == -ENOBUFS, "a small buffer is seen");
}

static void test_evac_comment(void)
{
	struct comment c = { .collection = "20261124T093000Z-7f3a", .is_segment = true,
			     .segment = 12, .name = "0012-memory.tar.zst.age",
			     .size = 8388608, .utc = 1795512600 }, back;
	static const char *const bad[] = {
		"",
		"evac collection= segment=1 name=x size=1 utc=2026-11-24T09:30:00Z",
		"evac collection=a segment=01 name=x size=1 utc=2026-11-24T09:30:00Z",
		"evac collection=a segment=1 name=x size=1 utc=2026-11-24T09:30:00Z ",
		"evac collection=a segment=1 name=x size=1 utc=2026-11-24T09:30:60Z",
		"evac collection=a segment=1 name=x size=1",
		"evac collection=a segment=4294967296 name=x size=1 utc=2026-11-24T09:30:00Z",
		"evac collection=a segment=1  name=x size=1 utc=2026-11-24T09:30:00Z",
		"evac collection=a name=x size=-1 utc=2026-11-24T09:30:00Z",
		"evac collection=a name=x size=1 utc=2026-11-24 09:30:00",
	};
	char text[COMMENT_TEXT_MAX];

	CHECK(comment_build(&c, text) == 0 && strcmp(text,
	      "evac collection=20261124T093000Z-7f3a segment=12 "
	      "name=0012-memory.tar.zst.age size=8388608 utc=2026-11-24T09:30:00Z") == 0,
	      "%s", text);
	CHECK(comment_parse(text, &back) == 0 && memcmp(&c, &back, sizeof(c)) == 0,
	      "it comes back");
	c.is_segment = false;
	CHECK(comment_build(&c, text) == 0 && strstr(text, "segment=") == NULL &&
	      comment_parse(text, &back) == 0 && !back.is_segment, "%s", text);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(comment_parse(bad[i], &back) == -EINVAL, "refused: %s", bad[i]);
	(void)snprintf(c.name, sizeof(c.name), "a b");
	CHECK(comment_build(&c, text) == -EINVAL, "a name with a blank is not built");
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	minisign_keygen(&key);
	test_published();
	test_public_files();
	test_flips();
	test_base64();
	test_blame();
	test_comments();
	test_evac_comment();
	return CHECK_DONE();
}
