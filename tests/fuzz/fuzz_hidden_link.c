/* One link of rtnetlink: any bytes. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "hidden.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hidden_link link;

	if (hidden_link_parse(data, size, &link) &&
	    (link.name_len >= sizeof(link.name) || strlen(link.name) != link.name_len))
		__builtin_trap();
	return 0;
}
