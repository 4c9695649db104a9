/* taken.h - which files of the host some collector has taken already. */
#ifndef TAKEN_H
#define TAKEN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "set.h"

/*
 * No name may stand twice in a collection, and a file of interest to several
 * collectors is read once.  Paths are remembered by a keyed 64-bit digest
 * (SipHash-2-4), so that no one can choose two that count as one.
 */
struct taken {
	pthread_mutex_t lock;
	struct set paths;
	uint8_t key[16];
};

/* An empty one. */
void taken_open(struct taken *t);

/* Remember ${path}.  True when it was not there before, or ${t} is NULL. */
bool taken_add(struct taken *t, const char *path);

bool taken_has(struct taken *t, const char *path);

void taken_free(struct taken *t); /* NULL is fine */

#endif
