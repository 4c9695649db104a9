/*
 * minisign.h - signatures that minisign(1) makes and checks: Ed25519 over the
 * BLAKE2b-512 of a file ("prehashed", its default since 0.8).
 */
#ifndef MINISIGN_H
#define MINISIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MINISIGN_ID_BYTES 8
#define MINISIGN_PUBLIC_BYTES 32
#define MINISIGN_SECRET_BYTES 64
#define MINISIGN_HASH_BYTES 64
#define MINISIGN_SIGNATURE_BYTES 64

#define MINISIGN_ERROR_MAX 128
#define MINISIGN_PUBLIC_TEXT 57       /* "RW..." and its NUL */
#define MINISIGN_PUBLIC_FILE_MAX 128  /* text of a public key file */
#define MINISIGN_COMMENT_MAX 1024     /* trusted comment and its NUL */
#define MINISIGN_FILE_MAX (MINISIGN_COMMENT_MAX + 512) /* text of a signature file */

struct minisign_public {
	uint8_t id[MINISIGN_ID_BYTES];
	uint8_t key[MINISIGN_PUBLIC_BYTES];
};

/* A key pair; its owner keeps it in sodium_malloc() memory and wipes it. */
struct minisign_key {
	struct minisign_public public;
	uint8_t secret[MINISIGN_SECRET_BYTES];
};

struct minisign_signature {
	uint8_t id[MINISIGN_ID_BYTES];
	uint8_t signature[MINISIGN_SIGNATURE_BYTES];
	uint8_t global[MINISIGN_SIGNATURE_BYTES];
	char comment[MINISIGN_COMMENT_MAX]; /* trusted only once verified */
};

/* Make a key pair with a random id. */
void minisign_keygen(struct minisign_key *ret);

/* The public key as the 56 characters that minisign -P takes. */
void minisign_public_text(const struct minisign_public *public,
			  char ret[MINISIGN_PUBLIC_TEXT]);

/* The text of its public key file: two lines. */
void minisign_public_file(const struct minisign_public *public,
			  char ret[MINISIGN_PUBLIC_FILE_MAX]);

/* Is this the text of a public key file of that key, to the byte?  With the
   id in its comment as minisign writes it: 16 digits, before 0.12 without
   leading zeros. */
bool minisign_is_public_file(const struct minisign_public *public, const char *text, size_t len);

/*
 * Sign ${len} bytes with ${comment} as the trusted comment (printable or tabs, no line
 * breaks) and write the text of the signature file with a NUL into ${ret}.
 * 0; -EINVAL for a bad comment; -ENOBUFS when ${cap} is too small
 * (MINISIGN_FILE_MAX never is).
 */
int minisign_sign(const struct minisign_key *key, const void *data, size_t len,
		  const char *comment, char *ret, size_t cap);

/* The same for data whose unkeyed BLAKE2b-512 is known already. */
int minisign_sign_hash(const struct minisign_key *key,
		       const uint8_t hash[MINISIGN_HASH_BYTES],
		       const char *comment, char *ret, size_t cap);

/* The text of a signature file, as minisign_sign() writes it.  0 or -ENOBUFS. */
int minisign_signature_text(const struct minisign_signature *sig, char *ret,
			    size_t cap);

/*
 * Read a public key: the 56 characters, or the text of a public key file.
 * 0, or -EINVAL and ${error} says why not.
 */
int minisign_parse_public(const char *text, size_t len, struct minisign_public *ret,
			  char error[MINISIGN_ERROR_MAX]);

/*
 * The public key that ${arg} names: its 56 characters or a file that has it.
 * 0; -EINVAL or another negative errno, and ${error} says why not.
 */
int minisign_load_public(const char *arg, struct minisign_public *ret,
			 char error[MINISIGN_ERROR_MAX]);

/*
 * Read the text of a signature file.  Nothing is verified.  0, or -EINVAL and
 * ${error} says why not; a signature that is not prehashed is refused.
 */
int minisign_parse_signature(const char *text, size_t len,
			     struct minisign_signature *ret,
			     char error[MINISIGN_ERROR_MAX]);

/*
 * Did ${public} sign these ${len} bytes and the trusted comment?  0; -EPERM
 * another key signed; -EKEYREJECTED the signature itself was changed, so the
 * data may be good; -EBADMSG the data were changed.  ${error} says so in words.
 */
int minisign_verify(const struct minisign_public *public,
		    const struct minisign_signature *sig, const void *data,
		    size_t len, char error[MINISIGN_ERROR_MAX]);

#endif
