/*
 * archive.c - a segment's entries as a pax tar, compressed with zstd.
 *
 * libarchive pads a short entry with NULs and cuts a long one without a word,
 * so every entry's bytes are counted here, and a source that a worker pulls
 * always delivers all that it promised.
 */
#include "archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "digest.h"
#include "segment.h"

/* How much of a pulled source is in our memory at a time. */
#define PIECE (1u << 20)

struct archive_maker {
	struct digest *digest;
	struct buf piece;
	struct buf sums;
	/* of the segment in hand */
	struct archive *tar;
	archive_write_fn *write;
	void *arg;
	int error;
};

int archive_open(struct archive_maker **ret)
{
	struct archive_maker *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return -ENOMEM;
	if (digest_open(&m->digest) < 0 || buf_open(&m->piece, PIECE) < 0) {
		archive_close(m);
		return -ENOMEM;
	}
	*ret = m;
	return 0;
}

void archive_close(struct archive_maker *m)
{
	if (m == NULL)
		return;
	digest_free(m->digest);
	buf_free(&m->piece);
	buf_free(&m->sums);
	free(m);
}

static la_ssize_t on_write(struct archive *a, void *arg, const void *data, size_t len)
{
	struct archive_maker *m = arg;

	if (m->error == 0)
		m->error = m->write(m->arg, data, len);
	if (m->error == 0)
		return (la_ssize_t)len;
	archive_set_error(a, EIO, "downstream");
	return -1;
}

static int start(struct archive_maker *m)
{
	m->tar = archive_write_new();
	if (m->tar == NULL)
		return -ENOMEM;
	/* A name that is not UTF-8 goes in as it is, with hdrcharset=BINARY; set
	 * for all names, GNU tar would complain of each. */
	if (archive_write_set_format_pax(m->tar) != ARCHIVE_OK ||
	    archive_write_add_filter_zstd(m->tar) != ARCHIVE_OK ||
	    archive_write_set_filter_option(m->tar, "zstd", "compression-level",
					    "1") != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(m->tar, 65536) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(m->tar, 1) != ARCHIVE_OK ||
	    archive_write_open2(m->tar, m, NULL, on_write, NULL, NULL) != ARCHIVE_OK)
		return -EIO;
	return 0;
}

static void set_time(struct archive_entry *ae, const struct segment_entry *e,
		     struct timespec t, void (*set)(struct archive_entry *, time_t, long))
{
	if (e->has_times || t.tv_sec != 0 || t.tv_nsec != 0)
		set(ae, t.tv_sec, t.tv_nsec);
}

static int put_header(struct archive_maker *m, const struct segment *seg,
		      const struct segment_entry *e)
{
	struct archive_entry *ae = archive_entry_new();
	size_t pos = e->xattrs;
	int r;

	if (ae == NULL)
		return -ENOMEM;
	archive_entry_set_pathname(ae, segment_path(seg, e));
	archive_entry_set_filetype(ae, AE_IFREG);
	archive_entry_set_perm(ae, (__LA_MODE_T)(e->mode & 07777));
	archive_entry_set_uid(ae, e->uid);
	archive_entry_set_gid(ae, e->gid);
	archive_entry_set_size(ae, (la_int64_t)e->size);
	set_time(ae, e, e->mtime, archive_entry_set_mtime);
	set_time(ae, e, e->atime, archive_entry_set_atime);
	set_time(ae, e, e->ctime, archive_entry_set_ctime);
	for (size_t i = 0; i < e->xattr_count; i++) {
		struct sink_xattr x;

		pos = segment_xattr(seg, pos, &x);
		archive_entry_xattr_add_entry(ae, x.name, x.value, x.len);
	}
	/* A warning (a name that is not UTF-8, say) still wrote the header. */
	r = archive_write_header(m->tar, ae) >= ARCHIVE_WARN ? 0 : -EIO;
	archive_entry_free(ae);
	return r;
}

static int put_data(struct archive_maker *m, const void *data, size_t len)
{
	if (len == 0)
		return 0;
	digest_add(m->digest, data, len);
	return archive_write_data(m->tar, data, len) == (la_ssize_t)len ? 0 : -EIO;
}

/* The escape of sha256sum: a name with a backslash or line end is marked. */
static int add_sum(struct archive_maker *m, const char *path)
{
	uint8_t sum[DIGEST_BYTES];
	char hex[DIGEST_HEX];
	int r;

	digest_end(m->digest, sum);
	for (size_t i = 0; i < DIGEST_BYTES; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	r = buf_addf(&m->sums, "%s%s  ", strpbrk(path, "\\\n\r") ? "\\" : "", hex);
	for (; r == 0 && *path != '\0'; path++) {
		const char *esc = *path == '\\' ? "\\\\" : *path == '\n' ? "\\n" :
				  *path == '\r' ? "\\r" : NULL;

		r = esc != NULL ? buf_add(&m->sums, esc, 2) :
				  buf_add(&m->sums, path, 1);
	}
	return r < 0 ? r : buf_add(&m->sums, "\n", 1);
}

static int put_entry(struct archive_maker *m, const struct segment *seg,
		     const struct segment_entry *e)
{
	uint64_t done = e->data_len;
	int r;

	digest_reset(m->digest);
	r = put_header(m, seg, e);
	if (r == 0)
		r = put_data(m, seg->raw.data + e->data, e->data_len);
	while (r == 0 && done < e->size) {
		size_t n = e->size - done < PIECE ? (size_t)(e->size - done) : PIECE;

		e->read(e->arg, e->offset + (done - e->data_len), m->piece.data, n);
		r = put_data(m, m->piece.data, n);
		done += n;
	}
	return r < 0 ? r : add_sum(m, segment_path(seg, e));
}

/* The list of digests, which is itself the last entry. */
static int put_sums(struct archive_maker *m)
{
	struct archive_entry *ae = archive_entry_new();
	int r;

	if (ae == NULL)
		return -ENOMEM;
	archive_entry_set_pathname(ae, "SHA256SUMS");
	archive_entry_set_filetype(ae, AE_IFREG);
	archive_entry_set_perm(ae, 0600);
	archive_entry_set_size(ae, (la_int64_t)m->sums.len);
	archive_entry_set_mtime(ae, time(NULL), 0);
	r = archive_write_header(m->tar, ae) >= ARCHIVE_WARN ? 0 : -EIO;
	archive_entry_free(ae);
	if (r == 0 && m->sums.len > 0 &&
	    archive_write_data(m->tar, m->sums.data, m->sums.len) !=
	    (la_ssize_t)m->sums.len)
		r = -EIO;
	return r;
}

int archive_segment(struct archive_maker *m, const struct segment *seg,
		    archive_write_fn *write, void *arg, uint64_t *ret_bytes)
{
	int r = 0;

	if (m->sums.data == NULL)
		r = buf_open(&m->sums, seg->entry_max * 80 + 2 * seg->meta.cap);
	m->sums.len = 0;
	m->write = write;
	m->arg = arg;
	m->error = 0;
	if (r == 0)
		r = start(m);
	*ret_bytes = 0;
	for (size_t i = 0; r == 0 && i < seg->entry_count; i++) {
		r = put_entry(m, seg, &seg->entries[i]);
		*ret_bytes += seg->entries[i].size;
	}
	if (r == 0)
		r = put_sums(m);
	/* Closed after a failure too, or it keeps its memory: libarchive fills the
	 * entry with zeros then, and they go nowhere. */
	if (r < 0 && m->error == 0)
		m->error = r;
	if (m->tar != NULL && archive_write_close(m->tar) != ARCHIVE_OK && r == 0)
		r = -EIO;
	(void)archive_write_free(m->tar);
	m->tar = NULL;
	return m->error < 0 ? m->error : r;
}
