/*
 * unpack.c - one sealed segment: decrypted, decompressed, its files written.
 *
 * Reads an age file in memory.  Its signature was verified, and yet the host
 * that made it may have been the attacker's: names, kinds, counts and sizes are
 * checked, and only plain files are written.  Every file's digest is compared
 * with the segment's own list, also of those that are refused.
 */
#include "unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "extract.h"
#include "finding.h"
#include "image.h"
#include "io.h"
#include "join.h"
#include "parse.h"
#include "quote.h"
#include "scope.h"
#include "sums.h"
#include "unseal.h"

#define PIECE (256u << 10)
#define SUMS_NAME "SHA256SUMS"
#define SUMS_MAX (64u << 20)

struct job {
	const struct unpack *u;
	const struct unpack_segment *s;
	struct unseal unseal;
	uint8_t chunk[UNSEAL_CHUNK_MAX];
	uint8_t piece[PIECE];
	struct archive *tar;
	struct digest *digest;
	struct sums sums;      /* what the list must say */
	char *list;            /* what it says, once it is read */
	size_t list_len;
	uint64_t entries, bytes;
};

static la_ssize_t on_read(struct archive *a, void *arg, const void **ret)
{
	struct job *j = arg;
	size_t len;
	int r = unseal_chunk(&j->unseal, j->chunk, &len);

	if (r < 0) {
		archive_set_error(a, EIO, "the encrypted data are damaged");
		return -1;
	}
	*ret = j->chunk;
	return r == 0 ? 0 : (la_ssize_t)len;
}

static int open_tar(struct job *j)
{
	j->tar = archive_read_new();
	if (j->tar == NULL)
		return -ENOMEM;
	if (archive_read_support_filter_zstd(j->tar) != ARCHIVE_OK ||
	    archive_read_support_format_tar(j->tar) != ARCHIVE_OK ||
	    archive_read_open(j->tar, j, NULL, on_read, NULL) != ARCHIVE_OK)
		return -EBADMSG;
	return 0;
}

/* Names that evac open itself gives to what it writes. */
static bool is_reserved(const char *path)
{
	size_t len = strlen(UNPACK_SUMS);

	return strcmp(path, JOIN_MEMORY) == 0 || strcmp(path, IMAGE_RAW_NAME) == 0 ||
	       strcmp(path, IMAGE_ELF_NAME) == 0 ||
	       (strncmp(path, UNPACK_SUMS, len) == 0 &&
		(path[len] == '\0' || path[len] == '/'));
}

/* The descriptor for an entry, or -1 after a finding, or a fatal error. */
static int open_target(struct job *j, const char *path, uint64_t size)
{
	const struct unpack *u = j->u;
	char target[4096];
	uint64_t offset = 0;
	size_t len = strlen(path);
	bool piece = join_is_piece(path, &len, &offset);
	const char *why;
	int fd;

	(void)snprintf(target, sizeof(target), "%.*s", (int)len, path);
	why = len >= sizeof(target) ? "its name is too long" : extract_refusal(target);
	if (why == NULL && is_reserved(target))
		why = "its name is one that evac open gives";
	if (why != NULL) {
		finding_problem(u->findings, path, "refused, in %s: %s", j->s->name, why);
		return -1;
	}
	fd = piece ? join_piece(u->join, u->extract, target, offset, size) :
		     extract_create(u->extract, target);
	if (fd >= 0 && piece && lseek(fd, (off_t)offset, SEEK_SET) < 0) {
		(void)close(fd);
		fd = -EFBIG;
	}
	if (fd >= 0)
		return fd;
	if (fd == -ENOSPC || fd == -EDQUOT || fd == -EROFS || fd == -EMFILE ||
	    fd == -ENOMEM)
		return fd;
	finding_problem(u->findings, path, "refused, in %s: %s", j->s->name,
			fd == -EEXIST ? "it was there before" : strerror(-fd));
	return -1;
}

/* Copy one entry's bytes to ${fd}, or nowhere if that is -1. */
static int copy_data(struct job *j, int fd)
{
	la_ssize_t n;
	int r;

	while ((n = archive_read_data(j->tar, j->piece, sizeof(j->piece))) > 0) {
		j->bytes += (uint64_t)n;
		if (j->bytes > j->s->bytes_max)
			return -EOVERFLOW;
		digest_add(j->digest, j->piece, (size_t)n);
		r = fd < 0 ? 0 : io_write(fd, j->piece, (size_t)n);
		if (r < 0)
			return r;
	}
	return n < 0 ? -EBADMSG : 0;
}

/* A plain file.  0 or what ends the segment. */
static int take_file(struct job *j, struct archive_entry *ae, const char *path,
		     struct unpack_totals *totals)
{
	int64_t size = archive_entry_size(ae);
	uint8_t sum[DIGEST_BYTES];
	AUTO_CLOSE int fd = -1;
	int r;

	if (size < 0 || (uint64_t)size > j->s->bytes_max - j->bytes)
		return -EOVERFLOW;
	fd = open_target(j, path, (uint64_t)size);
	if (fd < -1)
		return fd;
	digest_reset(j->digest);
	r = copy_data(j, fd);
	if (r < 0)
		return r;
	digest_end(j->digest, sum);
	if (fd >= 0) {
		struct timespec times[2] = {
			{ .tv_nsec = UTIME_OMIT },
			{ archive_entry_mtime(ae), archive_entry_mtime_nsec(ae) },
		};

		(void)futimens(fd, times);
		totals->entries++;
		totals->bytes += (uint64_t)size;
		if (join_is_memory(path) && join_add_memory(j->u->join, path) < 0)
			return -ENOMEM;
	}
	return sums_add(&j->sums, sum, path);
}

/* The segment's list of digests: kept in memory until all is read. */
static int take_list(struct job *j, struct archive_entry *ae)
{
	int64_t size = archive_entry_size(ae);
	la_ssize_t n;

	if (size < 0 || size > SUMS_MAX)
		return -EOVERFLOW;
	j->list = malloc((size_t)size + 1);
	if (j->list == NULL)
		return -ENOMEM;
	j->list_len = (size_t)size;
	n = archive_read_data(j->tar, j->list, j->list_len);
	return n == (la_ssize_t)j->list_len ? 0 : -EBADMSG;
}

static const char *kind_refusal(struct archive_entry *ae)
{
	if (archive_entry_hardlink(ae) != NULL)
		return "it is a hard link";
	switch (archive_entry_filetype(ae)) {
	case AE_IFREG:
		return NULL;
	case AE_IFLNK:
		return "it is a symbolic link";
	case AE_IFDIR:
		return "it is a directory";
	default:
		return "it is a device, a pipe or a socket";
	}
}

static int take_entry(struct job *j, struct archive_entry *ae,
		      struct unpack_totals *totals)
{
	const char *path = archive_entry_pathname(ae), *why = kind_refusal(ae);

	if (path == NULL)
		path = archive_entry_pathname_utf8(ae);
	if (path == NULL) {
		path = "";
		why = "its name cannot be read";
	}
	if (why == NULL && j->list != NULL)
		why = "it comes after " SUMS_NAME;
	if (++j->entries > j->s->entries_max + 1)
		return -EOVERFLOW;
	if (why != NULL) {
		finding_problem(j->u->findings, path, "refused, in %s: %s", j->s->name, why);
		return 0;
	}
	if (strcmp(path, SUMS_NAME) == 0)
		return take_list(j, ae);
	return take_file(j, ae, path, totals);
}

static int take_entries(struct job *j, struct unpack_totals *totals)
{
	struct archive_entry *ae;
	size_t len;
	int r;

	for (;;) {
		r = archive_read_next_header(j->tar, &ae);
		if (r == ARCHIVE_EOF)
			break;
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return -EBADMSG;
		r = take_entry(j, ae, totals);
		if (r < 0)
			return r;
	}
	/* The archive may end before the encrypted file: check its rest too. */
	while ((r = unseal_chunk(&j->unseal, j->chunk, &len)) == 1)
		;
	return r;
}

/* Keep the list as SHA256SUMS.d/NNNN-<group>, and compare it. */
static int check_list(struct job *j)
{
	size_t base = strcspn(j->s->name, ".");
	char path[128], line[256];
	AUTO_CLOSE int fd = -1;
	int r;

	if (j->list == NULL) {
		finding_problem(j->u->findings, j->s->name, "it has no " SUMS_NAME);
		return 0;
	}
	(void)snprintf(path, sizeof(path), UNPACK_SUMS "/%.*s", (int)base, j->s->name);
	fd = extract_create(j->u->extract, path);
	r = fd < 0 ? fd : io_write(fd, j->list, j->list_len);
	if (r == 0 && sums_compare(&j->sums, j->list, j->list_len, line,
				   sizeof(line)) < 0) {
		char quoted[300];

		finding_problem(j->u->findings, j->s->name, "its content and its "
				SUMS_NAME " differ, first at: %s",
				quote_text(quoted, sizeof(quoted), line));
	}
	return r;
}

/* Say what ended the segment.  What unpack_segment() returns. */
static int explain(const struct job *j, int r)
{
	char why[200];
	const char *text = j->tar == NULL ? NULL : archive_error_string(j->tar);

	if (r == -EOVERFLOW)
		finding_problem(j->u->findings, j->s->name, "it has more in it than it "
				"may: the rest is not unpacked");
	else if (r == -EBADMSG)
		finding_problem(j->u->findings, j->s->name, "its archive is damaged: %s",
				quote_text(why, sizeof(why), text == NULL ? "" : text));
	else
		return r;
	return -EBADMSG;
}

int unpack_segment(const struct unpack *u, const struct unpack_segment *s,
		   struct unpack_totals *totals)
{
	char error[UNSEAL_ERROR_MAX];
	struct job *j = calloc(1, sizeof(*j));
	int r;

	if (j == NULL)
		return -ENOMEM;
	j->u = u;
	j->s = s;
	r = unseal_open(&j->unseal, s->data, s->len, u->identities, error);
	if (r < 0) {
		finding_problem(u->findings, s->name, "%s", error);
		r = -EBADMSG;
		goto free_job;
	}
	r = digest_open(&j->digest);
	if (r == 0)
		r = sums_open(&j->sums);
	if (r == 0)
		r = open_tar(j);
	if (r == 0)
		r = take_entries(j, totals);
	if (r == 0)
		r = check_list(j);
	if (r < 0)
		r = explain(j, r);
	(void)archive_read_free(j->tar);
	sums_close(&j->sums);
	digest_free(j->digest);
free_job:
	unseal_close(&j->unseal);
	free(j->list);
	free(j);
	return r;
}
