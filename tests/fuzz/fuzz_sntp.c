/* Answers of a time server. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sntp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sntp_answer a;
	uint8_t stamp[8] = { 0 };

	if (size >= 32)
		memcpy(stamp, data + 24, 8);
	if (sntp_parse(data, size, stamp, 1795535041000000, 1795535041001000, &a) == 0 && a.stratum > 15)
		__builtin_trap();
	return 0;
}
