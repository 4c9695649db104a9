/*
 * image.c - the memory image in the form that an analysis program wants.
 *
 * Reads the joined LiME image, once for its headers and once for its bytes,
 * and what lies beside it.  The host that made it may have lied: ranges that
 * overlap or do not fit into the file end it, and no number is used unchecked.
 * Pages of zeros are not written, so that the new file is sparse.
 */
#include "image.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extract.h"
#include "image_elf.h"
#include "io.h"
#include "join.h"
#include "lime.h"
#include "scope.h"

#define CHUNK_BYTES ((size_t)1 << 20)
#define BLOCK_BYTES 4096u
#define PIECES_MAX (16u << 20)
#define ADDRESS_MAX ((uint64_t)1 << 56)

static const char *const names[] = {
	[IMAGE_LIME] = JOIN_MEMORY,
	[IMAGE_RAW] = IMAGE_RAW_NAME,
	[IMAGE_ELF] = IMAGE_ELF_NAME,
};

const char *image_name(enum image_form form)
{
	return names[form];
}

int image_parse_form(const char *text, enum image_form *ret)
{
	static const char *const words[] = { "lime", "raw", "elf" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(text, words[i]) == 0) {
			*ret = (enum image_form)i;
			return 0;
		}
	return -EINVAL;
}

static int add_piece(struct image *im, struct range range, uint64_t at)
{
	if (im->count == im->cap) {
		size_t cap = im->cap > 0 ? 2 * im->cap : 1024;
		struct image_piece *p = cap <= PIECES_MAX ?
				  realloc(im->pieces, cap * sizeof(*p)) : NULL;

		if (p == NULL)
			return -ENOMEM;
		im->pieces = p;
		im->cap = cap;
	}
	im->pieces[im->count++] = (struct image_piece){ range, at };
	return 0;
}

/* Find the pieces.  0; -EPROTO when the image is not clean. */
static int read_headers(struct image *im)
{
	uint8_t head[LIME_HEADER_BYTES];
	struct stat st;
	uint64_t at = 0, size;

	if (fstat(im->from, &st) < 0)
		return -errno;
	size = (uint64_t)st.st_size;
	while (at < size) {
		struct range range;
		ssize_t n = io_pread(im->from, head, sizeof(head), (off_t)at);
		int r;

		if (n < 0)
			return (int)n;
		at += sizeof(head);
		if (n != (ssize_t)sizeof(head) || lime_parse(head, &range) < 0 ||
		    range.end >= ADDRESS_MAX || range.end - range.start >= size - at ||
		    (im->count > 0 && range.start <= im->pieces[im->count - 1].range.end))
			return -EPROTO;
		r = add_piece(im, range, at);
		if (r < 0)
			return r;
		at += range.end - range.start + 1;
	}
	return im->count > 0 ? 0 : -EPROTO;
}

static bool is_zero(const uint8_t *p, size_t len)
{
	return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

int image_write_at(int fd, const uint8_t *p, size_t len, uint64_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* Write what is not zeros. */
static int write_sparse(int fd, const uint8_t *p, size_t len, uint64_t at)
{
	int r = 0;

	while (r == 0 && len > 0) {
		size_t n = BLOCK_BYTES - (size_t)(at % BLOCK_BYTES);

		if (n > len)
			n = len;
		if (!is_zero(p, n))
			r = image_write_at(fd, p, n, at);
		p += n;
		at += n;
		len -= n;
	}
	return r;
}

int image_copy(const struct image *im, const struct image_piece *p, uint64_t to)
{
	uint64_t left = p->range.end - p->range.start + 1, from = p->at;
	int r = 0;

	while (r == 0 && left > 0) {
		size_t len = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
		ssize_t n = io_pread(im->from, im->buf, len, (off_t)from);

		if (n != (ssize_t)len)
			return n < 0 ? (int)n : -EPROTO;
		r = write_sparse(im->to, im->buf, len, to);
		from += len;
		to += len;
		left -= len;
	}
	return r;
}

static int write_raw(const struct image *im, uint64_t *ret_bytes)
{
	int r = 0;

	*ret_bytes = im->pieces[im->count - 1].range.end + 1;
	if (ftruncate(im->to, (off_t)*ret_bytes) < 0)
		return -errno;
	for (size_t i = 0; r == 0 && i < im->count; i++)
		r = image_copy(im, &im->pieces[i], im->pieces[i].range.start);
	return r;
}

int image_convert(struct extract *x, enum image_form form, uint64_t *ret_bytes)
{
	struct image im = { .from = -1, .to = -1 };
	int r = 0;

	if (form == IMAGE_LIME)
		return 0;
	im.from = extract_reopen(x, JOIN_MEMORY);
	im.buf = malloc(CHUNK_BYTES);
	if (im.from < 0)
		r = im.from;
	else if (im.buf == NULL)
		r = -ENOMEM;
	else
		r = read_headers(&im);
	if (r == 0)
		r = im.to = extract_create(x, names[form]);
	if (im.to >= 0)
		r = form == IMAGE_RAW ? write_raw(&im, ret_bytes) :
					image_elf_write(&im, x, ret_bytes);
	if (im.from >= 0)
		(void)close(im.from);
	if (im.to >= 0 && close(im.to) < 0 && r == 0)
		r = -errno;
	if (im.to >= 0)
		(void)extract_remove(x, r == 0 ? JOIN_MEMORY : names[form]);
	free(im.pieces);
	free(im.buf);
	return r;
}
