/*
 * table.c - an NDJSON table of records, written row by row into the sink.
 *
 * A row is written straight into the table's buffer, through a window of the
 * longest row that is allowed.  One that does not fit leaves a gap, no half row.
 */
#include "table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "blob.h"
#include "buf.h"
#include "sink.h"

#define ROW_MAX ((size_t)256 << 10)

struct table {
	struct blob blob;
	struct buf row; /* a window into the blob's buffer */
	struct json json;
	uint64_t rows;
	char name[64];
};

int table_open(struct table **ret, struct sink *sink, const char *name)
{
	struct table *t = calloc(1, sizeof(*t));
	int r;

	if (t == NULL)
		return -ENOMEM;
	(void)snprintf(t->name, sizeof(t->name), "%s.ndjson", name);
	r = blob_open(&t->blob, sink, t->name);
	if (r < 0) {
		free(t);
		return r;
	}
	*ret = t;
	return 0;
}

struct json *table_row(struct table *t)
{
	struct buf *data = &t->blob.data;

	if (buf_room(data) < ROW_MAX)
		(void)blob_flush(&t->blob); /* its error shows at the row's end */
	t->row = (struct buf){ .data = data->data + data->len, .cap = ROW_MAX };
	json_open(&t->json, &t->row);
	json_object(&t->json, NULL);
	return &t->json;
}

int table_row_end(struct table *t)
{
	int r;

	json_object_end(&t->json);
	r = json_end(&t->json);
	if (r == 0)
		r = buf_add(&t->row, "\n", 1);
	if (t->blob.error < 0)
		return t->blob.error;
	if (r < 0)
		return sink_gap(t->blob.sink, t->name, -EFBIG,
				"a row longer than 256 KiB was left out");
	t->blob.data.len += t->row.len;
	t->rows++;
	return 0;
}

uint64_t table_rows(const struct table *t)
{
	return t->rows;
}

int table_flush(struct table *t)
{
	return blob_flush(&t->blob);
}

int table_close(struct table *t)
{
	int r;

	if (t == NULL)
		return 0;
	r = blob_close(&t->blob);
	free(t);
	return r;
}
