/*
 * unseal.h - age v1 decryption (age-encryption.org/v1, C2SP age.md) with X25519
 * identities, from memory.
 */
#ifndef UNSEAL_H
#define UNSEAL_H

#include <stddef.h>
#include <stdint.h>

struct agekey_identities;

#define UNSEAL_KEY_BYTES 32
#define UNSEAL_CHUNK_MAX 65536u
#define UNSEAL_ERROR_MAX 128

/* Takes decrypted, authenticated bytes.  0, or a negative errno to stop. */
typedef int unseal_writer(void *arg, const void *data, size_t len);

/* One file, its header read; the owner wipes it with unseal_close(). */
struct unseal {
	uint8_t key[UNSEAL_KEY_BYTES];
	const uint8_t *next, *end; /* of the chunks that are not decrypted yet */
	uint64_t counter;
};

/*
 * Read and check the header of the ${len} bytes of ${data}, which stay in use,
 * and find the identity that opens it.  0; -EINVAL no age file or a malformed
 * header; -ENOKEY none of the identities is a recipient; -EKEYREJECTED the
 * header was changed.  ${error} says what is wrong.
 */
int unseal_open(struct unseal *u, const void *data, size_t len,
		const struct agekey_identities *ids, char error[UNSEAL_ERROR_MAX]);

/*
 * Decrypt the next chunk into ${ret} (UNSEAL_CHUNK_MAX bytes).  1 and its
 * length (0 only for an empty file); 0 after the last; -EBADMSG when it was
 * changed, cut short or goes on after its end.
 */
int unseal_chunk(struct unseal *u, uint8_t *ret, size_t *ret_len);

/* Wipe the key. */
void unseal_close(struct unseal *u);

/*
 * All of it: the chunks in order to ${write}, each only once it is
 * authenticated.  As unseal_open() and unseal_chunk(), or ${write}'s error.
 */
int unseal_memory(const void *data, size_t len, const struct agekey_identities *ids,
		  unseal_writer *write, void *arg, char error[UNSEAL_ERROR_MAX]);

#endif
