/* kmod_index.h - the list of a module store: which module is for which kernel. */
#ifndef KMOD_INDEX_H
#define KMOD_INDEX_H

#include <stddef.h>
#include <stdint.h>

#define KMOD_INDEX_MAX (8u << 20) /* bytes of the file: thousands of kernels */
#define KMOD_INDEX_ERROR_MAX 160
#define KMOD_FILE_MAX 256
#define KMOD_MODULE_MAX (16u << 20) /* bytes of a module */

/* What the index says of one module (agent/FORMAT.md, "Module store"). */
struct kmod_entry {
	char file[KMOD_FILE_MAX]; /* "lime-ARCH-RELEASE.ko" */
	uint64_t size;            /* bytes; at most KMOD_MODULE_MAX */
	uint8_t sha256[32];
	char vermagic[192];
	char lime[64];            /* its version */
};

/*
 * Find the module for ${release} of ${arch} in the ${len} bytes of an index;
 * ${ret_count} gets how many there are.  0; -ENOENT it has none; -EINVAL it is
 * no index, or says something impossible of this module; -ENOMEM.  ${error}
 * says why in one line.
 */
int kmod_index_find(const void *text, size_t len, const char *arch,
		    const char *release, struct kmod_entry *ret, size_t *ret_count,
		    char error[KMOD_INDEX_ERROR_MAX]);

/* The file name of a module.  0; -EINVAL for a release that is no part of one. */
int kmod_index_name(const char *arch, const char *release, char ret[KMOD_FILE_MAX]);

#endif
