/* hkdf.h - HKDF-SHA256 (RFC 5869) with 32 bytes out, as age derives its keys. */
#ifndef HKDF_H
#define HKDF_H

#include <stddef.h>
#include <stdint.h>

#define HKDF_BYTES 32

/* Derive a key from ${secret}; ${salt} may be NULL with a length of 0. */
void hkdf(uint8_t ret[HKDF_BYTES], const uint8_t *secret, size_t secret_len,
	  const uint8_t *salt, size_t salt_len, const char *info);

#endif
