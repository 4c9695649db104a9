/*
 * seal.c - age v1 encryption.
 *
 * Plain text goes in, an age file comes out in memory.  The last chunk is
 * marked, so one chunk is always held back until it is known whether more
 * follows.
 */
#include "seal.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "buf.h"
#include "hkdf.h"

#define FILE_KEY 16
#define TAG crypto_aead_chacha20poly1305_ietf_ABYTES
#define NONCE 16
/* Intro line, and a stanza of two lines for each recipient, MAC line, nonce. */
#define HEADER_MAX (64 + SEAL_RECIPIENTS_MAX * 128 + 64 + NONCE)

size_t seal_bound(size_t len)
{
	return HEADER_MAX + len + (len / SEAL_CHUNK + 1) * TAG;
}

/* Canonical base64 without padding, as the header wants it. */
static void base64(char *out, size_t cap, const uint8_t *data, size_t len)
{
	sodium_bin2base64(out, cap, data, len,
			  sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

/* "-> X25519 <ephemeral share>" and the wrapped file key. */
static int add_stanza(struct buf *out, const uint8_t file_key[FILE_KEY],
		      const uint8_t recipient[32])
{
	static const uint8_t zero[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
	uint8_t secret[32], share[32], shared[32], salt[64], wrap[32];
	uint8_t body[FILE_KEY + TAG];
	char share64[48], body64[48];
	int r = 0;

	randombytes_buf(secret, sizeof(secret));
	(void)crypto_scalarmult_base(share, secret);
	if (crypto_scalarmult(shared, secret, recipient) != 0)
		r = -EINVAL;
	memcpy(salt, share, 32);
	memcpy(salt + 32, recipient, 32);
	hkdf(wrap, shared, sizeof(shared), salt, sizeof(salt),
	     "age-encryption.org/v1/X25519");
	(void)crypto_aead_chacha20poly1305_ietf_encrypt(body, NULL, file_key,
		FILE_KEY, NULL, 0, NULL, zero, wrap);
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(shared, sizeof(shared));
	sodium_memzero(wrap, sizeof(wrap));
	base64(share64, sizeof(share64), share, sizeof(share));
	base64(body64, sizeof(body64), body, sizeof(body));
	return r < 0 ? r : buf_addf(out, "-> X25519 %s\n%s\n", share64, body64);
}

int seal_begin(struct seal *s, const struct seal_recipients *to, struct buf *out)
{
	uint8_t file_key[FILE_KEY], mac_key[32], mac[32], nonce[NONCE];
	char mac64[48];
	size_t start = out->len;
	int r;

	randombytes_buf(file_key, sizeof(file_key));
	r = buf_addf(out, "age-encryption.org/v1\n");
	for (size_t i = 0; r == 0 && i < to->count; i++)
		r = add_stanza(out, file_key, to->key[i]);
	if (r == 0)
		r = buf_add(out, "---", 3);
	if (r == 0) {
		hkdf(mac_key, file_key, sizeof(file_key), NULL, 0, "header");
		(void)crypto_auth_hmacsha256(mac, out->data + start,
					     out->len - start, mac_key);
		base64(mac64, sizeof(mac64), mac, sizeof(mac));
		r = buf_addf(out, " %s\n", mac64);
	}
	randombytes_buf(nonce, sizeof(nonce));
	if (r == 0)
		r = buf_add(out, nonce, sizeof(nonce));
	hkdf(s->key, file_key, sizeof(file_key), nonce, sizeof(nonce), "payload");
	sodium_memzero(file_key, sizeof(file_key));
	sodium_memzero(mac_key, sizeof(mac_key));
	s->out = out;
	s->counter = 0;
	s->held = 0;
	return r;
}

/* Encrypt the chunk that is held; its nonce is an 11-byte counter and a flag. */
static int put_chunk(struct seal *s, bool last)
{
	uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES] = { 0 };
	struct buf *out = s->out;

	if (buf_room(out) < s->held + TAG)
		return -ENOBUFS;
	for (int i = 0; i < 8; i++)
		nonce[10 - i] = (uint8_t)(s->counter >> (8 * i));
	nonce[11] = last;
	(void)crypto_aead_chacha20poly1305_ietf_encrypt(out->data + out->len,
		NULL, s->chunk, s->held, NULL, 0, NULL, nonce, s->key);
	out->len += s->held + TAG;
	s->counter++;
	s->held = 0;
	return 0;
}

int seal_write(struct seal *s, const void *data, size_t len)
{
	const uint8_t *p = data;
	int r;

	while (len > 0) {
		size_t n = SEAL_CHUNK - s->held;

		if (n == 0) {
			r = put_chunk(s, false);
			if (r < 0)
				return r;
			continue;
		}
		if (n > len)
			n = len;
		memcpy(s->chunk + s->held, p, n);
		s->held += n;
		p += n;
		len -= n;
	}
	return 0;
}

int seal_end(struct seal *s)
{
	int r = put_chunk(s, true);

	sodium_memzero(s->key, sizeof(s->key));
	sodium_memzero(s->chunk, sizeof(s->chunk));
	return r;
}
