/*
 * manifest_read.c - the responder's view of a manifest.
 *
 * Reads JSON in memory (RFC 8259, by yyjson).  What evac needs must be there
 * and of the right kind; a manifest that is not so is refused whole, for half
 * a list of evidence is worse than none.
 */
#include "manifest_read.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "collection.h"

#define SEGMENTS_MAX 1000000u

static int refuse(char error[MANIFEST_READ_ERROR], const char *what)
{
	(void)snprintf(error, MANIFEST_READ_ERROR, "it is no evac manifest: %s", what);
	return -EINVAL;
}

/* A text without NUL inside, or NULL. */
static const char *get_text(yyjson_val *object, const char *key)
{
	yyjson_val *v = yyjson_obj_get(object, key);
	const char *text = yyjson_get_str(v);

	return text != NULL && strlen(text) == yyjson_get_len(v) ? text : NULL;
}

static bool get_number(yyjson_val *object, const char *key, uint64_t max, uint64_t *ret)
{
	yyjson_val *v = yyjson_obj_get(object, key);

	*ret = yyjson_get_uint(v);
	return yyjson_is_uint(v) && *ret <= max;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool get_sha256(yyjson_val *object, uint8_t ret[32])
{
	const char *hex = get_text(object, "sha256");

	if (hex == NULL || strlen(hex) != 64)
		return false;
	for (size_t i = 0; i < 32; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool read_segment(yyjson_val *v, struct manifest_read_segment *ret)
{
	char group[COLLECTION_GROUP_MAX];
	uint64_t number;
	unsigned named;

	ret->name = get_text(v, "name");
	ret->group = get_text(v, "group");
	if (ret->name == NULL || ret->group == NULL || !get_sha256(v, ret->sha256) ||
	    !get_number(v, "number", UINT_MAX, &number) ||
	    !get_number(v, "size", INT64_MAX, &ret->size) ||
	    !get_number(v, "entries", INT64_MAX, &ret->entries) ||
	    !get_number(v, "entry_bytes", INT64_MAX, &ret->entry_bytes))
		return false;
	ret->number = (unsigned)number;
	return collection_parse_name(ret->name, &named, group) == 0 &&
	       named == ret->number && strcmp(group, ret->group) == 0;
}

static bool read_lost(yyjson_val *v, struct manifest_read_lost *ret)
{
	uint64_t number;

	ret->name = get_text(v, "name");
	ret->why = get_text(v, "why");
	if (ret->name == NULL || ret->why == NULL ||
	    !get_number(v, "number", UINT_MAX, &number))
		return false;
	ret->number = (unsigned)number;
	return true;
}

static int by_number(const void *a, const void *b)
{
	const struct manifest_read_segment *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

/* An array of at most SEGMENTS_MAX members, or NULL. */
static yyjson_val *get_array(yyjson_val *root, const char *key)
{
	yyjson_val *v = yyjson_obj_get(root, key);

	return yyjson_is_arr(v) && yyjson_arr_size(v) <= SEGMENTS_MAX ? v : NULL;
}

/* Names only; what is no text there is left out. */
static int read_spooled(yyjson_val *root, struct manifest_view *m)
{
	yyjson_val *spooled = get_array(root, "spooled"), *v;
	size_t i, max;

	if (spooled == NULL)
		return 0;
	m->spooled = calloc(yyjson_arr_size(spooled) + 1, sizeof(*m->spooled));
	if (m->spooled == NULL)
		return -ENOMEM;
	yyjson_arr_foreach(spooled, i, max, v) {
		if (yyjson_is_str(v))
			m->spooled[m->spooled_count++] = yyjson_get_str(v);
	}
	return 0;
}

static int read_lists(yyjson_val *root, struct manifest_view *m,
		      char error[MANIFEST_READ_ERROR])
{
	yyjson_val *segments = get_array(root, "segments"), *v;
	yyjson_val *lost = get_array(root, "lost");
	size_t i, max;

	if (segments == NULL || lost == NULL)
		return refuse(error, "its list of segments is missing");
	m->segments = calloc(yyjson_arr_size(segments) + 1, sizeof(*m->segments));
	m->lost = calloc(yyjson_arr_size(lost) + 1, sizeof(*m->lost));
	if (m->segments == NULL || m->lost == NULL)
		return -ENOMEM;
	yyjson_arr_foreach(segments, i, max, v) {
		if (!read_segment(v, &m->segments[m->segment_count]))
			return refuse(error, "a segment in it cannot be read");
		m->segment_count++;
	}
	yyjson_arr_foreach(lost, i, max, v) {
		if (!read_lost(v, &m->lost[m->lost_count]))
			return refuse(error, "a lost segment in it cannot be read");
		m->lost_count++;
	}
	if (read_spooled(root, m) < 0)
		return -ENOMEM;
	if (m->segment_count > 0)
		qsort(m->segments, m->segment_count, sizeof(*m->segments), by_number);
	for (i = 1; i < m->segment_count; i++)
		if (m->segments[i].number == m->segments[i - 1].number)
			return refuse(error, "it has two segments of one number");
	return 0;
}

static int read_root(yyjson_val *root, struct manifest_view *m,
		     char error[MANIFEST_READ_ERROR])
{
	uint64_t version;

	if (!get_number(root, "evac_manifest", UINT64_MAX, &version))
		return refuse(error, "it has no version");
	if (version != MANIFEST_READ_VERSION) {
		(void)snprintf(error, MANIFEST_READ_ERROR, "it is of version %llu, and "
			       "this evac reads version %d only: use a newer evac",
			       (unsigned long long)version, MANIFEST_READ_VERSION);
		return -EPROTONOSUPPORT;
	}
	m->collection = get_text(root, "collection");
	m->public_key = get_text(root, "public_key");
	m->case_id = get_text(root, "case");
	m->host = get_text(root, "host");
	m->complete = yyjson_get_bool(yyjson_obj_get(root, "complete"));
	m->has_marker = yyjson_get_bool(yyjson_obj_get(root, "volatile_done"));
	if (m->collection == NULL || m->public_key == NULL || m->case_id == NULL ||
	    m->host == NULL)
		return refuse(error, "collection, public_key, case or host is missing");
	return read_lists(root, m, error);
}

/* Bounded: the reader takes some ten times the memory of the text. */
static yyjson_doc *parse(const void *data, size_t len)
{
	if (len > MANIFEST_READ_MAX)
		return NULL;
	return yyjson_read(data, len, YYJSON_READ_NOFLAG);
}

int manifest_read(const void *data, size_t len, struct manifest_view **ret,
		  char error[MANIFEST_READ_ERROR])
{
	struct manifest_view *m = calloc(1, sizeof(*m));
	yyjson_doc *document;
	int r;

	if (m == NULL) {
		(void)refuse(error, "no memory");
		return -ENOMEM;
	}
	document = parse(data, len);
	m->document = document;
	if (document == NULL)
		r = refuse(error, "it is no JSON");
	else
		r = read_root(yyjson_doc_get_root(document), m, error);
	if (r < 0) {
		manifest_read_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

int manifest_read_public_key(const void *data, size_t len, char *ret, size_t cap)
{
	yyjson_doc *document = parse(data, len);
	const char *text = get_text(yyjson_doc_get_root(document), "public_key");
	int r = -EINVAL;

	if (text != NULL && strlen(text) < cap) {
		memcpy(ret, text, strlen(text) + 1);
		r = 0;
	}
	yyjson_doc_free(document);
	return r;
}

void manifest_read_free(struct manifest_view *m)
{
	if (m == NULL)
		return;
	yyjson_doc_free(m->document);
	free(m->segments);
	free(m->lost);
	free(m->spooled);
	free(m);
}
