/*
 * seal.h - age v1 encryption (age-encryption.org/v1, C2SP age.md): X25519
 * recipients, ChaCha20-Poly1305 STREAM in chunks of 64 KiB.
 */
#ifndef SEAL_H
#define SEAL_H

#include <stddef.h>
#include <stdint.h>

struct buf;

#define SEAL_CHUNK 65536u
#define SEAL_RECIPIENTS_MAX 16u

/* Public keys that open what is sealed. */
struct seal_recipients {
	uint8_t key[SEAL_RECIPIENTS_MAX][32];
	size_t count; /* at least 1 */
};

/* One encryption in progress; chunk is the only plain text that it holds. */
struct seal {
	struct buf *out;
	uint8_t key[32];
	uint64_t counter;
	size_t held; /* bytes in chunk */
	uint8_t chunk[SEAL_CHUNK];
};

/* Most bytes that ${len} bytes of plain text become. */
size_t seal_bound(size_t len);

/*
 * Write the header for a fresh file key into ${out}, which must have room for
 * all that will come.  0; -ENOBUFS; -EINVAL when a recipient's key is a point
 * of low order.
 */
int seal_begin(struct seal *s, const struct seal_recipients *to, struct buf *out);

/* Encrypt ${len} bytes more.  0 or -ENOBUFS. */
int seal_write(struct seal *s, const void *data, size_t len);

/* Write the last chunk and wipe the key.  0 or -ENOBUFS. */
int seal_end(struct seal *s);

#endif
