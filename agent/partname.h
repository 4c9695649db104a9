/* partname.h - names of the pieces of a file: "NAME@<offset>.part". */
#ifndef PARTNAME_H
#define PARTNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARTNAME_SUFFIX_MAX 32

/* Does the name look like a piece's?  Then only a further suffix keeps it apart. */
bool partname_is(const char *path);

/* The suffix of the piece at ${offset}: decimal, at least 12 digits. */
void partname_suffix(char ret[PARTNAME_SUFFIX_MAX], uint64_t offset);

/*
 * A name for pieces whose last part stays within the 255 bytes that a file
 * system takes: what is too long is cut and gets "~" and 16 hexadecimal digits
 * of its own hash instead.  True when ${ret}, of ${cap} bytes, has another name;
 * false when ${path} fits as it is (or not even ${ret}).
 */
bool partname_fit(const char *path, char *ret, size_t cap);

#endif
