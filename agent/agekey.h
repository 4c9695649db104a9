/*
 * agekey.h - X25519 keys of age (age-encryption.org/v1, C2SP age.md): to whom
 * evidence is encrypted, and who opens it.
 */
#ifndef AGEKEY_H
#define AGEKEY_H

#include <stddef.h>
#include <stdint.h>

#define AGEKEY_BYTES 32
#define AGEKEY_ERROR_MAX 128
#define AGEKEY_RECIPIENT_TEXT 63 /* "age1..." and its NUL */
#define AGEKEY_IDENTITY_TEXT 75  /* "AGE-SECRET-KEY-1..." and its NUL */

/*
 * Read a recipient, "age1...".  0, or -EINVAL and ${error} says in a few plain
 * words why not; a key of low order, to which anyone could open, is refused.
 */
int agekey_parse_recipient(const char *text, uint8_t ret[AGEKEY_BYTES],
			   char error[AGEKEY_ERROR_MAX]);

/*
 * Read an identity, "AGE-SECRET-KEY-1...".  As above; ${error} never repeats
 * any of it.
 */
int agekey_parse_identity(const char *text, uint8_t ret[AGEKEY_BYTES],
			  char error[AGEKEY_ERROR_MAX]);

/* The recipient as text. */
void agekey_recipient_text(const uint8_t public[AGEKEY_BYTES],
			   char ret[AGEKEY_RECIPIENT_TEXT]);

/* The identity as text: secret, the caller wipes it. */
void agekey_identity_text(const uint8_t secret[AGEKEY_BYTES],
			  char ret[AGEKEY_IDENTITY_TEXT]);

/* The recipient that belongs to an identity. */
void agekey_public(const uint8_t secret[AGEKEY_BYTES], uint8_t ret[AGEKEY_BYTES]);

#define AGEKEY_IDENTITIES_MAX 64

/* The identities of one file, in guarded memory. */
struct agekey_identities {
	size_t count;
	struct agekey_pair {
		uint8_t secret[AGEKEY_BYTES];
		uint8_t public[AGEKEY_BYTES];
	} pairs[AGEKEY_IDENTITIES_MAX];
};

/*
 * Parse an identity file: an identity a line, "#" comments and empty lines
 * between.  0, or -EINVAL and ${error} names the line and what is wrong.
 */
int agekey_parse_identities(const char *text, size_t len,
			    struct agekey_identities *ret,
			    char error[AGEKEY_ERROR_MAX]);

/*
 * Read the identity file ${path}, which may be a pipe.  On success ${ret} is
 * the caller's, to be given back with agekey_free_identities().  0; -EINVAL or
 * a negative errno, and ${error} says why.
 */
int agekey_load_identities(const char *path, struct agekey_identities **ret,
			   char error[AGEKEY_ERROR_MAX]);

/* Wipe and free; NULL is fine. */
void agekey_free_identities(struct agekey_identities *identities);

#endif
