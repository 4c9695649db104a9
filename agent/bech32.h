/* bech32.h - text with a checksum (BIP-173), without its limit on the length. */
#ifndef BECH32_H
#define BECH32_H

#include <stddef.h>
#include <stdint.h>

/* Characters, with the NUL, for ${hrp_len} of prefix and ${len} bytes of data. */
#define BECH32_TEXT_MAX(hrp_len, len) ((hrp_len) + 1 + ((len) * 8 + 4) / 5 + 6 + 1)

/*
 * Write ${len} bytes as lower-case bech32 text with the prefix ${hrp} and a
 * NUL into ${ret}.  0; -EINVAL when the prefix is empty or has a character
 * that is not allowed; -ENOBUFS when ${cap} is too small.
 */
int bech32_encode(const char *hrp, const uint8_t *data, size_t len, char *ret,
		  size_t cap);

/* What bech32_decode() found. */
struct bech32 {
	const char *hrp;    /* the prefix, in the given text, in its own case */
	size_t hrp_len;
	size_t len;         /* bytes of data */
};

/*
 * Decode ${len} characters of ${text} into at most ${cap} bytes of ${data}.
 * 0, or what is wrong with it: -EILSEQ a character that is not allowed;
 * -EPROTOTYPE upper and lower case mixed; -EINVAL no prefix, no separator or
 * too short; -EBADMSG wrong checksum; -EPROTO left-over bits that are not a
 * zero padding; -ENOBUFS more than ${cap} bytes.
 */
int bech32_decode(const char *text, size_t len, uint8_t *data, size_t cap,
		  struct bech32 *ret);

/* One of these errors in plain words. */
const char *bech32_error(int error);

#endif
