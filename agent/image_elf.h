/* image_elf.h - the memory image as an ELF core file: VMCOREINFO, memory by all its addresses. */
#ifndef IMAGE_ELF_H
#define IMAGE_ELF_H

#include <stdint.h>

struct extract;
struct image;

/*
 * Write the file, whose descriptor ${im} has, and its length into
 * ${ret_bytes}.  0; -E2BIG when there are more segments than such a file can
 * have; another negative errno.
 */
int image_elf_write(const struct image *im, struct extract *x, uint64_t *ret_bytes);

#endif
