/* An age file and an identity file: any bytes. */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "age_header.h"
#include "agekey.h"
#include "unseal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int ignore(void *arg, const void *data, size_t len)
{
	(void)data;
	*(size_t *)arg += len;
	return 0;
}

/* Stanzas that are accepted lie within the header. */
static void walk_header(const uint8_t *data, size_t len)
{
	struct age_header h;
	struct age_stanza s;
	int r = age_header_open(&h, data, len);

	while (r == 0 && (r = age_header_next(&h, &s)) == 1) {
		for (size_t i = 0; i < s.arg_count && i < AGE_HEADER_ARGS_MAX; i++)
			if (s.args[i].len == 0 || s.args[i].text < (const char *)data ||
			    s.args[i].text + s.args[i].len > (const char *)data + len)
				abort();
		r = 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct agekey_identities ids, parsed;
	char error[UNSEAL_ERROR_MAX];
	size_t released = 0;

	if (ids.count == 0) {
		memset(ids.pairs[0].secret, 0x42, AGEKEY_BYTES);
		agekey_public(ids.pairs[0].secret, ids.pairs[0].public);
		ids.count = 1;
	}
	walk_header(data, len);
	(void)unseal_memory(data, len, &ids, ignore, &released, error);
	if (released > len)
		abort();
	(void)agekey_parse_identities((const char *)data, len, &parsed, error);
	return 0;
}
