/* table.h - an NDJSON table of records, written row by row into the sink. */
#ifndef TABLE_H
#define TABLE_H

#include <stdint.h>

#include "json.h"

struct sink;
struct table;

/*
 * Begin the table ${name} (the evidence gets "${name}.ndjson").  Several
 * tables may be open at once on one sink.  On success ${ret} is the caller's,
 * to be ended by table_close().  0 or -ENOMEM.
 */
int table_open(struct table **ret, struct sink *sink, const char *name);

/* Begin a row; write its members through the returned writer. */
struct json *table_row(struct table *t);

/*
 * End the row.  A row that does not fit into 256 KiB becomes a gap.  0, or
 * the sink's error.
 */
int table_row_end(struct table *t);

/* Rows written so far. */
uint64_t table_rows(const struct table *t);

/*
 * Hand over the rows so far, before something that may hang.  0, or the sink's
 * error.
 */
int table_flush(struct table *t);

/*
 * Write what is buffered and free the table; NULL is fine.  A table without
 * rows is an empty file.  0, or the sink's error.
 */
int table_close(struct table *t);

#endif
