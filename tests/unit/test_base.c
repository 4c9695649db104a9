/*
 * test_base.c - the base: buffers, whole reads and writes, names of errors,
 * digests, the id of a collection.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "check.h"
#include "clock.h"
#include "collection_id.h"
#include "digest.h"
#include "errname.h"
#include "io.h"
#include "parse.h"
#include "temp.h"

static void test_buf(void)
{
	struct buf b;
	struct buf none = { 0 };

	CHECK(buf_open(&b, 8) == 0 && b.len == 0 && b.cap == 8, "a buffer opens empty");
	CHECK(buf_add(&b, "12345", 5) == 0 && buf_room(&b) == 3, "it takes bytes");
	CHECK(buf_add(&b, "6789", 4) == -ENOBUFS && b.len == 5,
	      "what does not fit is refused whole");
	CHECK(buf_add(&b, "678", 3) == 0 && buf_room(&b) == 0 &&
	      memcmp(b.data, "12345678", 8) == 0, "it can be filled to the last byte");
	CHECK(buf_add(&b, NULL, 0) == 0, "nothing can be added to a full one");
	CHECK(buf_addf(&b, "%d", 1) == -ENOBUFS && b.len == 8, "a full one takes no text");
	b.len = 4;
	CHECK(buf_addf(&b, "%d", 1234) == -ENOBUFS && b.len == 4,
	      "text needs room for its NUL");
	CHECK(buf_addf(&b, "%d", 123) == 0 && b.len == 7 &&
	      memcmp(b.data, "1234123", 7) == 0, "text is appended");
	buf_free(&b);
	buf_free(&none);
	CHECK(b.data == NULL && b.cap == 0, "a buffer that was freed is empty");
	CHECK(buf_open(&b, SIZE_MAX / 2) == -ENOMEM && b.data == NULL,
	      "an absurd size is -ENOMEM");
}

/* Writes in pieces, so that whoever reads sees short reads. */
static void *dribble(void *arg)
{
	int fd = *(int *)arg;

	for (int i = 0; i < 5; i++) {
		struct timespec t = { .tv_nsec = 2000000 };

		if (write(fd, "ab", 2) != 2)
			break;
		(void)nanosleep(&t, NULL);
	}
	(void)close(fd);
	return NULL;
}

static void test_io_pipe(void)
{
	char text[64] = "";
	pthread_t thread;
	int fd[2];

	if (pipe(fd) < 0 || pthread_create(&thread, NULL, dribble, &fd[1]) != 0) {
		CHECK(0, "a pipe and a thread");
		return;
	}
	CHECK(io_read(fd[0], text, 7) == 7 && memcmp(text, "abababa", 7) == 0,
	      "short reads are put together");
	CHECK(io_read(fd[0], text, sizeof(text)) == 3, "the end of the file ends it");
	(void)pthread_join(thread, NULL);
	(void)close(fd[0]);
	CHECK(io_read(fd[0], text, 1) == -EBADF, "an error is an errno");
	CHECK(io_write(-1, "x", 1) == -EBADF, "when writing too");
}

static void test_io_files(const struct temp *t)
{
	char text[16];
	void *data;
	size_t len;
	int fd = openat(t->fd, "file", O_RDWR | O_CREAT | O_EXCL, 0600);

	CHECK(io_write(fd, "0123456789", 10) == 0, "a file is written");
	CHECK(io_pread(fd, text, 4, 8) == 2 && memcmp(text, "89", 2) == 0 &&
	      lseek(fd, 0, SEEK_CUR) == 10, "pread stops at the end and moves nothing");
	(void)close(fd);
	CHECK(io_read_file(t->fd, "file", text, sizeof(text)) == 10 &&
	      strcmp(text, "0123456789") == 0, "a small file is read whole");
	CHECK(io_read_file(t->fd, "file", text, 11) == 10, "one that just fits too");
	CHECK(io_read_file(t->fd, "file", text, 10) == -EFBIG &&
	      strcmp(text, "012345678") == 0, "of a larger one the first part is there");
	CHECK(io_read_file(t->fd, "none", text, sizeof(text)) == -ENOENT &&
	      text[0] == '\0', "a missing one is -ENOENT");
	CHECK(symlinkat("file", t->fd, "link") == 0 &&
	      io_read_file(t->fd, "link", text, sizeof(text)) == -ELOOP,
	      "a link is not followed");
	CHECK(io_load(t->fd, "file", 10, &data, &len) == 0 && len == 10 &&
	      strcmp(data, "0123456789") == 0, "a file is loaded and ends in a NUL");
	free(data);
	CHECK(io_load(t->fd, "file", 9, &data, &len) == -EFBIG, "not one beyond the limit");
	CHECK(io_load(t->fd, ".", 9, &data, &len) == -EISDIR, "not a directory");
	CHECK(mkfifoat(t->fd, "fifo", 0600) == 0 &&
	      io_load(t->fd, "fifo", 9, &data, &len) == -EINVAL,
	      "a pipe does not block it, and is refused");
	/* Its size is 0, and yet it has content: the same as a file that grows. */
	CHECK(io_load(AT_FDCWD, "/proc/self/status", 1u << 20, &data, &len) == -EAGAIN,
	      "a file that grows is -EAGAIN");
}

static void test_errname(void)
{
	CHECK(strcmp(errname(ENOENT), "ENOENT") == 0, "ENOENT by its number");
	CHECK(strcmp(errname(-EHWPOISON), "EHWPOISON") == 0, "a negative one too");
	CHECK(strcmp(errname(0), "EUNKNOWN") == 0 &&
	      strcmp(errname(99999), "EUNKNOWN") == 0 &&
	      strcmp(errname(-2147483647 - 1), "EUNKNOWN") == 0,
	      "what has no name is EUNKNOWN");
}

static const char abc[] =
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void test_digest(const struct temp *t)
{
	uint8_t sum[DIGEST_BYTES];
	char hex[DIGEST_HEX];
	struct digest *d;
	uint64_t bytes;
	int fd = openat(t->fd, "abc", O_RDWR | O_CREAT, 0600);

	CHECK(digest_memory("abc", 3, sum) == 0, "a digest of memory");
	parse_to_hex(hex, sum, sizeof(sum));
	CHECK(strcmp(hex, abc) == 0, "FIPS 180-4's example: %s", hex);
	CHECK(digest_open(&d) == 0, "a digest in steps");
	for (int i = 0; i < 2; i++) {
		digest_reset(d);
		digest_add(d, "a", 1);
		digest_add(d, "bc", 2);
		digest_end(d, sum);
		parse_to_hex(hex, sum, sizeof(sum));
		CHECK(strcmp(hex, abc) == 0, "the same in steps, turn %d", i + 1);
	}
	digest_free(d);
	digest_free(NULL);
	CHECK(io_write(fd, "abc", 3) == 0 && lseek(fd, 0, SEEK_SET) == 0 &&
	      digest_file(fd, 3, sum, &bytes) == 0 && bytes == 3, "of a file");
	parse_to_hex(hex, sum, sizeof(sum));
	CHECK(strcmp(hex, abc) == 0, "the same of a file");
	CHECK(lseek(fd, 0, SEEK_SET) == 0 &&
	      digest_file(fd, 2, sum, NULL) == -EFBIG, "one beyond the limit is -EFBIG");
	(void)close(fd);
	CHECK(digest_file(-1, 3, sum, NULL) == -EBADF, "an error is an errno");
}

static void test_collection_id(void)
{
	struct collection_id a = { .id = "" }, b = { .id = "" };
	char longest[COLLECTION_CASE_MAX + 1];

	memset(longest, 'x', sizeof(longest));
	longest[COLLECTION_CASE_MAX] = '\0';
	CHECK(!collection_case_ok(longest), "a case of 65 characters is too long");
	longest[COLLECTION_CASE_MAX - 1] = '\0';
	CHECK(collection_case_ok(longest) && strlen(longest) == 64, "one of 64 is not");
	CHECK(collection_case_ok("IR-2026_1.a"), "a case may have - _ .");
	CHECK(!collection_case_ok("") && !collection_case_ok(".") &&
	      !collection_case_ok("..") && !collection_case_ok(".a") &&
	      !collection_case_ok("a/b") && !collection_case_ok("a b") &&
	      !collection_case_ok("a\n") && !collection_case_ok("\xc3\xa4"),
	      "and nothing that could be a path or more");
	CHECK(collection_id_make(&a, longest) == 0 && collection_id_make(&b, longest) == 0,
	      "an id is made");
	CHECK(strlen(a.id) == 21 && a.id[8] == 'T' && a.id[15] == 'Z' && a.id[16] == '-',
	      "it is a time and four digits: %s", a.id);
	CHECK(strncmp(a.path, longest, 64) == 0 && a.path[64] == '/' &&
	      strcmp(strrchr(a.path, '/') + 1, a.id) == 0 && a.host[0] != '\0' &&
	      strncmp(a.path + 65, a.host, strlen(a.host)) == 0,
	      "its path is case, host and id: %s", a.path);
}

static void test_clock(void)
{
	char utc[CLOCK_UTC_MAX];
	int64_t before = clock_now_ms();

	clock_utc(1795512600, utc);
	CHECK(strcmp(utc, "2026-11-24T09:30:00Z") == 0, "a time is %s", utc);
	clock_utc(0, utc);
	CHECK(strcmp(utc, "1970-01-01T00:00:00Z") == 0, "the first one is %s", utc);
	if (sizeof(time_t) == 8)
		clock_utc((time_t)INT64_MAX, utc);
	CHECK(strlen(utc) < CLOCK_UTC_MAX, "an absurd one is no overflow: %s", utc);
	CHECK(clock_now_ms() >= before, "the other clock never goes back");
}

int main(void)
{
	struct temp t;

	temp_open(&t);
	test_buf();
	test_io_pipe();
	test_io_files(&t);
	test_errname();
	test_digest(&t);
	test_collection_id();
	test_clock();
	temp_close(&t);
	return CHECK_DONE();
}
