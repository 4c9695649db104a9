/*
 * fuzz_module.c - any bytes as a kernel module file: what is taken out of it is text that ends.
 */
#include <stdlib.h>
#include <string.h>

#include "memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_module m;

	if (memory_module_parse(data, size, &m) == 0 &&
	    (memchr(m.name, '\0', sizeof(m.name)) == NULL ||
	     memchr(m.release, '\0', sizeof(m.release)) == NULL))
		abort();
	return 0;
}
