/* What a person pasted as a key: any bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agekey.h"
#include "bech32.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char error[AGEKEY_ERROR_MAX], again[4096];
	uint8_t bytes[1024], key[AGEKEY_BYTES];
	struct bech32 b;
	char *text = malloc(len + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	(void)agekey_parse_recipient(text, key, error);
	(void)agekey_parse_identity(text, key, error);
	/* What is accepted has one form: it comes back, but for its case. */
	if (bech32_decode(text, len, bytes, sizeof(bytes), &b) == 0 && b.hrp_len < 1000) {
		char hrp[1001];

		memcpy(hrp, b.hrp, b.hrp_len);
		hrp[b.hrp_len] = '\0';
		if (bech32_encode(hrp, bytes, b.len, again, sizeof(again)) < 0 ||
		    strlen(again) != len || strcasecmp(again, text) != 0)
			abort();
	}
	free(text);
	return 0;
}
