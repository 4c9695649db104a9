/* A manifest: any bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collection.h"
#include "manifest_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char error[MANIFEST_READ_ERROR], key[64], group[COLLECTION_GROUP_MAX];
	struct manifest_view *m;
	unsigned number;

	(void)manifest_read_public_key(data, len, key, sizeof(key));
	if (manifest_read(data, len, &m, error) < 0)
		return 0;
	for (size_t i = 0; i < m->segment_count; i++)
		if (collection_parse_name(m->segments[i].name, &number, group) < 0 ||
		    (i > 0 && m->segments[i].number <= m->segments[i - 1].number))
			abort();
	manifest_read_free(m);
	return 0;
}
