/*
 * vault.c - which vault an address means, and what holds for all of them.
 */
#include "vault.h"

#include <string.h>

int64_t vault_until(int64_t deadline_ms, int64_t reserve_ms, const struct vault_object *obj)
{
	int64_t end = deadline_ms == 0 || obj->last ? deadline_ms : deadline_ms - reserve_ms;

	return obj->until_ms != 0 && (end == 0 || obj->until_ms < end) ? obj->until_ms : end;
}

const struct vault_ops *vault_find(const char *url)
{
	if (strncmp(url, vault_s3.scheme, strlen(vault_s3.scheme)) == 0)
		return &vault_s3;
	return &vault_dir;
}
