/*
 * vault.c - which vault an address means.
 */
#include "vault.h"

#include <string.h>

const struct vault_ops *vault_find(const char *url)
{
	if (strncmp(url, vault_s3.scheme, strlen(vault_s3.scheme)) == 0)
		return &vault_s3;
	return &vault_dir;
}
