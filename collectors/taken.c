/*
 * taken.c - which files of the host some collector has taken already.
 *
 * A collector that was left behind may still be at work beside the next one:
 * hence the lock.  When the set is full, everything counts as new: a file that
 * comes twice is better than one that does not come.
 */
#include "taken.h"

#include <sodium.h>
#include <string.h>

_Static_assert(sizeof(((struct taken *)0)->key) == crypto_shorthash_KEYBYTES, "the key");

void taken_open(struct taken *t)
{
	*t = (struct taken){ .paths = { 0 } };
	(void)pthread_mutex_init(&t->lock, NULL);
	randombytes_buf(t->key, sizeof(t->key));
}

static uint64_t digest(const struct taken *t, const char *path)
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint64_t v;

	(void)crypto_shorthash(hash, (const uint8_t *)path, strlen(path), t->key);
	memcpy(&v, hash, sizeof(v));
	return v | 1; /* 0 is no member */
}

bool taken_has(struct taken *t, const char *path)
{
	bool has;

	(void)pthread_mutex_lock(&t->lock);
	has = set_has(&t->paths, digest(t, path));
	(void)pthread_mutex_unlock(&t->lock);
	return has;
}

bool taken_add(struct taken *t, const char *path)
{
	uint64_t v;
	bool added;

	if (t == NULL)
		return true;
	v = digest(t, path);
	(void)pthread_mutex_lock(&t->lock);
	added = set_add(&t->paths, v) || !set_has(&t->paths, v);
	(void)pthread_mutex_unlock(&t->lock);
	return added;
}

void taken_free(struct taken *t)
{
	if (t == NULL)
		return;
	set_free(&t->paths);
	(void)pthread_mutex_destroy(&t->lock);
}
