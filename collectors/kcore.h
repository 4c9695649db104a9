/*
 * kcore.h - the ELF headers of /proc/kcore: which file offset holds which
 * physical address (Linux fs/proc/kcore.c; System V ABI, ELF-64).
 */
#ifndef KCORE_H
#define KCORE_H

#include <stddef.h>
#include <stdint.h>

#include "ranges.h"

#define KCORE_EHDR_BYTES 64
#define KCORE_PHDR_BYTES 56
#define KCORE_PHDRS_MAX 65536

/* What the file's header says. */
struct kcore_header {
	uint16_t machine;   /* EM_X86_64, EM_AARCH64 */
	uint64_t phdrs;     /* file offset of the program headers */
	size_t phdr_count;  /* at most KCORE_PHDRS_MAX */
};

/* A physical range and where the file has it. */
struct kcore_segment {
	struct range range;
	uint64_t offset;
};

/* The file as a map of physical memory. */
struct kcore_map {
	struct kcore_segment *seg; /* ascending, disjoint */
	size_t count;
	uint64_t note_offset;      /* of PT_NOTE */
	uint64_t note_len;
	uint64_t page_offset;      /* virtual address of physical 0 in the direct map */
};

/* Read the file's first bytes.  0; -EINVAL when this is no ELF-64 core. */
int kcore_parse_header(const uint8_t head[KCORE_EHDR_BYTES],
		       struct kcore_header *ret);

/*
 * Make the map out of ${header->phdr_count} program headers at ${phdrs}.
 * Where two segments show the same memory the larger counts: the direct map,
 * not the kernel image's alias.  Kernels before 4.11 give no physical
 * addresses; on x86-64 they follow from ${ram}, the machine's System RAM, and
 * are taken only if every segment fits.  ${ret->seg} has room for
 * ${header->phdr_count} segments and belongs to the caller.  0; -ENODATA when no segment
 * shows RAM; -EOPNOTSUPP when the physical addresses cannot be known.
 */
int kcore_parse(const struct kcore_header *header, const uint8_t *phdrs,
		const struct ranges *ram, struct kcore_map *ret);

/* The first segment that ends at or after ${address}, or NULL. */
const struct kcore_segment *kcore_find(const struct kcore_map *map,
				       uint64_t address);

/*
 * Find the note ${name} in a PT_NOTE segment or /sys/kernel/vmcoreinfo's
 * memory.  Sets ${ret} and ${ret_len} to its content.  0 or -ENOENT.
 */
int kcore_note(const uint8_t *notes, size_t len, const char *name,
	       const uint8_t **ret, size_t *ret_len);

/*
 * The value of the line "${key}=..." in VMCOREINFO text.  Sets ${ret} and
 * ${ret_len}.  0 or -ENOENT.
 */
int kcore_info(const char *text, size_t len, const char *key, const char **ret,
	       size_t *ret_len);

#endif
