/*
 * sink_list.c - a sink that remembers everything, for tests of collectors.
 *
 * Implements sink.h.  Checks the callers, too: a call out of turn aborts.
 */
#include "sink_list.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_MAX 65536u

struct gap {
	char *path;
	int why;
};

struct note {
	char key[64];
	char text[256];
};

struct sink {
	struct sink_list_file *files;
	size_t file_count;
	struct gap *gaps;
	size_t gap_count;
	struct note *notes;
	size_t note_count;
	struct sink_list_file *open; /* between begin and end */
	unsigned long calls, fail_at;
	int fail_error;
	size_t room;
	char *row;
};

struct sink *sink_list_open(void)
{
	struct sink *s = calloc(1, sizeof(*s));

	assert(s != NULL);
	s->files = calloc(LIST_MAX, sizeof(*s->files));
	s->gaps = calloc(LIST_MAX, sizeof(*s->gaps));
	s->notes = calloc(256, sizeof(*s->notes));
	assert(s->files != NULL && s->gaps != NULL && s->notes != NULL);
	s->room = (size_t)64 << 20;
	return s;
}

/* A table's rows go to the directory $EVAC_ROWS, for the check of SCHEMA.md. */
static void keep_rows(const struct sink_list_file *f)
{
	static uint32_t seen[4096]; /* the loops over failing sinks repeat themselves */
	static size_t seen_count;
	const char *dir = getenv("EVAC_ROWS"), *end = strstr(f->path, ".ndjson");
	uint32_t hash = 2166136261u;
	char name[512];
	FILE *out;

	if (dir == NULL || end == NULL || end[7] != '\0' || seen_count == 4096)
		return;
	for (size_t i = 0; i < f->len; i++)
		hash = (hash ^ (uint8_t)f->data[i]) * 16777619u;
	for (size_t i = 0; i < seen_count; i++)
		if (seen[i] == hash)
			return;
	seen[seen_count++] = hash;
	(void)snprintf(name, sizeof(name), "%s/%d", dir, (int)getpid());
	out = fopen(name, "a");
	assert(out != NULL);
	for (const char *line = f->data, *next; (next = strchr(line, '\n')) != NULL; line = next + 1)
		(void)fprintf(out, "%.*s\t%.*s\n", (int)(end - f->path), f->path,
			      (int)(next - line), line);
	(void)fclose(out);
}

void sink_list_free(struct sink *s)
{
	for (size_t i = 0; i < s->file_count; i++)
		keep_rows(&s->files[i]);
	for (size_t i = 0; i < s->file_count; i++) {
		free(s->files[i].path);
		free(s->files[i].data);
	}
	for (size_t i = 0; i < s->gap_count; i++)
		free(s->gaps[i].path);
	free(s->files);
	free(s->gaps);
	free(s->notes);
	free(s->row);
	free(s);
}

void sink_list_fail_at(struct sink *s, unsigned long call, int error)
{
	s->fail_at = call;
	s->fail_error = error;
}

unsigned long sink_list_calls(const struct sink *s)
{
	return s->calls;
}

void sink_list_set_room(struct sink *s, size_t bytes)
{
	s->room = bytes;
}

static int count(struct sink *s)
{
	return ++s->calls == s->fail_at ? s->fail_error : 0;
}

static struct sink_list_file *find(const struct sink *s, const char *path)
{
	for (size_t i = 0; i < s->file_count; i++)
		if (strcmp(s->files[i].path, path) == 0)
			return &s->files[i];
	return NULL;
}

static struct sink_list_file *file_of(struct sink *s, const struct sink_entry *e)
{
	struct sink_list_file *f = find(s, e->path);

	assert(e->path[0] != '/' && e->path[0] != '\0' && strstr(e->path, "/../") == NULL);
	if (f != NULL)
		return f;
	assert(s->file_count < LIST_MAX);
	f = &s->files[s->file_count++];
	*f = (struct sink_list_file){
		.path = strdup(e->path), .declared = e->size, .mode = e->mode,
		.uid = e->uid, .gid = e->gid, .mtime = e->mtime,
		.xattr_count = e->xattr_count,
	};
	f->data = calloc(1, 1);
	assert(f->path != NULL && f->data != NULL);
	return f;
}

static void put_at(struct sink_list_file *f, uint64_t offset, const void *data,
		   size_t len)
{
	size_t end = (size_t)offset + len;

	assert(end < (size_t)1 << 30);
	if (end > f->len) {
		if (end + 1 > f->cap) {
			f->cap = 2 * end + 1;
			f->data = realloc(f->data, f->cap);
		}
		assert(f->data != NULL);
		memset(f->data + f->len, 0, end + 1 - f->len);
		f->len = end;
	}
	if (len > 0)
		memcpy(f->data + offset, data, len);
}

int sink_begin(struct sink *s, const struct sink_entry *e)
{
	int r = count(s);

	assert(s->open == NULL);
	if (r < 0)
		return r;
	assert(find(s, e->path) == NULL);
	s->open = file_of(s, e);
	return 0;
}

int sink_write(struct sink *s, const void *data, size_t len)
{
	assert(s->open != NULL);
	put_at(s->open, s->open->len, data, len);
	return count(s);
}

int sink_end(struct sink *s)
{
	assert(s->open != NULL || s->calls >= s->fail_at);
	s->open = NULL;
	return count(s);
}

int sink_put(struct sink *s, const struct sink_entry *e, const void *data, size_t len)
{
	int r = count(s);

	assert(s->open == NULL);
	if (r < 0)
		return r;
	assert(find(s, e->path) == NULL);
	put_at(file_of(s, e), 0, data, len);
	return 0;
}

int sink_part(struct sink *s, const struct sink_entry *e, uint64_t offset,
	      const void *data, size_t len)
{
	int r = count(s);
	struct sink_list_file *f;

	assert(s->open == NULL);
	if (r < 0)
		return r;
	f = file_of(s, e);
	f->pieces++;
	put_at(f, offset, data, len);
	return 0;
}

int sink_last(struct sink *s, const struct sink_entry *e, uint64_t offset, bool part,
	      const void *data, size_t len)
{
	(void)part;
	s->open = NULL;
	put_at(file_of(s, e), offset, data, len);
	return -EPIPE;
}

int sink_pull(struct sink *s, const struct sink_entry *e, const void *prefix,
	      size_t prefix_len, sink_reader *read, void *arg, uint64_t offset)
{
	int r = count(s);
	struct sink_list_file *f;
	size_t len = (size_t)e->size - prefix_len;

	if (r < 0)
		return r;
	f = file_of(s, e);
	put_at(f, 0, prefix, prefix_len);
	f->cap = (size_t)e->size + 1;
	f->data = realloc(f->data, f->cap);
	assert(f->data != NULL && prefix_len <= 64);
	read(arg, offset, f->data + prefix_len, len);
	f->len = (size_t)e->size;
	f->data[f->len] = '\0';
	return 0;
}

int sink_drain(struct sink *s)
{
	return count(s);
}

int sink_flush(struct sink *s)
{
	return count(s);
}

size_t sink_room(const struct sink *s)
{
	return s->room;
}

int sink_gap(struct sink *s, const char *path, int why, const char *detail)
{
	(void)detail;
	assert(why < 0);
	if (s->gap_count < LIST_MAX) {
		s->gaps[s->gap_count] = (struct gap){ .path = strdup(path), .why = why };
		s->gap_count++;
	}
	return count(s);
}

int sink_note(struct sink *s, const char *key, const char *fmt, ...)
{
	struct note *n = NULL;
	va_list ap;

	assert(strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_.") == strlen(key));
	for (size_t i = 0; i < s->note_count; i++)
		if (strcmp(s->notes[i].key, key) == 0)
			n = &s->notes[i];
	if (n == NULL) {
		assert(s->note_count < 256);
		n = &s->notes[s->note_count++];
	}
	(void)snprintf(n->key, sizeof(n->key), "%s", key);
	va_start(ap, fmt);
	(void)vsnprintf(n->text, sizeof(n->text), fmt, ap);
	va_end(ap);
	return count(s);
}

const struct sink_list_file *sink_list_find(const struct sink *s, const char *path)
{
	return find(s, path);
}

size_t sink_list_count(const struct sink *s)
{
	return s->file_count;
}

const struct sink_list_file *sink_list_at(const struct sink *s, size_t i)
{
	return &s->files[i];
}

const char *sink_list_row(const struct sink *s, const char *path, const char *a,
			  const char *b, const char *c)
{
	const struct sink_list_file *f = find(s, path);
	const char *p = f != NULL ? f->data : "";

	while (*p != '\0') {
		size_t n = strcspn(p, "\n");
		char *row = strndup(p, n);

		assert(row != NULL);
		free(s->row);
		((struct sink *)(uintptr_t)s)->row = row;
		if ((a == NULL || strstr(row, a) != NULL) &&
		    (b == NULL || strstr(row, b) != NULL) &&
		    (c == NULL || strstr(row, c) != NULL))
			return row;
		p += n + (p[n] == '\n' ? 1 : 0);
	}
	return NULL;
}

size_t sink_list_gaps(const struct sink *s, const char *prefix, int *why)
{
	size_t n = 0;

	for (size_t i = 0; i < s->gap_count; i++) {
		if (strncmp(s->gaps[i].path, prefix, strlen(prefix)) != 0)
			continue;
		n++;
		if (why != NULL)
			*why = s->gaps[i].why;
	}
	return n;
}

const char *sink_list_note(const struct sink *s, const char *key)
{
	for (size_t i = 0; i < s->note_count; i++)
		if (strcmp(s->notes[i].key, key) == 0)
			return s->notes[i].text;
	return NULL;
}
