/*
 * test_sink.c - what collectors write arrives in the segments: cut, moved,
 * pulled, carried on, and with every shortfall recorded.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "partname.h"
#include "queue.h"
#include "scope.h"
#include "segment.h"
#include "sink.h"
#include "sink_run.h"
#include "taker.h"

#define SIZE SEGMENT_SIZE_MIN
#define BIG (3 * SIZE + 12345)

static uint8_t big[BIG];
static struct queue *q;
static struct taker t;

static struct sink *open_sink(struct segment *carry)
{
	struct sink *s;

	if (sink_open(&s, q, "test", "logs", carry) < 0)
		abort();
	return s;
}

/* Finish the sink, take all that it sent, and free it. */
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

static bool same(const char *path, size_t len)
{
	size_t got;
	uint8_t *data = taker_join(&t, path, &got);
	bool ok = got == len && memcmp(data, big, len) == 0;

	free(data);
	return ok;
}

static int write_file(struct sink *s, const struct sink_entry *e, size_t len, size_t step)
{
	int r = sink_begin(s, e);

	for (size_t at = 0; r == 0 && at < len; at += step)
		r = sink_write(s, big + at, len - at < step ? len - at : step);
	return r == 0 ? sink_end(s) : r;
}

static void test_small(void)
{
	struct sink *s = open_sink(NULL);
	struct sink_entry e = { .path = "a", .size = SINK_SIZE_UNKNOWN };
	const struct sink_summary *sum = sink_summary(s);

	CHECK(write_file(s, &e, 1000, 7) == 0, "a small file of unknown size");
	e.path = "b";
	CHECK(sink_put(s, &e, big, 10) == 0, "another at once");
	e.path = "empty";
	CHECK(sink_put(s, &e, "", 0) == 0, "an empty one");
	CHECK(sum->entries == 3 && sum->bytes == 1010 && sum->gaps == 0, "they are counted");
	CHECK(queue_count(q) == t.segments, "nothing leaves before it must");
	finish(s);
	CHECK(t.count == 3 && taker_find(&t, "a") != NULL && taker_find(&t, "a")->len == 1000 &&
	      memcmp(taker_find(&t, "a")->data, big, 1000) == 0 &&
	      taker_find(&t, "b")->len == 10 && taker_find(&t, "empty")->len == 0,
	      "they arrive as they were written");
	taker_clear(&t);
}

static void test_cut(void)
{
	static const size_t steps[] = { 4096, BIG };
	struct sink_entry e = { .path = "big", .mode = 0640 };

	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		for (int known = 0; known < 2; known++) {
			struct sink *s = open_sink(NULL);
			struct sink_entry first = { .path = "first" };

			e.size = known ? BIG : SINK_SIZE_UNKNOWN;
			CHECK(sink_put(s, &first, "1", 1) == 0 &&
			      write_file(s, &e, BIG, steps[i]) == 0,
			      "a file larger than a segment, in pieces of %zu", steps[i]);
			CHECK(sink_summary(s)->entries == 2 && sink_summary(s)->gaps == 0 &&
			      sink_summary(s)->bytes == BIG + 1, "it counts as one file");
			finish(s);
			CHECK(same("big", BIG) && taker_find(&t, "big") == NULL && !t.broken,
			      "its parts are whole, named by their offsets");
			CHECK(t.list[t.count - 1].mode == 0640, "the last part has its mode too");
			taker_clear(&t);
		}
}

static void test_move(void)
{
	const struct sink_xattr attr = { "user.a", "v", 1 };
	struct sink_entry first = { .path = "first" };
	struct sink_entry e = { .path = "second", .size = SINK_SIZE_UNKNOWN,
				.xattrs = &attr, .xattr_count = 1 };
	struct sink *s = open_sink(NULL);

	CHECK(sink_put(s, &first, big, 700000) == 0 && write_file(s, &e, 600000, 4096) == 0,
	      "two files that together do not fit");
	finish(s);
	CHECK(t.count == 2 && t.list[1].len == 600000 && memcmp(t.list[1].data, big, 600000) == 0 &&
	      strcmp(t.list[1].path, "second") == 0 && t.list[0].segment + 1 == t.list[1].segment,
	      "the second moves to the next segment, uncut");
	CHECK(t.list[1].xattr_count == 1, "with its attributes");
	taker_clear(&t);
	/* Known sizes need no move: they begin where they fit. */
	s = open_sink(NULL);
	e.path = "third";
	e.size = 600000;
	CHECK(sink_put(s, &first, big, 700000) == 0 && sink_begin(s, &e) == 0, "a known size");
	taker_take(&t, q);
	CHECK(t.count == 1, "closes the segment at once");
	CHECK(sink_write(s, big, 600000) == 0 && sink_end(s) == 0, "and is written");
	finish(s);
	CHECK(t.count == 2 && t.list[1].len == 600000, "whole");
	taker_clear(&t);
}

static void test_sizes(void)
{
	struct sink_entry e = { .path = "short", .size = 100 };
	struct sink *s = open_sink(NULL);
	const struct sink_summary *sum = sink_summary(s);

	CHECK(write_file(s, &e, 60, 60) == 0 && sum->gaps == 1 &&
	      sum->reasons[0].why == -ENODATA, "a file that is shorter is a gap");
	e.path = "long";
	CHECK(write_file(s, &e, 130, 60) == 0 && sum->gaps == 2 &&
	      sum->reasons[1].why == -EOVERFLOW, "one that is longer is one");
	e.path = "exact";
	CHECK(write_file(s, &e, 100, 60) == 0 && sum->gaps == 2, "an exact one is none");
	finish(s);
	CHECK(taker_find(&t, "short")->len == 60 && taker_find(&t, "long")->len == 130 &&
	      !t.broken, "each entry has the length that came");
	CHECK(taker_occurs(&t, "gaps/test.ndjson", "\n") == 2 &&
	      taker_occurs(&t, "gaps/test.ndjson", "{\"path\":\"short\",\"error\":\"ENODATA\"") == 1 &&
	      taker_occurs(&t, "gaps/test.ndjson", "{\"path\":\"long\",\"error\":\"EOVERFLOW\"") == 1,
	      "both stand in the list of gaps");
	taker_clear(&t);
}

static void test_names(void)
{
	static const char *const bad[] = { "", "/", "/a", "a//b", "a/", ".", "..", "a/..",
					   "../a", "a/../b", "./a", "a/./b" };
	static const char *const good[] = { "...", "a/..b", ".a", "a b", "\xff\n\\" };
	struct sink_entry e = { .path = "x@000000000000.part" };
	char longest[256];
	char fitted[512];
	struct sink *s = open_sink(NULL);

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		e.path = bad[i];
		CHECK(sink_put(s, &e, "x", 1) == -EINVAL, "no path: '%s'", bad[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		e.path = good[i];
		CHECK(sink_put(s, &e, "x", 1) == 0, "a path, number %zu", i);
	}
	e.path = "x@000000000000.part";
	CHECK(sink_put(s, &e, "abc", 3) == 0, "a name that looks like a part's");
	e.path = "x@00000000000.part";
	CHECK(sink_put(s, &e, "abc", 3) == 0, "one that does not quite");
	memset(longest, 'n', 255);
	longest[255] = '\0';
	e.path = longest;
	e.size = SINK_SIZE_UNKNOWN;
	CHECK(write_file(s, &e, BIG, 65536) == 0, "a name of 255 bytes, cut");
	finish(s);
	CHECK(taker_find(&t, "x@000000000000.part") == NULL &&
	      taker_find(&t, "x@000000000000.part@000000000000.part") != NULL,
	      "it gets a suffix, so that it comes back under its own name");
	CHECK(taker_find(&t, "x@00000000000.part") != NULL, "the other stays as it is");
	CHECK(partname_fit(longest, fitted, sizeof(fitted)) && strlen(fitted) <= 255 - 23 &&
	      strncmp(fitted, longest, 200) == 0, "it leaves room for a piece's suffix");
	CHECK(same(fitted, BIG), "under that name it comes back whole");
	CHECK(taker_occurs(&t, "gaps/", "shorter name") == 1, "and a gap says so");
	CHECK(t.count == ARRAY_LEN(good) + 2 + 4 + 1, "no bad path left an entry");
	taker_clear(&t);
}

/* A source whose byte at an offset is known. */
static void read_source(void *arg, uint64_t offset, void *buf, size_t len)
{
	atomic_size_t *bytes = arg;

	memcpy(buf, big + offset, len);
	(void)atomic_fetch_add(bytes, len);
}

static void *take_slowly(void *arg)
{
	struct segment *seg;

	while ((seg = queue_take(arg)) != NULL) {
		struct timespec ms = { .tv_nsec = 30000000 };

		(void)nanosleep(&ms, NULL);
		taker_add(&t, seg);
		queue_release(arg, seg);
	}
	return NULL;
}

static void test_pull(void)
{
	struct sink_entry e = { .path = "memory/0.lime" };
	struct queue *mine;
	atomic_size_t bytes = 0;
	pthread_t thread;
	struct sink *s;
	size_t room;

	if (queue_open(&mine, 3, SIZE) < 0 || sink_open(&s, mine, "test", "memory", NULL) < 0 ||
	    pthread_create(&thread, NULL, take_slowly, mine) != 0)
		abort();
	room = sink_room(s);
	e.size = room + 1;
	CHECK(sink_pull(s, &e, "HEAD", 4, read_source, &bytes, 0) == -EFBIG,
	      "more than a segment holds cannot be pulled");
	e.size = 3;
	CHECK(sink_pull(s, &e, "HEAD", 4, read_source, &bytes, 0) == -EFBIG,
	      "nor less than its prefix");
	e.size = room;
	CHECK(sink_pull(s, &e, "HEAD", 4, read_source, &bytes, 100) == 0, "what fills a segment");
	e.path = "memory/1.lime";
	e.size = 5004;
	CHECK(sink_pull(s, &e, "HEAD", 4, read_source, &bytes, 7) == 0, "and a piece more");
	CHECK(sink_summary(s)->entries == 2 && sink_summary(s)->bytes == room + 5004,
	      "they are counted");
	CHECK(sink_drain(s) == 0 && atomic_load(&bytes) == room - 4 + 5000,
	      "after a drain all was read");
	CHECK(sink_drain(s) == 0, "an empty drain ends");
	queue_close(mine);
	(void)pthread_join(thread, NULL);
	CHECK(sink_finish(s) == NULL, "nothing is left in hand");
	sink_free(s);
	CHECK(t.count == 2 && t.list[0].len == room && memcmp(t.list[0].data, "HEAD", 4) == 0 &&
	      memcmp(t.list[0].data + 4, big + 100, room - 4) == 0 &&
	      memcmp(t.list[1].data + 4, big + 7, 5000) == 0 && !t.broken,
	      "prefix and source, byte by byte");
	queue_free(mine);
	taker_clear(&t);
}

static void test_parts(void)
{
	struct sink_entry a = { .path = "a" }, b = { .path = "b" };
	char longest[3000];
	struct sink *s = open_sink(NULL);
	size_t room = sink_room(s);
	int r = 0;

	for (size_t at = 0; r == 0 && at < BIG; at += 100000) {
		size_t n = BIG - at < 100000 ? BIG - at : 100000;

		r = sink_part(s, &a, at, big + at, n);
		if (r == 0)
			r = sink_part(s, &b, at, big + at, n);
	}
	CHECK(r == 0, "two files in progress at once");
	CHECK(sink_begin(s, &a) == 0 && sink_part(s, &b, 0, "x", 1) == -EBUSY &&
	      sink_flush(s) == -EBUSY && sink_begin(s, &a) == -EBUSY && sink_end(s) == 0,
	      "not while a file is open");
	finish(s);
	CHECK(same("a", BIG) && same("b", BIG), "both arrive whole");
	taker_clear(&t);
	s = open_sink(NULL);
	memset(longest, 'p', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 200; i < sizeof(longest) - 1; i += 200)
		longest[i] = '/';
	a.path = longest;
	CHECK(sink_part(s, &a, 0, big, room) == 0 && sink_summary(s)->bytes == room,
	      "a piece that fits only without its long name");
	CHECK(sink_part(s, &b, 0, big, BIG) == 0, "a piece that fits no segment");
	CHECK(sink_part(s, &b, BIG, "", 0) == 0, "an empty piece");
	finish(s);
	CHECK(same(longest, room) && same("b", BIG) && !t.broken, "no byte of them is lost");
	taker_clear(&t);
}

static void test_carry(void)
{
	struct sink_entry e = { .path = "a" };
	struct sink *s = open_sink(NULL);
	struct segment *seg;

	CHECK(sink_put(s, &e, "1", 1) == 0, "one collector");
	seg = sink_finish(s);
	CHECK(seg != NULL && sink_put(s, &e, "1", 1) < 0, "ends, and its sink is closed");
	sink_free(s);
	s = open_sink(seg);
	e.path = "b";
	CHECK(sink_put(s, &e, "2", 1) == 0 && sink_flush(s) == 0, "the next goes on, and flushes");
	CHECK(sink_flush(s) == 0, "an empty flush does nothing");
	e.path = "c";
	CHECK(sink_put(s, &e, "3", 1) == 0, "one more");
	finish(s);
	CHECK(t.count == 3 && t.list[0].segment == t.list[1].segment &&
	      t.list[1].segment + 1 == t.list[2].segment, "two share a segment, one has its own");
	taker_clear(&t);
}

/* What is still in a collector's hands when the run ends for it. */
static void test_last(void)
{
	struct sink_entry e = { .path = "table.ndjson" };
	struct sink *s = open_sink(NULL);

	CHECK(sink_last(s, &e, 0, false, "x", 1) == 0 && sink_summary(s)->entries == 0,
	      "nothing is last while the run goes on");
	e.path = "open";
	e.size = SINK_SIZE_UNKNOWN;
	CHECK(sink_begin(s, &e) == 0 && sink_write(s, "half", 4) == 0, "a file is open");
	sink_stop(s, -ETIME);
	e.path = "table.ndjson";
	CHECK(sink_put(s, &e, "rows\n", 5) == -ETIME, "the run is over");
	CHECK(sink_last(s, &e, 0, false, "rows\n", 5) == -ETIME, "which is said again");
	finish(s);
	CHECK(taker_find(&t, "table.ndjson") != NULL && taker_find(&t, "table.ndjson")->len == 5,
	      "but the rows are there");
	CHECK(taker_find(&t, "open") != NULL && taker_occurs(&t, "gaps/", "ETIME") == 1,
	      "and what was open is a gap");
	taker_clear(&t);
}

int main(void)
{
	for (size_t i = 0; i < BIG; i++)
		big[i] = (uint8_t)(i * 2654435761u >> 13);
	if (queue_open(&q, 24, SIZE) < 0)
		return 1;
	test_small();
	test_cut();
	test_move();
	test_sizes();
	test_names();
	test_pull();
	test_parts();
	test_carry();
	test_last();
	queue_free(q);
	return CHECK_DONE();
}
