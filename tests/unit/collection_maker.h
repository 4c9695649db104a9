/* collection_maker.h - makes collections, whole or hostile, in a new directory. */
#ifndef COLLECTION_MAKER_H
#define COLLECTION_MAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "minisign.h"
#include "seal.h"

#define MAKER_ID "20261124T093000Z-7f3a"

struct maker_entry {
	const char *path;
	const char *data;   /* NUL-terminated; NULL: none */
	char type;          /* 0 file, 'l' symbolic link, 'h' hard link, 'd' directory,
			       'p' pipe, 'c' device */
	const char *target; /* of a link */
	int64_t size;       /* of a file of NULs, when ${data} is NULL */
};

struct maker {
	char base[64];      /* temporary: all below is removed by maker_close() */
	char dir[80];       /* the collection */
	char identity[80];  /* identity file */
	char out[80];       /* does not exist */
	struct minisign_key key;
	struct seal_recipients to;
	char signer[MINISIGN_PUBLIC_TEXT];
	const char *id;     /* that signatures name: MAKER_ID */
	unsigned next;      /* number of the next segment */
	char segments[65536], lost[4096]; /* JSON of the manifest */
	bool bad_sums;      /* the next segment's SHA256SUMS is wrong */
	bool no_sums;       /* it has none */
	uint64_t claim;     /* its entry_bytes in the manifest; 0: the truth */
};

/* A new key pair, identity and collection with evac.pub.  Aborts on failure. */
void maker_open(struct maker *m);
void maker_close(struct maker *m);

/* Add segment ${m->next} with these entries. */
void maker_segment(struct maker *m, const char *group, const struct maker_entry *entries,
		   size_t count);

/* A segment that the manifest calls lost. */
void maker_lose(struct maker *m, const char *group);

/* Write and sign the manifest; ${version} is 1. */
void maker_manifest(struct maker *m, unsigned version);

/* Write ${text} as the object ${name}. */
void maker_write(struct maker *m, const char *name, const void *data, size_t len);

/* Sign what the object ${name} holds now; a segment's number or -1. */
void maker_sign(struct maker *m, const char *name, long segment);

/* Flip a bit of the object ${name}: byte ${at}, negative from its end. */
void maker_flip(struct maker *m, const char *name, long at, unsigned bit);

void maker_remove(struct maker *m, const char *name);
void maker_rename(struct maker *m, const char *from, const char *to);

/* Bytes of an object. */
long maker_size(struct maker *m, const char *name);

/*
 * Call ${run} with the words after the verb, up to NULL.  What it printed on
 * both streams is kept, cut if need be.  Its exit status.
 */
int maker_run(int (*run)(int argc, char **argv), char *output, size_t cap, ...);

/* Contents of the file ${path} below ${m->out}, static; NULL: there is none. */
const char *maker_result(struct maker *m, const char *path);

#endif
