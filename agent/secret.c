/*
 * secret.c - secrets of the environment, taken out of the host's sight.
 */
#include "secret.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

char *secret_take(const char *name)
{
	char *value = getenv(name), *secret;
	size_t len;

	if (value == NULL || value[0] == '\0')
		return NULL;
	len = strlen(value) + 1;
	secret = sodium_malloc(len);
	if (secret == NULL)
		return NULL;
	memcpy(secret, value, len);
	sodium_memzero(value, len);
	(void)unsetenv(name);
	return secret;
}

void secret_free(char *secret)
{
	sodium_free(secret);
}
