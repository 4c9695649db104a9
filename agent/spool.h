/*
 * spool.h - where sealed objects wait when the vault cannot be reached: a
 * directory on the host, within a limit.
 */
#ifndef SPOOL_H
#define SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "vault.h"

struct spool;

/* How much may be written where. */
struct spool_options {
	const char *dir;
	uint64_t max_bytes;  /* 0: as much as the disk takes but for a reserve */
	int64_t deadline_ms; /* CLOCK_MONOTONIC, after which nothing is written; 0: none */
	int64_t hang_ms;     /* a call of the disk that takes longer hangs; 0: none does */
};

/*
 * Read "DIR[,max=SIZE]" into ${ret}, whose ${dir} points into ${storage}, of
 * ${cap} bytes.  0 or -EINVAL.
 */
int spool_parse(const char *text, struct spool_options *ret, char *storage, size_t cap);

/*
 * A spool below ${o->dir}/${path}.  Nothing is made on the disk before the
 * first object comes.  0 or -ENOMEM.
 */
int spool_open(struct spool **ret, const struct spool_options *o, const char *path);

void spool_close(struct spool *s); /* NULL is fine */

/*
 * Keep one object.  Safe from any thread.  0; -ENOSPC when the limit or the
 * disk's reserve is reached; another negative errno; ${error} says why.
 */
int spool_put(struct spool *s, const struct vault_object *obj,
	      char error[VAULT_ERROR_MAX]);

/*
 * Take the name of a segment that waits, the lowest first; each is handed out
 * to one caller at a time.  0, or -ENOENT when none waits.
 */
int spool_take(struct spool *s, char *ret_name, size_t cap);

/*
 * Load an object that waits into ${ret}, of ${cap} bytes.  Bytes, or a
 * negative errno.
 */
int64_t spool_load(struct spool *s, const char *name, void *ret, size_t cap);

/* The segment that was taken is in the vault: remove it; or it waits again. */
void spool_sent(struct spool *s, const char *name);
void spool_keep(struct spool *s, const char *name);

/* Segments that wait, and bytes of all objects. */
unsigned spool_waiting(struct spool *s);
uint64_t spool_bytes(struct spool *s);

#endif
