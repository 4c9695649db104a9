/* fuzz_kcore.c - /proc/kcore's headers and notes: the map is ordered, offsets are files'. */
#include <stdlib.h>
#include <string.h>

#include "kcore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_map(const struct kcore_map *map)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct kcore_segment *s = &map->seg[i];
		uint64_t len = s->range.end - s->range.start + 1;

		if (s->range.end < s->range.start || s->range.end == UINT64_MAX ||
		    len > INT64_MAX || s->offset > INT64_MAX - len + 1)
			abort();
		if (i > 0 && s->range.start <= map->seg[i - 1].range.end)
			abort();
		if (kcore_find(map, s->range.start) != s ||
		    kcore_find(map, s->range.end) != s)
			abort();
	}
}

static void try_map(const uint8_t *data, size_t size, const struct ranges *ram)
{
	struct kcore_header h;
	struct kcore_map map = { 0 };

	if (size < KCORE_EHDR_BYTES || kcore_parse_header(data, &h) < 0)
		return;
	data += KCORE_EHDR_BYTES;
	size -= KCORE_EHDR_BYTES;
	if (h.phdr_count > size / KCORE_PHDR_BYTES)
		h.phdr_count = size / KCORE_PHDR_BYTES;
	map.seg = calloc(h.phdr_count + 1, sizeof(*map.seg));
	if (map.seg == NULL)
		abort();
	if (kcore_parse(&h, data, ram, &map) == 0)
		look_at_map(&map);
	free(map.seg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ranges ram;
	const uint8_t *note;
	const char *value;
	size_t len;

	if (ranges_open(&ram, 4) < 0)
		return 0;
	(void)ranges_add(&ram, 0x1000, 0x9fbff);
	(void)ranges_add(&ram, 0x100000, 0x3fffffff);
	try_map(data, size, &ram);
	if (kcore_note(data, size, "VMCOREINFO", &note, &len) == 0 &&
	    (note < data || len > size - (size_t)(note - data)))
		abort();
	if (kcore_info((const char *)data, size, "KERNELOFFSET", &value, &len) == 0 &&
	    (value < (const char *)data || len > size))
		abort();
	ranges_free(&ram);
	return 0;
}
