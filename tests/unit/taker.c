/*
 * taker.c - stands where the workers do and keeps what the sinks sent.
 */
#include "taker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue.h"
#include "segment.h"

static void *must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

static void add_entry(struct taker *t, const struct segment *seg,
		      const struct segment_entry *e)
{
	struct taken *to;

	if (t->count == t->cap) {
		t->cap = 2 * t->cap + 16;
		t->list = must(realloc(t->list, t->cap * sizeof(*t->list)));
	}
	to = &t->list[t->count++];
	*to = (struct taken){
		.path = must(strdup(segment_path(seg, e))), .len = (size_t)e->size,
		.data = must(malloc((size_t)e->size + 1)), .mode = e->mode,
		.xattr_count = e->xattr_count, .segment = seg->number,
	};
	if (e->data_len > e->size || (e->read == NULL && e->data_len != e->size) ||
	    e->data + e->data_len > seg->raw.len)
		t->broken = true;
	else
		memcpy(to->data, seg->raw.data + e->data, e->data_len);
	if (e->read != NULL)
		e->read(e->arg, e->offset, to->data + e->data_len,
			(size_t)e->size - e->data_len);
	to->data[to->len] = '\0';
}

void taker_add(struct taker *t, const struct segment *seg)
{
	for (size_t i = 0; i < seg->entry_count; i++)
		add_entry(t, seg, &seg->entries[i]);
	if (seg->used > seg->size || seg->entry_count == 0)
		t->broken = true;
}

void taker_take(struct taker *t, struct queue *q)
{
	while (t->segments < queue_count(q)) {
		struct segment *seg = queue_take(q);

		taker_add(t, seg);
		queue_release(q, seg);
		t->segments++;
	}
}

const struct taken *taker_find(const struct taker *t, const char *path)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->list[i].path, path) == 0)
			return &t->list[i];
	return NULL;
}

uint8_t *taker_join(const struct taker *t, const char *path, size_t *ret_len)
{
	char *name = must(malloc(strlen(path) + 32));
	uint8_t *data = must(calloc(1, 1));
	const struct taken *part;

	*ret_len = 0;
	for (;;) {
		(void)sprintf(name, "%s@%012zu.part", path, *ret_len);
		part = taker_find(t, name);
		if (part == NULL || part->len == 0)
			break;
		data = must(realloc(data, *ret_len + part->len + 1));
		memcpy(data + *ret_len, part->data, part->len + 1);
		*ret_len += part->len;
	}
	free(name);
	return data;
}

size_t taker_occurs(const struct taker *t, const char *prefix, const char *needle)
{
	size_t n = 0;

	for (size_t i = 0; i < t->count; i++) {
		const char *at = (const char *)t->list[i].data;

		if (strncmp(t->list[i].path, prefix, strlen(prefix)) != 0)
			continue;
		while ((at = strstr(at, needle)) != NULL) {
			n++;
			at += strlen(needle);
		}
	}
	return n;
}

void taker_clear(struct taker *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->list[i].path);
		free(t->list[i].data);
	}
	free(t->list);
	*t = (struct taker){ .segments = t->segments };
}
