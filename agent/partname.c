/*
 * partname.c - names of the pieces of a file.
 */
#include "partname.h"

#include <stdio.h>
#include <string.h>

#include "digest.h"
#include "parse.h"

#define NAME_LIMIT 255u
#define HASH_BYTES 8u
/* What a name may have when a suffix and a mark come behind it. */
#define NAME_KEPT (NAME_LIMIT - PARTNAME_SUFFIX_MAX - 1 - 2 * HASH_BYTES)

bool partname_is(const char *path)
{
	static const char tail[] = ".part";
	size_t len = strlen(path), digits = 0;

	if (len < sizeof(tail) || strcmp(path + len - 5, tail) != 0)
		return false;
	len -= 5;
	while (len > 0 && path[len - 1] >= '0' && path[len - 1] <= '9') {
		len--;
		digits++;
	}
	return digits >= 12 && len > 0 && path[len - 1] == '@';
}

void partname_suffix(char ret[PARTNAME_SUFFIX_MAX], uint64_t offset)
{
	(void)snprintf(ret, PARTNAME_SUFFIX_MAX, "@%012llu.part",
		       (unsigned long long)offset);
}

bool partname_fit(const char *path, char *ret, size_t cap)
{
	const char *slash = strrchr(path, '/');
	size_t dir = slash != NULL ? (size_t)(slash - path) + 1 : 0;
	size_t name = strlen(path) - dir;
	uint8_t hash[DIGEST_BYTES];
	char hex[2 * HASH_BYTES + 1];

	if (name + PARTNAME_SUFFIX_MAX <= NAME_LIMIT + 1 ||
	    dir + NAME_LIMIT + 1 > cap || digest_memory(path, dir + name, hash) < 0)
		return false;
	parse_to_hex(hex, hash, HASH_BYTES);
	memcpy(ret, path, dir + NAME_KEPT);
	ret[dir + NAME_KEPT] = '~';
	memcpy(ret + dir + NAME_KEPT + 1, hex, sizeof(hex));
	return true;
}
