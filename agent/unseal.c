/*
 * unseal.c - age v1 decryption.
 *
 * Reads an age file in memory and gives its plain text chunk by chunk, each
 * only once it is authenticated.  A file that was changed or cut short gives
 * its genuine beginning and then an error, never bytes that nobody sealed.
 */
#include "unseal.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "age_header.h"
#include "agekey.h"
#include "base64.h"
#include "hkdf.h"

#define FILE_KEY 16
#define NONCE 16
#define TAG crypto_aead_chacha20poly1305_ietf_ABYTES
#define AEAD_NONCE crypto_aead_chacha20poly1305_ietf_NPUBBYTES
#define SEALED_CHUNK (UNSEAL_CHUNK_MAX + TAG)

static int refuse(char error[UNSEAL_ERROR_MAX], int r, const char *why)
{
	(void)snprintf(error, UNSEAL_ERROR_MAX, "%s", why);
	return r;
}

static bool is_arg(const struct age_arg *arg, const char *text)
{
	return arg->len == strlen(text) && memcmp(arg->text, text, arg->len) == 0;
}

/* Take the file key out of one X25519 stanza.  0, -ENOKEY or -EINVAL. */
static int unwrap(const uint8_t share[32], const uint8_t body[FILE_KEY + TAG],
		  const struct agekey_pair *pair, uint8_t ret[FILE_KEY])
{
	static const uint8_t nonce[AEAD_NONCE];
	uint8_t shared[32], salt[64], key[HKDF_BYTES];
	int r = 0;

	if (crypto_scalarmult_curve25519(shared, pair->secret, share) != 0)
		return -EINVAL;
	memcpy(salt, share, 32);
	memcpy(salt + 32, pair->public, 32);
	hkdf(key, shared, sizeof(shared), salt, sizeof(salt),
	     "age-encryption.org/v1/X25519");
	if (crypto_aead_chacha20poly1305_ietf_decrypt(ret, NULL, NULL, body,
						      FILE_KEY + TAG, NULL, 0, nonce,
						      key) != 0)
		r = -ENOKEY;
	sodium_memzero(shared, sizeof(shared));
	sodium_memzero(key, sizeof(key));
	return r;
}

/* Try all identities on one stanza.  0, -ENOKEY or -EINVAL. */
static int try_stanza(const struct age_stanza *s, const struct agekey_identities *ids,
		      uint8_t ret[FILE_KEY])
{
	uint8_t share[32];
	int r = -ENOKEY;

	if (!is_arg(&s->args[0], "X25519"))
		return -ENOKEY;
	if (s->arg_count != 2 || s->body_len != FILE_KEY + TAG ||
	    base64_decode(s->args[1].text, s->args[1].len, false, share,
			  sizeof(share)) < 0)
		return -EINVAL;
	for (size_t i = 0; i < ids->count && r == -ENOKEY; i++)
		r = unwrap(share, s->body, &ids->pairs[i], ret);
	return r;
}

/* The whole header; the file key if an identity opens it. */
static int read_header(struct age_header *h, const void *data, size_t len,
		       const struct agekey_identities *ids, uint8_t ret[FILE_KEY],
		       char error[UNSEAL_ERROR_MAX])
{
	bool scrypt = false, found = false;
	struct age_stanza stanza;
	int r;

	if (age_header_open(h, data, len) < 0)
		return refuse(error, -EINVAL, "it is no age file, or of another version");
	while ((r = age_header_next(h, &stanza)) == 1) {
		scrypt |= is_arg(&stanza.args[0], "scrypt");
		if (found)
			continue;
		r = try_stanza(&stanza, ids, ret);
		if (r == -EINVAL)
			break;
		found = r == 0;
	}
	if (r < 0 || (scrypt && h->stanzas > 1))
		return refuse(error, -EINVAL, "its age header is malformed");
	if (!found)
		return refuse(error, -ENOKEY,
			      "the identity does not open it: it is none of the recipients");
	return 0;
}

int unseal_open(struct unseal *u, const void *data, size_t len,
		const struct agekey_identities *ids, char error[UNSEAL_ERROR_MAX])
{
	uint8_t file_key[FILE_KEY], mac_key[HKDF_BYTES];
	struct age_header h;
	int r;

	memset(u, 0, sizeof(*u));
	r = read_header(&h, data, len, ids, file_key, error);
	if (r == 0) {
		hkdf(mac_key, file_key, sizeof(file_key), NULL, 0, "header");
		if (crypto_auth_hmacsha256_verify(h.mac, data, h.mac_len, mac_key) != 0)
			r = refuse(error, -EKEYREJECTED, "its age header was changed");
	}
	u->next = (const uint8_t *)h.at;
	u->end = (const uint8_t *)data + len;
	if (r == 0 && u->end - u->next < NONCE)
		r = refuse(error, -EINVAL, "it is cut short in its age header");
	if (r == 0) {
		hkdf(u->key, file_key, sizeof(file_key), u->next, NONCE, "payload");
		u->next += NONCE;
	}
	sodium_memzero(file_key, sizeof(file_key));
	sodium_memzero(mac_key, sizeof(mac_key));
	return r;
}

static bool decrypt(const struct unseal *u, size_t len, bool last, uint8_t *ret)
{
	uint8_t nonce[AEAD_NONCE] = { 0 };

	for (unsigned i = 0; i < 8; i++)
		nonce[AEAD_NONCE - 2 - i] = (uint8_t)(u->counter >> 8 * i);
	nonce[AEAD_NONCE - 1] = last;
	return crypto_aead_chacha20poly1305_ietf_decrypt(ret, NULL, NULL, u->next, len,
							 NULL, 0, nonce, u->key) == 0;
}

int unseal_chunk(struct unseal *u, uint8_t *ret, size_t *ret_len)
{
	size_t left, len;
	bool last;

	if (u->next == NULL)
		return 0;
	left = (size_t)(u->end - u->next);
	len = left < SEALED_CHUNK ? left : SEALED_CHUNK;
	last = left == len;
	if (len < TAG || (len == TAG && u->counter > 0))
		return -EBADMSG;
	/*
	 * A full chunk may be genuine though the file was cut right behind it or
	 * has something more after it: it is given out, the next call fails.
	 */
	if (!decrypt(u, len, last, ret)) {
		if (len < SEALED_CHUNK || !decrypt(u, len, !last, ret))
			return -EBADMSG;
		u->end = u->next + len;
		last = false;
	}
	u->next = last ? NULL : u->next + len;
	u->counter++;
	*ret_len = len - TAG;
	return 1;
}

void unseal_close(struct unseal *u)
{
	sodium_memzero(u, sizeof(*u));
}

int unseal_memory(const void *data, size_t len, const struct agekey_identities *ids,
		  unseal_writer *write, void *arg, char error[UNSEAL_ERROR_MAX])
{
	uint8_t *chunk = malloc(UNSEAL_CHUNK_MAX);
	struct unseal u;
	size_t n;
	int r;

	if (chunk == NULL)
		return refuse(error, -ENOMEM, "no memory");
	r = unseal_open(&u, data, len, ids, error);
	while (r == 0 && (r = unseal_chunk(&u, chunk, &n)) == 1)
		r = write(arg, chunk, n);
	if (r == -EBADMSG)
		(void)refuse(error, r, "its encrypted data were changed or cut short");
	sodium_memzero(chunk, UNSEAL_CHUNK_MAX);
	free(chunk);
	unseal_close(&u);
	return r;
}
