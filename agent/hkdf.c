/*
 * hkdf.c - HKDF-SHA256, by libsodium's HMAC: Debian's version of it has no
 * HKDF of its own.  Reads and writes memory only; wipes what it derived.
 */
#include "hkdf.h"

#include <sodium.h>
#include <string.h>

void hkdf(uint8_t ret[HKDF_BYTES], const uint8_t *secret, size_t secret_len,
	  const uint8_t *salt, size_t salt_len, const char *info)
{
	static const uint8_t none[1], first_block = 1;
	crypto_auth_hmacsha256_state state;
	uint8_t extracted[crypto_auth_hmacsha256_BYTES];

	(void)crypto_auth_hmacsha256_init(&state, salt == NULL ? none : salt, salt_len);
	(void)crypto_auth_hmacsha256_update(&state, secret, secret_len);
	(void)crypto_auth_hmacsha256_final(&state, extracted);
	(void)crypto_auth_hmacsha256_init(&state, extracted, sizeof(extracted));
	(void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)info, strlen(info));
	(void)crypto_auth_hmacsha256_update(&state, &first_block, 1);
	(void)crypto_auth_hmacsha256_final(&state, ret);
	sodium_memzero(extracted, sizeof(extracted));
	sodium_memzero(&state, sizeof(state));
}
