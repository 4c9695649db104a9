/*
 * digest.h - SHA-256 (FIPS 180-4), by OpenSSL because it uses the processor's
 * own instructions; libsodium's is four times slower.  And MD5, where a server
 * knows no better check against damage on the way.
 */
#ifndef DIGEST_H
#define DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_BYTES 32
#define DIGEST_HEX (2 * DIGEST_BYTES + 1)

struct digest; /* one computation in progress */

/* Begin.  On success ${ret} is the caller's.  0 or -ENOMEM. */
int digest_open(struct digest **ret);

/* Begin again with the same memory. */
void digest_reset(struct digest *d);

void digest_add(struct digest *d, const void *data, size_t len);

/* Finish; digest_reset() before the next use. */
void digest_end(struct digest *d, uint8_t ret[DIGEST_BYTES]);

void digest_free(struct digest *d); /* NULL is fine */

/* Digest of one piece of memory.  0 or -ENOMEM. */
int digest_memory(const void *data, size_t len, uint8_t ret[DIGEST_BYTES]);

#define DIGEST_MD5_BYTES 16

/* MD5 (RFC 1321) of one piece of memory: no protection from forgery.  0 or -ENOMEM. */
int digest_md5(const void *data, size_t len, uint8_t ret[DIGEST_MD5_BYTES]);

/*
 * Digest of what ${fd} still gives, at most ${max} bytes.  Sets ${ret_bytes} to
 * the bytes read (may be NULL).  0; -EFBIG when there is more; a negative errno.
 */
int digest_file(int fd, uint64_t max, uint8_t ret[DIGEST_BYTES], uint64_t *ret_bytes);

#endif
