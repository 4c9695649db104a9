/*
 * utmp.c - records of logins; bytes in, struct out, no I/O.
 *
 * Fields are read at their offsets: no structure of the C library, which may
 * have another layout than the one that wrote them.
 */
#include "utmp.h"

#include <arpa/inet.h>
#include <string.h>

#include "scope.h"

#define AT_PID 4u
#define AT_LINE 8u
#define AT_ID 40u
#define AT_USER 44u
#define AT_HOST 76u
#define AT_EXIT 332u
#define AT_SESSION 336u

static int64_t get(const uint8_t *p, size_t bytes)
{
	uint64_t v = 0;

	for (size_t i = bytes; i-- > 0;)
		v = v << 8 | p[i];
	if (bytes < 8 && v >> (8 * bytes - 1) != 0)
		v |= UINT64_MAX << (8 * bytes);
	return (int64_t)v;
}

static struct field text(const uint8_t *p, size_t max)
{
	return (struct field){ (const char *)p, strnlen((const char *)p, max) };
}

static bool plausible(const uint8_t *data, size_t size)
{
	struct utmp_record u;

	utmp_parse(data, size, &u);
	return u.type >= 0 && u.type <= 9 && data[2] == 0 && data[3] == 0 && u.time_us >= 0 &&
	       u.time_us < 1000000 && u.time_s >= 0;
}

size_t utmp_size(const uint8_t *data, size_t len)
{
	size_t good[2] = { 0 };
	static const size_t sizes[] = { UTMP_BYTES, UTMP_BYTES_64 };

	for (size_t i = 0; i < 2; i++)
		for (size_t at = 0; at + sizes[i] <= len; at += sizes[i])
			good[i] += plausible(data + at, sizes[i]);
	return good[1] > good[0] ? sizes[1] : sizes[0];
}

void utmp_parse(const uint8_t *data, size_t size, struct utmp_record *ret)
{
	bool wide = size == UTMP_BYTES_64;
	size_t word = wide ? 8 : 4;
	const uint8_t *address = data + AT_SESSION + 3 * word;
	static const uint8_t none[16];

	*ret = (struct utmp_record){
		.type = (int16_t)get(data, 2),
		.pid = (int32_t)get(data + AT_PID, 4),
		.line = text(data + AT_LINE, 32),
		.id = text(data + AT_ID, 4),
		.user = text(data + AT_USER, 32),
		.host = text(data + AT_HOST, 256),
		.exit_termination = (int16_t)get(data + AT_EXIT, 2),
		.exit_code = (int16_t)get(data + AT_EXIT + 2, 2),
		.session = get(data + AT_SESSION, word),
		.time_s = get(data + AT_SESSION + word, word),
		.time_us = get(data + AT_SESSION + 2 * word, word),
	};
	if (!wide) /* an unsigned number since glibc 2.39: it does not end in 2038 */
		ret->time_s = (uint32_t)ret->time_s;
	if (memcmp(address, none, sizeof(none)) == 0)
		return;
	/* An IPv4 address has the first word only. */
	(void)inet_ntop(memcmp(address + 4, none, 12) == 0 ? AF_INET : AF_INET6, address,
			ret->address, sizeof(ret->address));
}

const char *utmp_type(int type)
{
	static const char *const names[] = {
		"empty", "run-level", "boot", "new-time", "old-time", "init", "login", "user",
		"dead", "accounting",
	};

	return type >= 0 && (size_t)type < ARRAY_LEN(names) ? names[type] : "unknown";
}

void lastlog_parse(const uint8_t *data, size_t size, struct lastlog_record *ret)
{
	size_t word = size == LASTLOG_BYTES_64 ? 8 : 4;

	*ret = (struct lastlog_record){
		.time_s = get(data, word),
		.line = text(data + word, 32),
		.host = text(data + word + 32, 256),
	};
	if (word == 4)
		ret->time_s = (uint32_t)ret->time_s;
}
