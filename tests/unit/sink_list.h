/* sink_list.h - a sink that remembers everything, for tests of collectors. */
#ifndef SINK_LIST_H
#define SINK_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "sink.h"

/* An evidence file, its pieces joined by their offsets. */
struct sink_list_file {
	char *path;
	char *data; /* a NUL follows */
	size_t len, cap;
	uint64_t declared; /* size of its entry, or SINK_SIZE_UNKNOWN */
	uint32_t mode, uid, gid;
	struct timespec mtime;
	size_t xattr_count;
	unsigned pieces;   /* 0: it came whole */
};

/* A new one, or NULL. */
struct sink *sink_list_open(void);

void sink_list_free(struct sink *s);

/* Make the call number ${call} (the first is 1) fail with ${error}; 0: none. */
void sink_list_fail_at(struct sink *s, unsigned long call, int error);

/* Calls so far, of all functions. */
unsigned long sink_list_calls(const struct sink *s);

/* What sink_room() answers; small values make files come in pieces. */
void sink_list_set_room(struct sink *s, size_t bytes);

/* The file, or NULL. */
const struct sink_list_file *sink_list_find(const struct sink *s, const char *path);

size_t sink_list_count(const struct sink *s);
const struct sink_list_file *sink_list_at(const struct sink *s, size_t i);

/* The first line of a file that holds all of ${a}, ${b}, ${c} (each may be
 * NULL), in a buffer that the next call overwrites; NULL when there is none. */
const char *sink_list_row(const struct sink *s, const char *path, const char *a,
			  const char *b, const char *c);

/* Gaps whose path begins with ${prefix}; the errno of the last in ${why}. */
size_t sink_list_gaps(const struct sink *s, const char *prefix, int *why);

/* The note, or NULL. */
const char *sink_list_note(const struct sink *s, const char *key);

#endif
