/* fuzz_iomem.c - /proc/iomem from anywhere: the set stays ordered and bounded. */
#include <stdlib.h>

#include "ranges.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ranges r, rest;
	struct range kernel;

	if (ranges_open(&r, 16) < 0)
		return 0;
	if (ranges_open(&rest, 32) < 0)
		abort();
	(void)ranges_parse_iomem(&r, (const char *)data, size);
	if (r.count > r.cap)
		abort();
	for (size_t i = 0; i < r.count; i++) {
		if (r.at[i].end < r.at[i].start || r.at[i].end == UINT64_MAX)
			abort();
		if (i > 0 && r.at[i].start <= r.at[i - 1].end + 1)
			abort();
	}
	if (ranges_subtract(&rest, &r, &r) != 0 || rest.count != 0)
		abort();
	if (ranges_parse_kernel(&kernel, (const char *)data, size) == 0 &&
	    (kernel.end <= kernel.start || kernel.end == UINT64_MAX))
		abort();
	ranges_free(&r);
	ranges_free(&rest);
	return 0;
}
