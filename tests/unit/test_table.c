/* Tables, blobs and lines: whole when small, pieces when large, nothing lost. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blob.h"
#include "check.h"
#include "lines.h"
#include "set.h"
#include "sink_list.h"
#include "table.h"

static void test_small(void)
{
	struct sink *s = sink_list_open();
	const struct sink_list_file *f;
	struct table *t, *u;

	CHECK(table_open(&t, s, "one") == 0 && table_open(&u, s, "two") == 0, "two tables");
	json_str(table_row(t), "a", "x");
	CHECK(table_row_end(t) == 0 && table_rows(t) == 1, "a row");
	CHECK(table_close(t) == 0 && table_close(u) == 0, "closed");
	f = sink_list_find(s, "one.ndjson");
	CHECK(f != NULL && f->pieces == 0 && strcmp(f->data, "{\"a\":\"x\"}\n") == 0, "it is whole");
	f = sink_list_find(s, "two.ndjson");
	CHECK(f != NULL && f->len == 0, "a table without rows is an empty file");
	CHECK(table_close(NULL) == 0, "closing nothing");
	sink_list_free(s);
}

static void test_large(void)
{
	struct sink *s = sink_list_open();
	char *text = malloc(200001);
	const struct sink_list_file *f;
	struct table *t;
	size_t lines = 0;
	int r = 0;

	memset(text, 'y', 200000);
	text[200000] = '\0';
	CHECK(table_open(&t, s, "big") == 0, "opened");
	for (int i = 0; i < 30 && r == 0; i++) {
		json_str(table_row(t), "a", text);
		r = table_row_end(t);
	}
	memset(text, 1, 200000); /* six characters each */
	json_bytes(table_row(t), "a", text, 200000);
	CHECK(r == 0 && table_row_end(t) == 0 && table_rows(t) == 30, "30 rows");
	json_str(table_row(t), "last", "z");
	CHECK(table_row_end(t) == 0 && table_close(t) == 0, "closed");
	f = sink_list_find(s, "big.ndjson");
	for (size_t i = 0; i < f->len; i++)
		lines += f->data[i] == '\n';
	CHECK(f->pieces >= 3 && lines == 31, "%u pieces, %zu whole rows", f->pieces, lines);
	CHECK(sink_list_gaps(s, "big.ndjson", NULL) == 1, "a row that is too long is a gap");
	CHECK(strstr(f->data, "{\"last\":\"z\"}\n") != NULL, "and the next one is whole");
	free(text);
	sink_list_free(s);
}

static void test_flush(void)
{
	struct sink *s = sink_list_open();
	struct table *t;

	(void)table_open(&t, s, "f");
	json_u64(table_row(t), "n", 1);
	(void)table_row_end(t);
	CHECK(table_flush(t) == 0 && sink_list_row(s, "f.ndjson", "\"n\":1", NULL, NULL) != NULL,
	      "a flushed row is there");
	json_u64(table_row(t), "n", 2);
	(void)table_row_end(t);
	CHECK(table_close(t) == 0 && sink_list_find(s, "f.ndjson")->pieces == 2, "and the next follows");
	sink_list_free(s);
}

static void test_failing(void)
{
	int wrong = 0;

	for (unsigned long call = 1; call < 12; call++) {
		struct sink *s = sink_list_open();
		struct blob b;
		char chunk[65536] = { 0 };
		int r = 0, end;

		sink_list_fail_at(s, call, -ECANCELED);
		(void)blob_open(&b, s, "x");
		for (int i = 0; i < 200 && r == 0; i++)
			r = blob_write(&b, chunk, sizeof(chunk));
		end = blob_close(&b);
		wrong += (sink_list_calls(s) >= call) != (end == -ECANCELED);
		sink_list_free(s);
	}
	CHECK(wrong == 0, "the sink's error is kept, whenever it comes");
}

static void test_lines(void)
{
	char name[] = "/tmp/test_table.XXXXXX", buf[9];
	int fd = mkstemp(name);
	struct lines l;
	const char *p;
	size_t len, n = 0;
	bool cut;
	static const struct { const char *text; bool cut; } want[] = {
		{ "one", false }, { "", false }, { "12345678", true }, { "four", false }, { "end", false },
	};
	int wrong = 0;

	(void)unlink(name);
	CHECK(fd >= 0 && write(fd, "one\n\n1234567890abcdefghijk\nfour\nend", 35) == 35, "a file");
	(void)lseek(fd, 0, SEEK_SET);
	lines_open(&l, fd, buf, sizeof(buf), '\n');
	for (; lines_next(&l, &p, &len, &cut) > 0 && n < 5; n++)
		wrong += strcmp(p, want[n].text) != 0 || len != strlen(want[n].text) || cut != want[n].cut;
	CHECK(n == 5 && wrong == 0, "lines: empty, too long, without an end (%zu, %d)", n, wrong);
	(void)close(fd);
	lines_open(&l, -1, buf, sizeof(buf), '\n');
	CHECK(lines_next(&l, &p, &len, &cut) == -EBADF, "a source that fails");
}

static void test_set(void)
{
	struct set s = { 0 };
	int wrong = 0;

	CHECK(!set_has(&s, 1), "nothing is in an empty set");
	for (uint64_t i = 1; i < 50000; i++)
		wrong += !set_add(&s, i << 24);
	for (uint64_t i = 1; i < 50000; i++)
		wrong += set_add(&s, i << 24) || !set_has(&s, i << 24) || set_has(&s, (i << 24) + 1);
	CHECK(wrong == 0 && s.count == 49999 && !s.overflow, "50,000 members");
	for (uint64_t i = 1; i < 700000; i++)
		(void)set_add(&s, i);
	CHECK(s.overflow && s.count < 600000 && set_has(&s, 1 << 24), "a limit, which shows");
	set_clear(&s);
	CHECK(!set_has(&s, 1 << 24) && !s.overflow && set_add(&s, 5), "and is empty again");
	set_free(&s);
}

int main(void)
{
	test_small();
	test_large();
	test_flush();
	test_failing();
	test_lines();
	test_set();
	return CHECK_DONE();
}
