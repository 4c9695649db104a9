/* kmod_store.h - a store of kernel modules: a directory, an address of the web or a place in a bucket. */
#ifndef KMOD_STORE_H
#define KMOD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vault_options;
struct kmod_store;

#define KMOD_STORE_ERROR_MAX 256

/* Is ${where} reached over the network: "https://..." or "s3://..."? */
bool kmod_store_is_remote(const char *where);

/* Can ${where} be a store: an absolute directory, or one of those? */
bool kmod_store_is_place(const char *where);

/* It as people may see it: without what follows a "?", which may be a secret. */
void kmod_store_text(const char *where, char *ret, size_t cap);

/*
 * Open the store; nothing is read yet, but a bucket may have to ask for the
 * credentials of the instance's role.  ${how} says how a network is reached
 * and a bucket's endpoint, region and credentials (NULL: as by default); it and
 * ${where} live as long as the store.  A bucket for which there are no
 * credentials is read without.  0; a negative errno, and ${error} in one line.
 */
int kmod_store_open(struct kmod_store **ret, const char *where,
		    const struct vault_options *how, char error[KMOD_STORE_ERROR_MAX]);

/*
 * Read the file ${name}, at most ${max} bytes, until ${end_ms}
 * (CLOCK_MONOTONIC).  0, and ${ret} is the caller's to free(); -ENOENT there is
 * none; -EFBIG; -ETIMEDOUT; another negative errno.  ${error} in one line.
 */
int kmod_store_get(struct kmod_store *s, const char *name, size_t max, int64_t end_ms,
		   void **ret, size_t *ret_len, char error[KMOD_STORE_ERROR_MAX]);

void kmod_store_close(struct kmod_store *s); /* NULL is fine */

#endif
