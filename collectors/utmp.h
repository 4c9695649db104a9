/* utmp.h - records of utmp, wtmp, btmp and lastlog (utmp(5), glibc's bits/utmp.h). */
#ifndef UTMP_H
#define UTMP_H

#include <stddef.h>
#include <stdint.h>

#include "fields.h"

/* Two layouts: 32-bit times (x86) and 64-bit ones (arm64). */
#define UTMP_BYTES 384u
#define UTMP_BYTES_64 400u
#define LASTLOG_BYTES 292u
#define LASTLOG_BYTES_64 296u

/* Texts point into the record. */
struct utmp_record {
	int16_t type;
	int32_t pid;
	struct field line, id, user, host;
	int16_t exit_termination, exit_code;
	int64_t session, time_s, time_us;
	char address[46]; /* "": none */
};

/*
 * Which of both layouts ${len} bytes at the beginning of a file have: its
 * UTMP_BYTES or UTMP_BYTES_64, by what makes more records plausible.
 */
size_t utmp_size(const uint8_t *data, size_t len);

/* ${data} has ${size} bytes, one of the two. */
void utmp_parse(const uint8_t *data, size_t size, struct utmp_record *ret);

/* The name of a type, or "unknown". */
const char *utmp_type(int type);

/* A record of lastlog, of ${size} bytes; time 0: never logged in. */
struct lastlog_record {
	int64_t time_s;
	struct field line, host;
};

void lastlog_parse(const uint8_t *data, size_t size, struct lastlog_record *ret);

#endif
