/*
 * segment.c - a bounded piece of evidence that stands on its own.
 *
 * Everything an entry will cost in the tar is counted when it comes in, so
 * that a segment's archive can never outgrow the worker's buffer.
 */
#include "segment.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A tar member costs a 512-byte header, up to 511 bytes of padding, and before
 * it a pax header with its own blocks; then its line in the list of digests.
 * Path and attributes can stand in the pax header, in the ustar header and,
 * escaped, in the list.  An attribute stands in the pax header twice, its value
 * once in base64, each byte of its name as "%XX" both times.
 */
#define ENTRY_COST 2560
#define META_COST 6
/* The longest suffix that a piece of a file gets: "@<12 digits or more>.part". */
#define PART_SUFFIX 32
/* Kept back for the list of digests and the end of the archive. */
#define END_COST 8192

int segment_open(struct segment **ret, size_t size)
{
	struct segment *seg = calloc(1, sizeof(*seg));

	if (seg == NULL)
		return -ENOMEM;
	seg->number = SEGMENT_UNNUMBERED;
	seg->size = size;
	seg->entry_max = size / ENTRY_COST;
	seg->entries = calloc(seg->entry_max, sizeof(*seg->entries));
	if (seg->entries == NULL || buf_open(&seg->raw, size) < 0 ||
	    buf_open(&seg->meta, size / 8 + 65536) < 0) {
		segment_free(seg);
		return -ENOMEM;
	}
	*ret = seg;
	return 0;
}

void segment_free(struct segment *seg)
{
	if (seg == NULL)
		return;
	buf_free(&seg->raw);
	buf_free(&seg->meta);
	free(seg->entries);
	free(seg);
}

void segment_begin(struct segment *seg, const char *group)
{
	seg->number = SEGMENT_UNNUMBERED;
	seg->group = group;
	seg->raw.len = 0;
	seg->meta.len = 0;
	seg->entry_count = 0;
	seg->used = END_COST;
	seg->reads = false;
	seg->next = NULL;
	(void)clock_gettime(CLOCK_REALTIME, &seg->begun);
}

static size_t meta_bytes(const char *path, const struct sink_entry *e)
{
	size_t n = strlen(path) + PART_SUFFIX;

	for (size_t i = 0; i < e->xattr_count; i++)
		n += strlen(e->xattrs[i].name) + 1 + sizeof(size_t) +
		     e->xattrs[i].len;
	return n;
}

size_t segment_room(const struct segment *seg, const struct sink_entry *e)
{
	size_t meta = meta_bytes(e->path, e);
	size_t cost = ENTRY_COST + META_COST * meta;

	if (seg->entry_count == seg->entry_max || meta > buf_room(&seg->meta) ||
	    seg->used + cost > seg->size)
		return 0;
	return seg->size - seg->used - cost;
}

size_t segment_room_empty(size_t size)
{
	return size - END_COST - ENTRY_COST - META_COST * 512;
}

int segment_entry_begin(struct segment *seg, const char *path,
			const struct sink_entry *e)
{
	size_t meta = meta_bytes(path, e);
	size_t cost = ENTRY_COST + META_COST * meta;
	struct segment_entry *to;

	if (seg->entry_count == seg->entry_max || meta > buf_room(&seg->meta) ||
	    seg->used + cost > seg->size)
		return -ENOSPC;
	to = &seg->entries[seg->entry_count++];
	*to = (struct segment_entry){
		.path = seg->meta.len, .mode = e->mode != 0 ? e->mode : 0600,
		.uid = e->uid, .gid = e->gid, .has_times = e->has_times,
		.mtime = e->mtime,
		.atime = e->atime, .ctime = e->ctime,
		.xattr_count = e->xattr_count, .data = seg->raw.len,
	};
	if (!e->has_times && to->mtime.tv_sec == 0 && to->mtime.tv_nsec == 0)
		(void)clock_gettime(CLOCK_REALTIME, &to->mtime);
	/* Space behind the path lets segment_rename_last() work in place. */
	memset(seg->meta.data + seg->meta.len, 0, strlen(path) + PART_SUFFIX);
	memcpy(seg->meta.data + seg->meta.len, path, strlen(path));
	seg->meta.len += strlen(path) + PART_SUFFIX;
	to->xattrs = seg->meta.len;
	for (size_t i = 0; i < e->xattr_count; i++) {
		const struct sink_xattr *x = &e->xattrs[i];

		(void)buf_add(&seg->meta, x->name, strlen(x->name) + 1);
		(void)buf_add(&seg->meta, &x->len, sizeof(x->len));
		(void)buf_add(&seg->meta, x->value, x->len);
	}
	seg->used += cost;
	return 0;
}

size_t segment_add(struct segment *seg, const void *data, size_t len)
{
	struct segment_entry *e = segment_last(seg);
	size_t n = seg->size - seg->used;
	int r;

	if (len < n)
		n = len;
	r = buf_add(&seg->raw, data, n);
	assert(r == 0); /* raw is as large as the budget */
	(void)r;
	seg->used += n;
	e->data_len += n;
	e->size += n;
	return n;
}

struct segment_entry *segment_last(struct segment *seg)
{
	assert(seg->entry_count > 0);
	return &seg->entries[seg->entry_count - 1];
}

void segment_drop_last(struct segment *seg)
{
	struct segment_entry *e = segment_last(seg);

	seg->used -= e->data_len + ENTRY_COST + META_COST * (seg->meta.len - e->path);
	seg->raw.len = e->data;
	seg->meta.len = e->path;
	seg->entry_count--;
}

void segment_move_last(struct segment *to, struct segment *from)
{
	const struct segment_entry *e = segment_last(from);
	struct segment_entry *copy = &to->entries[to->entry_count++];
	size_t meta = from->meta.len - e->path;

	*copy = *e;
	copy->path = to->meta.len;
	copy->xattrs = to->meta.len + (e->xattrs - e->path);
	copy->data = to->raw.len;
	(void)buf_add(&to->meta, from->meta.data + e->path, meta);
	(void)buf_add(&to->raw, from->raw.data + e->data, e->data_len);
	to->used += e->data_len + ENTRY_COST + META_COST * meta;
	segment_drop_last(from);
}

void segment_rename_last(struct segment *seg, const char *suffix)
{
	char *path = (char *)seg->meta.data + segment_last(seg)->path;

	assert(strlen(suffix) < PART_SUFFIX);
	memcpy(path + strlen(path), suffix, strlen(suffix) + 1);
}

const char *segment_path(const struct segment *seg, const struct segment_entry *e)
{
	return (const char *)seg->meta.data + e->path;
}

size_t segment_xattr(const struct segment *seg, size_t pos, struct sink_xattr *ret)
{
	const uint8_t *p = seg->meta.data + pos;

	ret->name = (const char *)p;
	p += strlen(ret->name) + 1;
	memcpy(&ret->len, p, sizeof(ret->len));
	p += sizeof(ret->len);
	ret->value = p;
	return (size_t)(p + ret->len - seg->meta.data);
}

void segment_name(const struct segment *seg, char ret[SEGMENT_NAME_MAX])
{
	(void)snprintf(ret, SEGMENT_NAME_MAX, "%04u-%s.tar.zst.age",
		       seg->number, seg->group);
}
