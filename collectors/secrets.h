/* secrets.h - secrets of the host's owners in what is copied: found by their names and forms, and masked. */
#ifndef SECRETS_H
#define SECRETS_H

#include <stdbool.h>
#include <stddef.h>

/* Stands where a secret stood; a shorter secret gets as many stars as it had bytes. */
#define SECRETS_MASK "***"

/*
 * Is something of that ${name} (a variable, a key of a file, an option) a
 * secret?  AWS_SECRET_ACCESS_KEY, db.password and "ApiKey" are;
 * AWS_ACCESS_KEY_ID, which says whose key it is, PWD and TOKEN_FILE are not.
 */
bool secrets_in_name(const char *name, size_t len);

/*
 * Copy ${len} bytes of ${text} to ${out} with each secret masked: private keys
 * in PEM, tokens that begin as those of known services do, crypt(5) hashes,
 * passwords in URLs, Authorization headers, and what is assigned ("=", ":") to
 * a name that secrets_in_name() knows.  What makes evidence stays: names,
 * a token's prefix, a hash's method.  The copy is never longer; ${out} has
 * ${len} bytes and may be ${text} itself.  How many were masked; ${ret_len}
 * has the length of the copy.
 */
size_t secrets_mask(const char *text, size_t len, char *out, size_t *ret_len);

/* As secrets_mask(), for the value of the variable ${name}: all of it is one
 * secret if the name says so. */
size_t secrets_mask_value(const char *name, size_t name_len, const char *value,
			  size_t len, char *out, size_t *ret_len);

#endif
