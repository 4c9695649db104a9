/* fields.h - the parts of a line of a configuration file; bytes in, no I/O. */
#ifndef FIELDS_H
#define FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct field {
	const char *text; /* into the line; no NUL follows */
	size_t len;
};

/*
 * Split at each ${sep}.  At most ${max} parts go to ${ret}, the last of which has
 * the rest.  How many there are.
 */
size_t fields_split(const char *line, size_t len, char sep, struct field *ret, size_t max);

/* The same at runs of blanks and tabs, those at both ends left out. */
size_t fields_words(const char *line, size_t len, struct field *ret, size_t max);

/* ${f} without blanks, tabs and carriage returns at its ends. */
struct field fields_trim(struct field f);

/*
 * "NAME=VALUE" (${sep} '='), blanks around both left out.  False when there is no
 * ${sep} in it.
 */
bool fields_assignment(const char *line, size_t len, char sep, struct field *name,
		       struct field *value);

bool fields_equal(struct field f, const char *text);
bool fields_begin(struct field f, const char *text);

/* A decimal number with an optional "-".  False when it is none. */
bool fields_number(struct field f, int64_t *ret);

#endif
