/* parse.h - numbers and units out of text; strict, no locale, no I/O. */
#ifndef PARSE_H
#define PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Parse all ${len} bytes of ${text} as an unsigned number in ${base} (10 or
 * 16; no sign, no prefix, no blanks).  0; -EINVAL; -ERANGE past 64 bits.
 */
int parse_u64(const char *text, size_t len, unsigned base, uint64_t *ret);

/* A NUL-terminated decimal number.  As parse_u64(). */
int parse_dec(const char *text, uint64_t *ret);

/* The name of a /proc/<pid> directory.  The pid, or 0 when it is no pid. */
pid_t parse_pid(const char *name);

/* "4096", "64K", "16M", "2G" (powers of 1024) to bytes.  0, -EINVAL, -ERANGE. */
int parse_size(const char *text, uint64_t *ret_bytes);

/* "90", "90s", "10m", "2h" to seconds.  0, -EINVAL, -ERANGE. */
int parse_duration(const char *text, uint64_t *ret_s);

/* Bytes as lower-case hex: writes 2 * ${len} characters and a NUL. */
void parse_to_hex(char *ret, const uint8_t *bytes, size_t len);

/*
 * Length of the UTF-8 character (RFC 3629) that begins at ${p}: 1 to 4, or 0
 * when there is none within ${len} bytes.
 */
size_t parse_utf8(const uint8_t *p, size_t len);

/* Is ${text} strict UTF-8 (no surrogates, no overlong forms)? */
bool parse_is_utf8(const void *text, size_t len);

#endif
