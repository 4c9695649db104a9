/* Texts of a host with and without secrets: never longer, the same in place, and no byte beyond. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "secrets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1), *out = malloc(len + 1), *exact = malloc(len);
	size_t n = 0, m = 0, count;

	if (text == NULL || out == NULL || (exact == NULL && len > 0))
		abort();
	if (len > 0) {
		memcpy(text, data, len);
		memcpy(exact, data, len);
	}
	count = secrets_mask(text, len, out, &n);
	if (n > len || (count == 0 && (n != len || memcmp(text, out, len) != 0)))
		abort();
	if (secrets_mask(exact, len, exact, &m) != count || m != n || (n > 0 && memcmp(exact, out, n) != 0))
		abort();
	count = len > 0 ? (size_t)data[0] % (len + 1) : 0;
	(void)secrets_mask_value(text, count, text + count, len - count, out, &n);
	if (n > len - count)
		abort();
	free(text);
	free(out);
	free(exact);
	return 0;
}
