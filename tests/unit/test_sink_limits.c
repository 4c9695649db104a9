/*
 * test_sink_limits.c - a sink at its limits: stopped at any call, attributes and
 * names that fit nowhere, more gaps and notes than there is room for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "queue.h"
#include "scope.h"
#include "segment.h"
#include "sink.h"
#include "sink_run.h"
#include "taker.h"

#define SIZE SEGMENT_SIZE_MIN

static uint8_t zeros[2 * SIZE];
static struct queue *q;
static struct taker t;

static struct sink *open_sink(void)
{
	struct sink *s;

	if (sink_open(&s, q, "test", "logs", NULL) < 0)
		abort();
	return s;
}

static void finish(struct sink *s)
{
	struct segment *seg = sink_finish(s);

	if (seg != NULL && seg->entry_count > 0)
		queue_put(q, seg);
	else if (seg != NULL)
		queue_release(q, seg);
	taker_take(&t, q);
	sink_free(s);
}

static void read_zeros(void *arg, uint64_t offset, void *buf, size_t len)
{
	(void)arg;
	(void)offset;
	memset(buf, 0, len);
}

/* Every call that a collector can make, in an order that uses them all. */
#define STEPS 11

static int step(struct sink *s, int i)
{
	struct sink_entry e = { .path = "file", .size = SINK_SIZE_UNKNOWN };
	struct sink_entry part = { .path = "part" };
	struct sink_entry pull = { .path = "pull", .size = 100 };

	switch (i) {
	case 0: return sink_gap(s, "gone", -ENOENT, "first");
	case 1: return sink_begin(s, &e);
	case 2: return sink_write(s, zeros, 1000);
	case 3: return sink_write(s, zeros, SIZE);
	case 4: return sink_end(s);
	case 5: return sink_put(s, &part, "x", 1);
	case 6: return sink_part(s, &part, 0, "xyz", 3);
	case 7: return sink_pull(s, &pull, "H", 1, read_zeros, NULL, 0);
	case 8: return sink_gap(s, "last", -EIO, NULL);
	case 9: return sink_flush(s);
	default: return sink_put(s, &part, "x", 1);
	}
}

static void test_stop(void)
{
	for (int at = 0; at < STEPS; at++) {
		struct sink *s = open_sink();
		int r = 0, i;

		for (i = 0; r == 0 && i < STEPS; i++) {
			if (i == at)
				sink_stop(s, -ETIME);
			r = step(s, i);
		}
		sink_stop(s, -EINTR);
		CHECK(r == -ETIME && i == at + 1 && sink_stopped(s) == -ETIME,
		      "stopped before call %d, that call says so, and the first reason stays", at);
		CHECK(sink_note(s, "k", "v") == 0 && sink_summary(s)->note_count == 1,
		      "a note is still taken");
		finish(s);
		CHECK(!t.broken, "what was there is well-formed");
		CHECK(at < 1 || taker_occurs(&t, "gaps/test.ndjson", "\"gone\"") == 1,
		      "the list of gaps left");
		CHECK(at < 2 || at > 4 || taker_occurs(&t, "gaps/", "\"file\",\"error\":\"ETIME\"") == 1,
		      "an open file is a gap");
		taker_clear(&t);
	}
}

static void test_attributes(void)
{
	struct sink_xattr attr[40];
	struct sink_entry e = { .path = "a", .xattrs = attr, .xattr_count = 1 };
	struct sink *s = open_sink();

	for (size_t i = 0; i < ARRAY_LEN(attr); i++)
		attr[i] = (struct sink_xattr){ "user.big", zeros, 65536 };
	CHECK(sink_put(s, &e, "1", 1) == 0 && sink_summary(s)->gaps == 0, "64 KiB of attributes");
	e.path = "b";
	e.xattr_count = ARRAY_LEN(attr);
	CHECK(sink_put(s, &e, "2", 1) == 0 && sink_summary(s)->gaps == 1 &&
	      sink_summary(s)->reasons[0].why == -E2BIG, "more than fit any segment are a gap");
	finish(s);
	CHECK(taker_find(&t, "a")->xattr_count == 1 && taker_find(&t, "b")->xattr_count == 0 &&
	      taker_find(&t, "b")->len == 1 && !t.broken, "the file comes without them");
	taker_clear(&t);
}

static void test_many_gaps(void)
{
	enum { MANY = 20000 };
	struct sink *s = open_sink();
	uint8_t *list;
	size_t len, lines = 0;
	char path[64];
	int r = 0;

	for (int i = 0; r == 0 && i < MANY; i++) {
		(void)snprintf(path, sizeof(path), "gap/%d\n\xff", i);
		r = sink_gap(s, path, i % 2 ? -EIO : -ENOENT, "why");
	}
	CHECK(r == 0 && sink_summary(s)->gaps == MANY && sink_summary(s)->reason_count == 2,
	      "%d gaps", MANY);
	finish(s);
	list = taker_join(&t, "gaps/test.ndjson", &len);
	for (size_t i = 0; i < len; i++)
		lines += list[i] == '\n';
	CHECK(lines == MANY, "all stand in the list, in parts without a hole: %zu", lines);
	CHECK(strstr((char *)list, "\"path\":\"gap/19999\\u000a\xef\xbf\xbd\"") != NULL,
	      "with names of any bytes");
	free(list);
	taker_clear(&t);
}

/* The list of gaps leaves just when a file's own gap comes: it must not get
 * into that file's place. */
static void test_gap_between(void)
{
	struct sink_xattr attr = { "user.big", zeros, sizeof(zeros) };
	struct sink_entry e = { .path = "file", .xattrs = &attr, .xattr_count = 1 };
	static char path[3000];
	bool ok = true;

	memset(path, 'p', sizeof(path) - 1);
	for (int gaps = 0; gaps < 100 && ok; gaps++) {
		struct sink *s = open_sink();
		const struct taken *file;

		for (int i = 0; i < gaps; i++)
			(void)sink_gap(s, path, -EIO, NULL);
		ok = sink_put(s, &e, "content", 7) == 0;
		finish(s);
		file = taker_find(&t, "file");
		ok = ok && file != NULL && file->len == 7 && memcmp(file->data, "content", 7) == 0 &&
		     taker_occurs(&t, "gaps/", "content") == 0 && !t.broken;
		taker_clear(&t);
	}
	CHECK(ok, "a list that leaves meanwhile does not mix with the file");
}

static void test_gaps_while_open(void)
{
	enum { MANY = 10000 };
	struct sink_entry e = { .path = "file", .size = SINK_SIZE_UNKNOWN };
	struct sink *s = open_sink();
	size_t listed;
	int r = sink_begin(s, &e);

	for (int i = 0; r == 0 && i < MANY; i++)
		r = sink_gap(s, "some/path", -EIO, "unreadable");
	CHECK(r == 0 && sink_write(s, "x", 1) == 0 && sink_end(s) == 0,
	      "gaps while a file is open do no harm");
	CHECK(sink_summary(s)->gaps == MANY, "all are counted");
	finish(s);
	listed = taker_occurs(&t, "gaps/", "\n");
	CHECK(listed > 1000 && listed <= MANY && taker_find(&t, "file")->len == 1,
	      "as many as fit are listed: %zu", listed);
	taker_clear(&t);
}

static void test_long_names(void)
{
	static char path[20001], worst[16001];
	struct sink_entry e = { .path = path };
	struct sink *s = open_sink();

	memset(path, 'p', sizeof(path) - 1);
	CHECK(sink_put(s, &e, "x", 1) == 0 && sink_summary(s)->gaps == 1 &&
	      sink_summary(s)->reasons[0].why == -ENAMETOOLONG &&
	      sink_summary(s)->entries == 0, "a path that is too long is a gap");
	CHECK(sink_part(s, &e, 0, "x", 1) == 0 && sink_summary(s)->gaps == 2 &&
	      sink_summary(s)->entries == 1,
	      "a part of it is stored under a shorter name, which is a gap");
	/* Whatever it becomes in JSON, it must not be left out. */
	for (size_t i = 0; i < sizeof(worst) - 1; i++)
		worst[i] = i % 2 ? '\x01' : '\xff';
	for (int i = 0; i < 8; i++)
		CHECK(sink_gap(s, worst, -EIO, NULL) == 0, "a gap with the worst name, %d", i);
	finish(s);
	CHECK(taker_occurs(&t, "gaps/", "ENAMETOOLONG") == 2 &&
	      taker_occurs(&t, "gaps/", "\"EIO\"") == 8, "all of them are listed");
	taker_clear(&t);
}

static void test_notes(void)
{
	struct sink *s = open_sink();
	const struct sink_summary *sum = sink_summary(s);
	char key[64];

	CHECK(sink_note(s, "method", "%s", "first") == 0 &&
	      sink_note(s, "method", "%d", 42) == 0 && sum->note_count == 1 &&
	      strcmp(sum->notes[0].text, "42") == 0, "a note replaces one with its key");
	memset(key, 'k', sizeof(key));
	key[40] = '\0';
	CHECK(sink_note(s, key, "x") == 0 && sum->note_count == 1, "a key that is too long");
	(void)sink_note(s, "long", "%01000d", 1);
	CHECK(strlen(sum->notes[1].text) == SINK_NOTE_MAX - 1, "a long text is cut");
	for (int i = 0; i < 2 * SINK_NOTES; i++) {
		(void)snprintf(key, sizeof(key), "key%d", i);
		(void)sink_note(s, key, "x");
	}
	CHECK(sum->note_count == SINK_NOTES, "no more notes than there is room for");
	finish(s);
	taker_clear(&t);
}

static void test_reasons(void)
{
	struct sink *s = open_sink();
	const struct sink_summary *sum = sink_summary(s);
	uint64_t all = 0;

	for (int i = 1; i < 40; i++)
		(void)sink_gap(s, "x", -i, NULL);
	(void)sink_gap(s, "x", -1000, NULL);
	(void)sink_gap(s, "x", -1001, NULL);
	for (unsigned i = 0; i < sum->reason_count; i++)
		all += sum->reasons[i].count;
	CHECK(sum->reason_count == SINK_REASONS && sum->gaps == 41 && all == 41,
	      "more reasons than rows: none is lost from the sum");
	finish(s);
	taker_clear(&t);
}

int main(void)
{
	if (queue_open(&q, 24, SIZE) < 0)
		return 1;
	test_stop();
	test_attributes();
	test_many_gaps();
	test_gap_between();
	test_gaps_while_open();
	test_long_names();
	test_notes();
	test_reasons();
	queue_free(q);
	return CHECK_DONE();
}
