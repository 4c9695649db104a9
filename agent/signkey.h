/* signkey.h - the responder's signing key: minisign's secret key file, without a password. */
#ifndef SIGNKEY_H
#define SIGNKEY_H

#include <stddef.h>

#include "minisign.h"

#define SIGNKEY_FILE_MAX 320 /* text of a secret key file */

/*
 * The text of ${key}'s secret key file, as `minisign -G -W` writes it; the
 * caller wipes it.
 */
void signkey_file(const struct minisign_key *key, char ret[SIGNKEY_FILE_MAX]);

/*
 * Read the text of a secret key file.  0, or -EINVAL and ${error} says why
 * not, without any of it; a key that has a password is refused.
 */
int signkey_parse(const char *text, size_t len, struct minisign_key *ret,
		  char error[MINISIGN_ERROR_MAX]);

/*
 * Read the secret key file ${path}.  On success ${ret} is the caller's, to be
 * given back with sodium_free().  0; a negative errno, and ${error} says why.
 */
int signkey_load(const char *path, struct minisign_key **ret,
		 char error[MINISIGN_ERROR_MAX]);

#endif
