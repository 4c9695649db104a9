/*
 * join.c - files that a collection holds in pieces, put together again.
 *
 * Pieces are written at their offsets as they come.  A piece that is missing
 * leaves a hole, which is reported; one that overlaps another is refused, so
 * nothing that was written is ever overwritten.
 */
#include "join.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extract.h"
#include "finding.h"
#include "io.h"
#include "lime.h"
#include "parse.h"
#include "scope.h"

#define DIGITS_MIN 12
#define PART_END ".part"
#define MEMORY_START "memory/"
#define MEMORY_END ".lime"
#define MEMORY_DIGITS 16
#define COPY_BYTES (1u << 20)

struct part {
	uint64_t offset, len;
};

struct joined {
	char *path;
	struct part *ranges; /* in order, not overlapping */
	size_t count, cap;
	struct joined *next;
};

struct join {
	void *tree;           /* of struct joined, by path */
	struct joined *first; /* all of them */
	char **memory;
	size_t memory_count, memory_cap;
};

int join_open(struct join **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret == NULL ? -ENOMEM : 0;
}

static int by_path(const void *a, const void *b)
{
	const struct joined *x = a, *y = b;

	return strcmp(x->path, y->path);
}

void join_close(struct join *j)
{
	if (j == NULL)
		return;
	while (j->first != NULL) {
		struct joined *file = j->first;

		j->first = file->next;
		(void)tdelete(file, &j->tree, by_path);
		free(file->ranges);
		free(file->path);
		free(file);
	}
	for (size_t i = 0; i < j->memory_count; i++)
		free(j->memory[i]);
	free(j->memory);
	free(j);
}

bool join_is_piece(const char *path, size_t *ret_len, uint64_t *ret_offset)
{
	size_t len = strlen(path), end = strlen(PART_END), digits = 0;

	if (len < end || strcmp(path + len - end, PART_END) != 0)
		return false;
	len -= end;
	while (digits < len && path[len - digits - 1] >= '0' &&
	       path[len - digits - 1] <= '9')
		digits++;
	if (digits < DIGITS_MIN || len - digits < 2 || path[len - digits - 1] != '@' ||
	    parse_u64(path + len - digits, digits, 10, ret_offset) < 0)
		return false;
	*ret_len = len - digits - 1;
	return true;
}

bool join_is_memory(const char *path)
{
	size_t start = strlen(MEMORY_START);

	return strncmp(path, MEMORY_START, start) == 0 &&
	       strspn(path + start, "0123456789abcdef") == MEMORY_DIGITS &&
	       strcmp(path + start + MEMORY_DIGITS, MEMORY_END) == 0;
}

/* Put a range into its place.  0; -EEXIST when it overlaps; -ENOMEM. */
static int add_range(struct joined *file, uint64_t offset, uint64_t len)
{
	size_t at = file->count;

	if (len > INT64_MAX || offset > INT64_MAX - len)
		return -EFBIG;
	while (at > 0 && file->ranges[at - 1].offset > offset)
		at--;
	if (at > 0 && (file->ranges[at - 1].offset == offset ||
		       file->ranges[at - 1].offset + file->ranges[at - 1].len > offset))
		return -EEXIST;
	if (at < file->count && file->ranges[at].offset < offset + len)
		return -EEXIST;
	if (file->count == file->cap) {
		size_t cap = file->cap == 0 ? 8 : 2 * file->cap;
		struct part *grown = reallocarray(file->ranges, cap, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		file->ranges = grown;
		file->cap = cap;
	}
	memmove(&file->ranges[at + 1], &file->ranges[at],
		(file->count - at) * sizeof(*file->ranges));
	file->ranges[at] = (struct part){ offset, len };
	file->count++;
	return 0;
}

/* A file that is not known yet; it belongs to ${j} on success. */
static struct joined *add_file(struct join *j, const char *path)
{
	struct joined *file = calloc(1, sizeof(*file));

	if (file == NULL)
		return NULL;
	file->path = strdup(path);
	if (file->path == NULL || tsearch(file, &j->tree, by_path) == NULL) {
		free(file->path);
		free(file);
		return NULL;
	}
	file->next = j->first;
	j->first = file;
	return file;
}

static struct joined *find_file(struct join *j, const char *path)
{
	struct joined key = { .path = (char *)path };
	struct joined **found = tfind(&key, &j->tree, by_path);

	return found == NULL ? NULL : *found;
}

int join_add_memory(struct join *j, const char *path)
{
	if (j->memory_count == j->memory_cap) {
		size_t cap = j->memory_cap == 0 ? 64 : 2 * j->memory_cap;
		char **grown = reallocarray(j->memory, cap, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		j->memory = grown;
		j->memory_cap = cap;
	}
	j->memory[j->memory_count] = strdup(path);
	if (j->memory[j->memory_count] == NULL)
		return -ENOMEM;
	j->memory_count++;
	return 0;
}

int join_piece(struct join *j, struct extract *x, const char *path, uint64_t offset,
	       uint64_t size)
{
	struct joined *file = find_file(j, path);
	int r, fd;

	if (file != NULL) {
		r = add_range(file, offset, size);
		return r < 0 ? r : extract_reopen(x, path);
	}
	fd = extract_create(x, path);
	if (fd < 0)
		return fd;
	file = add_file(j, path);
	r = file == NULL ? -ENOMEM : add_range(file, offset, size);
	if (r == 0 && join_is_memory(path))
		r = join_add_memory(j, path);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	return fd;
}

static void report_holes(const struct joined *file, struct findings *f, bool expected)
{
	uint64_t end = 0, missing = 0, first = 0;

	for (size_t i = 0; i < file->count; i++) {
		const struct part *r = &file->ranges[i];

		/* An empty piece marks a hole that the file had itself. */
		if (i > 0 && file->ranges[i - 1].len == 0)
			end = r->offset;
		if (r->offset > end && missing == 0)
			first = end;
		missing += r->offset - end;
		end = r->offset + r->len;
	}
	if (missing == 0)
		return;
	if (expected)
		finding_note(f, file->path, "%" PRIu64 " bytes of it are missing, the first "
			     "at %" PRIu64 ": zeros stand there", missing, first);
	else
		finding_problem(f, file->path, "%" PRIu64 " bytes of it are missing, the "
				"first at %" PRIu64 ": zeros stand there", missing, first);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * A piece in whose middle the run ended promises more than it has: what would
 * follow would be taken for its bytes.  Write a header that is true.  0; 1 when
 * there is nothing but the header; a negative errno.
 */
static int mend_head(int from, int to, const char *path, struct findings *f, uint64_t *bytes)
{
	uint8_t head[LIME_HEADER_BYTES];
	struct range range;
	struct stat st;
	uint64_t have, want;
	int r;

	if (fstat(from, &st) < 0 || st.st_size < LIME_HEADER_BYTES ||
	    io_pread(from, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    lime_parse(head, &range) < 0)
		return 0;
	have = (uint64_t)st.st_size - LIME_HEADER_BYTES;
	want = range.end - range.start + 1;
	if (have >= want)
		return 0;
	finding_note(f, path, "the run ended in it: %" PRIu64 " of its %" PRIu64 " bytes are there",
		     have, want);
	if (have == 0)
		return 1;
	lime_header(head, range.start, range.start + have - 1);
	r = io_write(to, head, sizeof(head));
	if (r < 0)
		return r;
	*bytes += sizeof(head);
	return lseek(from, LIME_HEADER_BYTES, SEEK_SET) < 0 ? -errno : 0;
}

/* Append the file ${path} to ${to} and remove it. */
static int move_piece(struct extract *x, const char *path, int to, char *buffer,
		      struct findings *f, uint64_t *bytes)
{
	AUTO_CLOSE int from = extract_reopen(x, path);
	ssize_t n;
	int r;

	if (from < 0)
		return from;
	r = mend_head(from, to, path, f, bytes);
	if (r != 0)
		return r < 0 ? r : extract_remove(x, path);
	while ((n = io_read(from, buffer, COPY_BYTES)) > 0) {
		r = io_write(to, buffer, (size_t)n);
		if (r < 0)
			return r;
		*bytes += (uint64_t)n;
	}
	return n < 0 ? (int)n : extract_remove(x, path);
}

int join_end(struct join *j, struct extract *x, struct findings *f, bool expected,
	     uint64_t *ret_memory_bytes)
{
	AUTO_FREE char *buffer = NULL;
	AUTO_CLOSE int to = -1;
	int r = 0;

	*ret_memory_bytes = 0;
	for (const struct joined *file = j->first; file != NULL; file = file->next)
		report_holes(file, f, expected);
	if (j->memory_count == 0)
		return 0;
	qsort(j->memory, j->memory_count, sizeof(*j->memory), by_text);
	buffer = malloc(COPY_BYTES);
	if (buffer == NULL)
		return -ENOMEM;
	to = extract_create(x, JOIN_MEMORY);
	if (to < 0)
		return to;
	for (size_t i = 0; r == 0 && i < j->memory_count; i++)
		r = move_piece(x, j->memory[i], to, buffer, f, ret_memory_bytes);
	extract_prune(x, "memory");
	return r;
}
