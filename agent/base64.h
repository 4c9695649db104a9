/* base64.h - strict base64 (RFC 4648): each text has one form, each form one text. */
#ifndef BASE64_H
#define BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decode all ${len} characters of ${text}, with its padding or, if not
 * ${padded}, without any, into exactly ${size} bytes.  0 or -EINVAL.
 */
int base64_decode(const char *text, size_t len, bool padded, uint8_t *ret, size_t size);

#endif
