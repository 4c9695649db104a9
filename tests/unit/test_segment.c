/*
 * test_segment.c - segments as bounded memory, and the queue between the
 * collectors' thread and the workers.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "clock.h"
#include "queue.h"
#include "scope.h"
#include "segment.h"

#define SIZE SEGMENT_SIZE_MIN

static char block[SIZE];

static void test_entries(struct segment *seg)
{
	const struct sink_xattr attrs[] = { { "user.a", "\0\1", 2 }, { "user.b", "", 0 } };
	struct sink_entry e = { .path = "a/b", .mode = 0644, .uid = 1, .gid = 2,
				.mtime = { 7, 8 }, .xattrs = attrs, .xattr_count = 2 };
	struct sink_entry plain = { .path = "c" };
	char name[SEGMENT_NAME_MAX];
	struct sink_xattr x;
	size_t pos, room, used;

	segment_begin(seg, "volatile");
	CHECK(seg->number == SEGMENT_UNNUMBERED && seg->entry_count == 0, "it begins empty");
	room = segment_room(seg, &e);
	CHECK(segment_entry_begin(seg, "a/b", &e) == 0, "an entry");
	CHECK(segment_add(seg, "12345", 5) == 5 && segment_last(seg)->size == 5, "with bytes");
	pos = segment_xattr(seg, segment_last(seg)->xattrs, &x);
	CHECK(strcmp(x.name, "user.a") == 0 && x.len == 2 && memcmp(x.value, "\0\1", 2) == 0,
	      "its first attribute");
	(void)segment_xattr(seg, pos, &x);
	CHECK(strcmp(x.name, "user.b") == 0 && x.len == 0, "its second");
	used = seg->used;
	CHECK(segment_entry_begin(seg, "c", &plain) == 0, "another entry");
	CHECK(segment_last(seg)->mode == 0600 && segment_last(seg)->mtime.tv_sec > 1000000000,
	      "what is not said is 0600 and now");
	segment_rename_last(seg, "@000000000005.part");
	CHECK(strcmp(segment_path(seg, segment_last(seg)), "c@000000000005.part") == 0,
	      "it gets a suffix");
	CHECK(segment_add(seg, "678", 3) == 3, "bytes go to the last one");
	segment_drop_last(seg);
	CHECK(seg->used == used && seg->entry_count == 1 && seg->raw.len == 5,
	      "taken out again, it costs nothing");
	CHECK(strcmp(segment_path(seg, segment_last(seg)), "a/b") == 0 &&
	      segment_last(seg)->uid == 1 && segment_last(seg)->mtime.tv_nsec == 8,
	      "the one before is untouched");
	segment_begin(seg, "volatile");
	CHECK(segment_room(seg, &e) == room, "begun again, it has all its room");
	seg->number = 7;
	segment_name(seg, name);
	CHECK(strcmp(name, "0007-volatile.tar.zst.age") == 0, "its name is %s", name);
	seg->number = 4000000000u;
	segment_name(seg, name);
	CHECK(strcmp(name, "4000000000-volatile.tar.zst.age") == 0, "a late one's is %s", name);
}

static void test_bounds(struct segment *seg)
{
	struct sink_entry e = { .path = "x" };
	char *path = malloc(SIZE);
	size_t n = 0, room;

	segment_begin(seg, "logs");
	room = segment_room(seg, &e);
	CHECK(room >= segment_room_empty(SIZE), "room for a short path: %zu", room);
	CHECK(segment_entry_begin(seg, "x", &e) == 0 && segment_add(seg, block, SIZE) == room,
	      "exactly that much is taken");
	CHECK(segment_add(seg, "y", 1) == 0, "and then nothing");
	CHECK(segment_room(seg, &e) == 0 && segment_entry_begin(seg, "x", &e) == -ENOSPC,
	      "nor another entry");
	segment_begin(seg, "logs");
	while (segment_entry_begin(seg, "x", &e) == 0)
		n++;
	CHECK(n > 300 && n <= seg->entry_max && seg->used <= seg->size,
	      "%zu empty entries fill it", n);
	if (path == NULL)
		return;
	memset(path, 'p', SIZE - 1);
	path[SIZE - 1] = '\0';
	segment_begin(seg, "logs");
	e.path = path;
	CHECK(segment_room(seg, &e) == 0 && segment_entry_begin(seg, path, &e) == -ENOSPC &&
	      seg->entry_count == 0, "a path that is too long is refused");
	free(path);
}

static void test_move(struct segment *from, struct segment *to)
{
	const struct sink_xattr attr = { "user.a", "value", 5 };
	struct sink_entry e = { .path = "moves", .mode = 0755, .uid = 3, .xattrs = &attr,
				.xattr_count = 1 };
	struct sink_entry other = { .path = "stays" };
	struct sink_xattr x;

	segment_begin(from, "logs");
	segment_begin(to, "logs");
	(void)segment_entry_begin(from, "stays", &other);
	(void)segment_add(from, "123", 3);
	(void)segment_entry_begin(from, "moves", &e);
	(void)segment_add(from, "456", 3);
	segment_move_last(to, from);
	CHECK(from->entry_count == 1 && from->raw.len == 3 &&
	      strcmp(segment_path(from, segment_last(from)), "stays") == 0,
	      "one entry stays");
	(void)segment_xattr(to, segment_last(to)->xattrs, &x);
	CHECK(to->entry_count == 1 && strcmp(segment_path(to, segment_last(to)), "moves") == 0 &&
	      segment_last(to)->uid == 3 && segment_last(to)->xattr_count == 1 &&
	      strcmp(x.name, "user.a") == 0 && x.len == 5 && memcmp(x.value, "value", 5) == 0,
	      "the other moves with its attributes");
	CHECK(segment_add(to, "789", 3) == 3 && segment_last(to)->size == 6 &&
	      memcmp(to->raw.data + segment_last(to)->data, "456789", 6) == 0,
	      "and goes on there");
	segment_drop_last(to);
	segment_begin(from, "logs");
	CHECK(to->used == from->used, "its cost moved with it");
}

/* In a hurry, what is still to be read from its source goes, and only that. */
static void test_hurry(struct queue *q)
{
	atomic_int stop = 0;
	struct segment *a = NULL, *b = NULL;
	unsigned before = queue_count(q);

	CHECK(queue_get(q, &stop, &a) == 0 && queue_get(q, &stop, &b) == 0, "both again");
	segment_begin(a, "x");
	segment_begin(b, "x");
	b->reads = true;
	queue_put(q, b);
	queue_put(q, a);
	CHECK(queue_hurry(q, true) == 1, "one is given up");
	queue_drain(q);
	CHECK(queue_get(q, &stop, &b) == 0, "a drain does not wait for the other one");
	segment_begin(b, "x");
	b->reads = true;
	queue_put(q, b);
	CHECK(queue_count(q) == before + 1, "nor is one taken that comes now");
	CHECK(queue_hurry(q, false) == 0 && queue_take(q) == a && a->number == before,
	      "no number is lost with it");
	queue_release(q, a);
	CHECK(queue_get(q, &stop, &a) == 0 && queue_get(q, &stop, &b) == 0, "all are free");
	queue_release(q, a);
	queue_release(q, b);
}

/* When all are in use there is one more, for what is written at the very end. */
static void test_spare(struct queue *q)
{
	atomic_int stop = 0;
	struct segment *a = NULL, *b = NULL, *c = NULL, *d = NULL;

	CHECK(queue_get(q, &stop, &a) == 0 && queue_get(q, &stop, &b) == 0 &&
	      queue_get_spare(q, &c) == 0 && c != a && c != b, "a spare one");
	CHECK(queue_get_spare(q, &d) == -EAGAIN, "there is no second one");
	queue_release(q, a);
	CHECK(queue_get_spare(q, &d) == 0 && d == a, "the first that comes back is it again");
	queue_release(q, d);
	queue_release(q, c);
	queue_release(q, b);
	CHECK(queue_get(q, &stop, &a) == 0 && queue_get(q, &stop, &b) == 0, "and then the others");
	atomic_store(&stop, -ETIME);
	CHECK(queue_get(q, &stop, &c) == -ETIME, "it is not for every day");
	queue_release(q, a);
	queue_release(q, b);
}

static void test_queue(void)
{
	atomic_int stop = 0;
	struct segment *a = NULL, *b = NULL, *none = NULL;
	struct queue *q;
	int64_t begun;

	CHECK(queue_open(&q, 2, SIZE) == 0 && queue_segment_size(q) == SIZE, "a queue of two");
	CHECK(queue_get(q, &stop, &a) == 0 && queue_get(q, &stop, &b) == 0 && a != b,
	      "both are got");
	atomic_store(&stop, -ETIME);
	begun = clock_now_ms();
	CHECK(queue_get(q, &stop, &none) == -ETIME && none == NULL &&
	      clock_now_ms() - begun < 1000, "there is no third, and a stop ends the wait");
	queue_release(q, a);
	CHECK(queue_get(q, &stop, &none) == -ETIME && none == NULL,
	      "a stop goes before a free one");
	atomic_store(&stop, 0);
	CHECK(queue_get(q, &stop, &a) == 0, "now it is got again");
	segment_begin(a, "x");
	segment_begin(b, "x");
	queue_put(q, a);
	queue_put(q, b);
	CHECK(queue_take(q) == a && queue_take(q) == b, "first in, first out");
	CHECK(a->number == 0 && b->number == 1 && queue_count(q) == 2, "they are numbered");
	queue_release(q, b);
	queue_drain(q);
	CHECK(1, "none reads from a source: a drain ends");
	queue_release(q, a);
	test_hurry(q);
	test_spare(q);
	CHECK(queue_get(q, &stop, &a) == 0, "a segment");
	segment_begin(a, "x");
	queue_put(q, a);
	queue_close(q);
	CHECK(queue_take(q) == a && queue_take(q) == NULL, "a closed queue gives what is left");
	queue_free(q); /* with a segment in nobody's list but ours */
	segment_free(a);
	queue_free(NULL);
	segment_free(NULL);
}

static atomic_uint taken;

static void *work(void *arg)
{
	struct segment *seg;

	while ((seg = queue_take(arg)) != NULL) {
		(void)atomic_fetch_add(&taken, seg->number);
		queue_release(arg, seg);
	}
	return NULL;
}

/* Many more segments than there are, through several threads. */
static void test_threads(void)
{
	pthread_t thread[4];
	atomic_int stop = 0;
	struct segment *seg;
	struct queue *q;

	CHECK(queue_open(&q, 3, SIZE) == 0, "a queue for threads");
	for (size_t i = 0; i < ARRAY_LEN(thread); i++)
		if (pthread_create(&thread[i], NULL, work, q) != 0)
			exit(1);
	for (unsigned i = 0; i < 2000; i++) {
		if (queue_get(q, &stop, &seg) < 0)
			break;
		segment_begin(seg, "x");
		seg->reads = true;
		queue_put(q, seg);
	}
	queue_drain(q);
	CHECK(atomic_load(&taken) == 1999u * 2000u / 2, "after a drain all were worked on, once");
	queue_close(q);
	for (size_t i = 0; i < ARRAY_LEN(thread); i++)
		(void)pthread_join(thread[i], NULL);
	CHECK(queue_count(q) == 2000, "2000 segments went through 3");
	queue_free(q);
}

int main(void)
{
	struct segment *seg = NULL, *other = NULL;

	CHECK(segment_open(&seg, SIZE) == 0 && segment_open(&other, SIZE) == 0, "segments");
	test_entries(seg);
	test_bounds(seg);
	test_move(seg, other);
	segment_free(seg);
	segment_free(other);
	test_queue();
	test_threads();
	return CHECK_DONE();
}
