/* ranges.h - sets of address ranges, and /proc/iomem's System RAM as one. */
#ifndef RANGES_H
#define RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ${end} is the last byte, as in /proc/iomem and LiME headers; < UINT64_MAX. */
struct range {
	uint64_t start;
	uint64_t end;
};

/* Ascending, disjoint; neighbours that touch are one.  Allocated once. */
struct ranges {
	struct range *at;
	size_t count;
	size_t cap;
};

/* Allocate room for ${cap} ranges.  0 or -ENOMEM. */
int ranges_open(struct ranges *r, size_t cap);

/* Give the memory back; an empty struct is fine. */
void ranges_free(struct ranges *r);

/*
 * Unite the set with [${start}, ${end}].  0; -EINVAL when the range is empty
 * or ends at UINT64_MAX; -ENOSPC when the set is full (nothing is added).
 */
int ranges_add(struct ranges *r, uint64_t start, uint64_t end);

/* Is every byte of [${start}, ${end}] in the set? */
bool ranges_has(const struct ranges *r, uint64_t start, uint64_t end);

/* The first range that ends at or after ${address}, or NULL. */
const struct range *ranges_find(const struct ranges *r, uint64_t address);

/* Bytes in the set; UINT64_MAX when they do not fit. */
uint64_t ranges_bytes(const struct ranges *r);

/* Add ${a} without ${b} to ${ret}.  0 or -ENOSPC. */
int ranges_subtract(struct ranges *ret, const struct ranges *a,
		    const struct ranges *b);

/*
 * Add every "System RAM" line of /proc/iomem, at any depth, with hot-plugged
 * memory's suffix ("System RAM (virtio_mem)", "(kmem)") too: what a parent
 * and its child both name is there once.  Other lines are ignored.  0;
 * -EPERM when the kernel hides the addresses (all 0-0); -ENODATA without any
 * such line; -EINVAL when one cannot be read; -ENOSPC.
 */
int ranges_parse_iomem(struct ranges *ret, const char *text, size_t len);

/*
 * Where the kernel's image lies by /proc/iomem: from "Kernel code" to the end
 * of its data.  0, or -ENOENT when it does not say.
 */
int ranges_parse_kernel(struct range *ret, const char *text, size_t len);

#endif
