/*
 * fuzz_kmod_index.c - any bytes as a module store's index: what is taken of it names this kernel's module alone.
 */
#include <stdlib.h>
#include <string.h>

#include "kmod_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[KMOD_INDEX_ERROR_MAX];
	struct kmod_entry e;
	size_t count;

	if (kmod_index_find(data, size, "amd64", "6.1.0-test", &e, &count, error) == 0 &&
	    (strcmp(e.file, "lime-amd64-6.1.0-test.ko") != 0 || e.size == 0 ||
	     e.size > KMOD_MODULE_MAX || count == 0))
		abort();
	return 0;
}
