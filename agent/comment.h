/*
 * comment.h - the trusted comment of an evac signature: what object of which
 * collection was signed, so that one that is renamed or replaced shows.
 *
 * "evac collection=ID segment=N name=NAME size=BYTES utc=YYYY-MM-DDTHH:MM:SSZ";
 * the manifest's has no segment=.
 */
#ifndef COMMENT_H
#define COMMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define COMMENT_TEXT_MAX 512
#define COMMENT_WORD_MAX 128 /* a collection id or a name, with its NUL */

struct comment {
	char collection[COMMENT_WORD_MAX];
	bool is_segment;
	unsigned segment;
	char name[COMMENT_WORD_MAX];
	uint64_t size;              /* bytes of the object */
	time_t utc;
};

/*
 * Write it as text.  Words hold printable ASCII without blanks.  0, -EINVAL
 * for other words or a year past 9999.
 */
int comment_build(const struct comment *c, char ret[COMMENT_TEXT_MAX]);

/* Read it; only what comment_build() writes is accepted.  0 or -EINVAL. */
int comment_parse(const char *text, struct comment *ret);

#endif
