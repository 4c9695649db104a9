/*
 * test_seal.c - what is sealed opens again: sizes around the chunks, several
 * recipients, pieces of any length; and who cannot open it, cannot.
 */
#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agekey.h"
#include "buf.h"
#include "check.h"
#include "scope.h"
#include "seal.h"
#include "unseal.h"

#define MOST (4u * SEAL_CHUNK)

static uint8_t plain[MOST];

struct compare {
	size_t at;
	bool differs;
};

static int compare(void *arg, const void *data, size_t len)
{
	struct compare *c = arg;

	c->differs |= c->at + len > MOST || memcmp(plain + c->at, data, len) != 0;
	c->at += len;
	return 0;
}

static void make_pair(struct agekey_pair *pair)
{
	randombytes_buf(pair->secret, sizeof(pair->secret));
	agekey_public(pair->secret, pair->public);
}

/* Seal ${len} bytes in pieces of ${step}.  0 or a negative errno. */
static int seal_all(const struct seal_recipients *to, size_t len, size_t step,
		    struct buf *out)
{
	static struct seal s;
	int r;

	out->len = 0;
	r = seal_begin(&s, to, out);
	for (size_t at = 0; r == 0 && at < len; at += step)
		r = seal_write(&s, plain + at, len - at < step ? len - at : step);
	return r == 0 ? seal_end(&s) : r;
}

static int open_all(const struct buf *in, const struct agekey_identities *ids, size_t *ret)
{
	char error[UNSEAL_ERROR_MAX] = "";
	struct compare c = { 0, false };
	int r = unseal_memory(in->data, in->len, ids, compare, &c, error);

	*ret = c.at;
	return c.differs ? -EILSEQ : r;
}

static void test_sizes(const struct seal_recipients *to, const struct agekey_identities *ids)
{
	static const size_t sizes[] = {
		0, 1, 2, SEAL_CHUNK - 1, SEAL_CHUNK, SEAL_CHUNK + 1,
		2 * SEAL_CHUNK - 1, 2 * SEAL_CHUNK, 2 * SEAL_CHUNK + 1,
		4 * SEAL_CHUNK - 1, 4 * SEAL_CHUNK,
	};
	static const size_t steps[] = { 1009, SEAL_CHUNK - 1, SEAL_CHUNK, MOST };
	struct buf out;
	size_t got;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
			/* Exactly the promised room. */
			CHECK(buf_open(&out, seal_bound(sizes[i])) == 0 &&
			      seal_all(to, sizes[i], steps[k], &out) == 0 &&
			      open_all(&out, ids, &got) == 0 && got == sizes[i],
			      "%zu bytes in pieces of %zu", sizes[i], steps[k]);
			buf_free(&out);
		}
}

static void test_damage(const struct seal_recipients *to, const struct agekey_identities *ids)
{
	struct buf out;
	size_t got, whole;

	if (buf_open(&out, seal_bound(MOST)) < 0 || seal_all(to, MOST, MOST, &out) < 0) {
		CHECK(0, "something to damage");
		return;
	}
	whole = out.len;
	for (size_t i = 0; i < 40; i++) {
		size_t at = i * (whole - 1) / 39;

		out.data[at] ^= 0x10;
		CHECK(open_all(&out, ids, &got) < 0, "a bit flipped at %zu shows", at);
		out.data[at] ^= 0x10;
	}
	for (size_t cut = 1; cut < whole; cut += 13001) {
		out.len = whole - cut;
		CHECK(open_all(&out, ids, &got) < 0 && got < MOST, "cut by %zu it shows", cut);
	}
	out.len = whole;
	CHECK(open_all(&out, ids, &got) == 0 && got == MOST, "undamaged it opens");
	buf_free(&out);
}

static void test_recipients(void)
{
	static struct agekey_identities all, one;
	struct seal_recipients to = { .count = SEAL_RECIPIENTS_MAX };
	struct agekey_pair stranger;
	struct buf out;
	size_t got;

	for (size_t i = 0; i < SEAL_RECIPIENTS_MAX; i++) {
		make_pair(&all.pairs[i]);
		memcpy(to.key[i], all.pairs[i].public, 32);
	}
	CHECK(buf_open(&out, seal_bound(100)) == 0 && seal_all(&to, 100, 100, &out) == 0,
	      "as many recipients as may be fit the bound");
	for (size_t i = 0; i < SEAL_RECIPIENTS_MAX; i++) {
		one.count = 1;
		one.pairs[0] = all.pairs[i];
		CHECK(open_all(&out, &one, &got) == 0 && got == 100, "recipient %zu opens it", i);
	}
	make_pair(&stranger);
	one.pairs[0] = stranger;
	CHECK(open_all(&out, &one, &got) == -ENOKEY && got == 0, "a stranger does not");
	buf_free(&out);
}

/* A share secret with such a point is known to everybody: RFC 7748, section 6.1. */
static void test_low_order(void)
{
	static const char *const low[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	struct buf out;

	if (buf_open(&out, seal_bound(100)) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(low); i++) {
		struct seal_recipients to = { .count = 1 };

		(void)sodium_hex2bin(to.key[0], 32, low[i], 64, NULL, NULL, NULL);
		CHECK(seal_all(&to, 10, 10, &out) == -EINVAL, "low-order key %zu is refused", i);
	}
	buf_free(&out);
}

/* Whatever room is missing, it is an error and never a shorter file. */
static void test_room(const struct seal_recipients *to)
{
	struct buf out;
	size_t need;
	bool ok = true;

	if (buf_open(&out, seal_bound(1000)) < 0 || seal_all(to, 1000, 100, &out) < 0) {
		CHECK(0, "room");
		return;
	}
	need = out.len;
	for (size_t cap = 0; cap < need; cap++) {
		out.cap = cap;
		ok = ok && seal_all(to, 1000, 100, &out) == -ENOBUFS && out.len <= cap;
	}
	CHECK(ok, "every room below %zu bytes is -ENOBUFS", need);
	out.cap = seal_bound(1000);
	buf_free(&out);
}

int main(void)
{
	static struct agekey_identities ids = { .count = 1 };
	struct seal_recipients to = { .count = 1 };

	if (sodium_init() < 0)
		return 1;
	randombytes_buf(plain, sizeof(plain));
	make_pair(&ids.pairs[0]);
	memcpy(to.key[0], ids.pairs[0].public, 32);
	test_sizes(&to, &ids);
	test_damage(&to, &ids);
	test_recipients();
	test_low_order();
	test_room(&to);
	return CHECK_DONE();
}
