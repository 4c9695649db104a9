/* set.h - a set of 64-bit numbers that stops growing at a limit. */
#ifndef SET_H
#define SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is an empty set. */
struct set {
	uint64_t *slots; /* 0: free */
	size_t cap;      /* of slots: a power of two */
	size_t count;
	bool overflow;   /* a member was refused */
};

/*
 * Add ${v}, which must not be 0.  True when it was not there before; false
 * when it was, or when the set is full (${overflow} is then set).
 */
bool set_add(struct set *s, uint64_t v);

bool set_has(const struct set *s, uint64_t v);

/* Forget all members, keep the memory. */
void set_clear(struct set *s);

void set_free(struct set *s);

#endif
