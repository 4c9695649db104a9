/*
 * set.c - a set of 64-bit numbers: open addressing, bounded.
 *
 * Members come from the host: they are mixed before they choose their slot, and
 * the table is never more than half full.
 */
#include "set.h"

#include <stdlib.h>
#include <string.h>

#define SET_FIRST ((size_t)1024)
#define SET_LAST ((size_t)1 << 20) /* slots: 8 MiB, half a million members */

static size_t slot_of(const struct set *s, uint64_t v)
{
	uint64_t h = v;
	size_t i;

	h = (h ^ h >> 32) * 0x9e3779b97f4a7c15ull;
	h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9ull;
	i = (size_t)(h >> 20) & (s->cap - 1);
	while (s->slots[i] != 0 && s->slots[i] != v)
		i = (i + 1) & (s->cap - 1);
	return i;
}

static bool grow(struct set *s)
{
	struct set next = { .cap = s->cap == 0 ? SET_FIRST : s->cap * 2 };

	if (next.cap > SET_LAST)
		return false;
	next.slots = calloc(next.cap, sizeof(*next.slots));
	if (next.slots == NULL)
		return false;
	for (size_t i = 0; i < s->cap; i++)
		if (s->slots[i] != 0)
			next.slots[slot_of(&next, s->slots[i])] = s->slots[i];
	free(s->slots);
	s->slots = next.slots;
	s->cap = next.cap;
	return true;
}

bool set_add(struct set *s, uint64_t v)
{
	size_t i;

	if (set_has(s, v))
		return false;
	if (s->count >= s->cap / 2 && !grow(s)) {
		s->overflow = true;
		return false;
	}
	i = slot_of(s, v);
	s->slots[i] = v;
	s->count++;
	return true;
}

bool set_has(const struct set *s, uint64_t v)
{
	return s->cap > 0 && s->slots[slot_of(s, v)] == v;
}

void set_clear(struct set *s)
{
	if (s->cap > 0)
		memset(s->slots, 0, s->cap * sizeof(*s->slots));
	s->count = 0;
	s->overflow = false;
}

void set_free(struct set *s)
{
	free(s->slots);
	*s = (struct set){ 0 };
}
