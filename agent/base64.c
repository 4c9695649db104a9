/*
 * base64.c - strict base64, by libsodium.
 *
 * Reads text of a hostile source.  Bytes past ASCII are refused here, because
 * libsodium 1.0.18 ignores the eighth bit where char is signed: one signature
 * would have many texts.
 */
#include "base64.h"

#include <errno.h>
#include <sodium.h>

int base64_decode(const char *text, size_t len, bool padded, uint8_t *ret, size_t size)
{
	size_t got;

	for (size_t i = 0; i < len; i++)
		if ((uint8_t)text[i] > 0x7f)
			return -EINVAL;
	if (sodium_base642bin(ret, size, text, len, NULL, &got, NULL,
			      padded ? sodium_base64_VARIANT_ORIGINAL :
				       sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0)
		return -EINVAL;
	return got == size ? 0 : -EINVAL;
}
