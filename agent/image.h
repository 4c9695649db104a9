/* image.h - the memory image in the form that an analysis program wants. */
#ifndef IMAGE_H
#define IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "ranges.h"

struct extract;

enum image_form {
	IMAGE_LIME, /* ranges with headers: Volatility */
	IMAGE_RAW,  /* a byte's place in the file is its address; sparse */
	IMAGE_ELF,  /* a core file with VMCOREINFO: crash, drgn, gdb */
};

/* The files that the forms have. */
#define IMAGE_RAW_NAME "memory.raw"
#define IMAGE_ELF_NAME "memory.elf"

/* "lime", "raw" or "elf".  0 or -EINVAL. */
int image_parse_form(const char *text, enum image_form *ret);

const char *image_name(enum image_form form);

/*
 * Write the LiME image JOIN_MEMORY below ${x} in another form and remove it;
 * nothing for IMAGE_LIME.  Sets the new file's length in ${ret_bytes}.  What
 * an ELF file needs besides, it reads from memory/vmcoreinfo, layout.json and
 * proc/iomem, and does without where they are not there.  0; -EPROTO when it
 * is no clean image, which then stays as it is; another negative errno.
 */
int image_convert(struct extract *x, enum image_form form, uint64_t *ret_bytes);

/* A LiME range, and where its bytes lie in the LiME image. */
struct image_piece {
	struct range range;
	uint64_t at;
};

/* A conversion. */
struct image {
	int from, to;
	uint8_t *buf;
	struct image_piece *pieces; /* ascending */
	size_t count, cap;
};

/* Copy the bytes of ${p} to ${to} of the new file.  0 or a negative errno. */
int image_copy(const struct image *im, const struct image_piece *p, uint64_t to);

/* Write ${len} bytes at ${at}, whatever the file position.  0 or a negative errno. */
int image_write_at(int fd, const uint8_t *p, size_t len, uint64_t at);

#endif
