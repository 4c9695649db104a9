/*
 * test_archive.c - what libarchive reads back is what was put in: names of any
 * bytes, times, owners, attributes, digests; and no segment outgrows its size.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "archive.h"
#include "buf.h"
#include "check.h"
#include "digest.h"
#include "parse.h"
#include "scope.h"
#include "segment.h"

#define SIZE SEGMENT_SIZE_MIN

static uint8_t source[SIZE];
static struct archive_maker *maker;
static struct buf out;

struct writer {
	unsigned calls, fail_at;
};

static int on_data(void *arg, const void *data, size_t len)
{
	struct writer *w = arg;

	return ++w->calls == w->fail_at ? -EPIPE : buf_add(&out, data, len);
}

static int build(const struct segment *seg, unsigned fail_at, uint64_t *ret_bytes)
{
	struct writer w = { 0, fail_at };

	out.len = 0;
	return archive_segment(maker, seg, on_data, &w, ret_bytes);
}

static void read_source(void *arg, uint64_t offset, void *buf, size_t len)
{
	++*(unsigned *)arg;
	memcpy(buf, source + offset, len);
}

/* ---- what comes back */
static struct archive *open_tar(void)
{
	struct archive *a = archive_read_new();

	if (a == NULL || archive_read_support_filter_zstd(a) != ARCHIVE_OK ||
	    archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    archive_read_open_memory(a, out.data, out.len) != ARCHIVE_OK)
		abort();
	return a;
}

static bool same_time(struct timespec t, time_t s, long ns)
{
	return t.tv_sec == s && t.tv_nsec == ns;
}

static bool has_xattr(struct archive_entry *ae, const struct sink_xattr *want)
{
	const char *name;
	const void *value;
	size_t len;

	(void)archive_entry_xattr_reset(ae);
	while (archive_entry_xattr_next(ae, &name, &value, &len) == ARCHIVE_OK)
		if (strcmp(name, want->name) == 0)
			return len == want->len && (len == 0 || memcmp(value, want->value, len) == 0);
	return false;
}

static void check_entry(struct archive *a, const struct sink_entry *e, const uint8_t *data,
			size_t len)
{
	static uint8_t got[SIZE];
	char shown[80];
	struct archive_entry *ae;
	int r = archive_read_next_header(a, &ae);
	la_ssize_t n;

	(void)snprintf(shown, sizeof(shown), "%.60s", e->path);
	for (char *c = shown; *c != '\0'; c++)
		if (*c < ' ')
			*c = '?';
	CHECK(r == ARCHIVE_OK || r == ARCHIVE_WARN, "an entry is there: %s", shown);
	if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
		return;
	CHECK(strcmp(archive_entry_pathname(ae), e->path) == 0, "its name");
	CHECK(archive_entry_size(ae) == (la_int64_t)len, "its size");
	CHECK(archive_entry_filetype(ae) == AE_IFREG && archive_entry_perm(ae) == e->mode,
	      "its mode");
	CHECK(archive_entry_uid(ae) == e->uid && archive_entry_gid(ae) == e->gid, "its owner");
	CHECK(same_time(e->mtime, archive_entry_mtime(ae), archive_entry_mtime_nsec(ae)),
	      "its mtime");
	CHECK(same_time(e->atime, archive_entry_atime(ae), archive_entry_atime_nsec(ae)) &&
	      same_time(e->ctime, archive_entry_ctime(ae), archive_entry_ctime_nsec(ae)),
	      "its atime and ctime");
	/* libarchive gives an odd name a second time, escaped. */
	CHECK(archive_entry_xattr_count(ae) >= (int)e->xattr_count &&
	      (e->xattr_count > 0 || archive_entry_xattr_count(ae) == 0),
	      "its attributes' number");
	for (size_t i = 0; i < e->xattr_count; i++)
		CHECK(has_xattr(ae, &e->xattrs[i]), "attribute %zu", i);
	n = archive_read_data(a, got, sizeof(got));
	CHECK(n == (la_ssize_t)len && memcmp(got, data, len) == 0, "its %zu bytes", len);
}

/* The last entry; its text with a NUL. */
static char *read_sums(struct archive *a)
{
	static char text[65536];
	struct archive_entry *ae;
	la_ssize_t n = -1;

	if (archive_read_next_header(a, &ae) == ARCHIVE_OK &&
	    strcmp(archive_entry_pathname(ae), "SHA256SUMS") == 0)
		n = archive_read_data(a, text, sizeof(text) - 1);
	CHECK(n >= 0, "SHA256SUMS is the last entry");
	text[n < 0 ? 0 : n] = '\0';
	CHECK(archive_read_next_header(a, &ae) == ARCHIVE_EOF, "and nothing follows it");
	return text;
}

/* ---- the tests */
static void put(struct segment *seg, const struct sink_entry *e, const void *data, size_t len)
{
	if (segment_entry_begin(seg, e->path, e) < 0 || segment_add(seg, data, len) != len)
		abort();
}

static const struct sink_xattr attrs[] = {
	{ "user.text", "value", 5 }, { "user.binary", "\0\xff\n=", 4 }, { "user.empty", "", 0 },
	{ "security.capability", "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20 },
	{ "system.posix_acl_access", "\2\0\0\0\1\0\6\0\xff\xff\xff\xff", 12 },
	{ "user.strange%20 name\xff", "v", 1 },
};

static void test_round_trip(struct segment *seg)
{
	static char deep[2000], longest[256];
	static const char *const names[] = {
		"plain", "with space", "latin1-\xe9\xff\xfe/x", "utf8-\xc3\xa9\xe2\x98\xa0",
		"line\nbreak\\and\rmore", "quote\"'$(x)", "-dash", "a\x01\x7f",
	};
	unsigned calls = 0;
	struct sink_entry e = { .mode = 0640, .uid = 4000000000u, .gid = 2097152,
				.mtime = { 1795512600, 123456789 },
				.atime = { -86400, 500 }, .ctime = { 4294967296, 1 },
				.xattrs = attrs, .xattr_count = ARRAY_LEN(attrs) };
	struct archive *a;
	uint64_t bytes;

	memset(deep, 'd', sizeof(deep) - 1);
	for (size_t i = 150; i < sizeof(deep) - 1; i += 151)
		deep[i] = '/';
	memset(longest, 'n', sizeof(longest) - 1);
	segment_begin(seg, "logs");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		e.path = names[i];
		put(seg, &e, source + i, 1000 * i);
	}
	e.path = deep;
	put(seg, &e, source, 100000);
	e.path = longest;
	e.xattr_count = 0;
	e.mode = 04755;
	e.atime = e.ctime = (struct timespec){ 0, 0 };
	e.mtime = (struct timespec){ -1, 999999999 };
	put(seg, &e, "HEAD", 4);
	/* Its rest is pulled. */
	segment_last(seg)->size = 300004;
	segment_last(seg)->read = read_source;
	segment_last(seg)->arg = &calls;
	segment_last(seg)->offset = 77;
	CHECK(build(seg, 0, &bytes) == 0, "a segment is archived");
	CHECK(bytes == 28000 + 100000 + 300004 && calls >= 1, "its bytes are counted");

	a = open_tar();
	e.xattr_count = ARRAY_LEN(attrs);
	e.mode = 0640;
	e.mtime = (struct timespec){ 1795512600, 123456789 };
	e.atime = (struct timespec){ -86400, 500 };
	e.ctime = (struct timespec){ 4294967296, 1 };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		e.path = names[i];
		check_entry(a, &e, source + i, 1000 * i);
	}
	e.path = deep;
	check_entry(a, &e, source, 100000);
	e.path = longest;
	e.xattr_count = 0;
	e.mode = 04755;
	e.atime = e.ctime = (struct timespec){ 0, 0 };
	e.mtime = (struct timespec){ -1, 999999999 };
	memcpy(source + 73, "HEAD", 4);
	check_entry(a, &e, source + 73, 300004);
	(void)read_sums(a);
	(void)archive_read_free(a);
}

static void test_sums(struct segment *seg)
{
	/* As sha256sum (coreutils 9) writes them for files with "abc" in them. */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define NIL "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	static const char want[] = ABC "  plain\n" "\\" ABC "  a\\\\b\\nc\\rd\n"
				   ABC "  \xff\xfe \n" NIL "  empty\n";
	static const char *const names[] = { "plain", "a\\b\nc\rd", "\xff\xfe " };
	struct sink_entry e = { .path = "empty" };
	struct archive *a;
	uint64_t bytes;
	char *text;

	segment_begin(seg, "logs");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct sink_entry named = { .path = names[i] };

		put(seg, &named, "abc", 3);
	}
	put(seg, &e, "", 0);
	CHECK(build(seg, 0, &bytes) == 0 && bytes == 9, "four files");
	a = open_tar();
	for (int i = 0; i < 4; i++) {
		struct archive_entry *ae;

		(void)archive_read_next_header(a, &ae);
	}
	text = read_sums(a);
	CHECK(strcmp(text, want) == 0, "SHA256SUMS is as sha256sum writes it");
	if (strcmp(text, want) != 0)
		printf("# %s", text);
	(void)archive_read_free(a);
}

static void test_failures(struct segment *seg)
{
	struct sink_entry e = { .path = "a" };
	unsigned calls = 0;
	uint64_t bytes;
	size_t whole;

	segment_begin(seg, "logs");
	put(seg, &e, source, 500000);
	CHECK(build(seg, 0, &bytes) == 0, "something that takes several writes");
	whole = out.len;
	for (unsigned at = 1; at < 6; at++) {
		int r = build(seg, at, &bytes);

		calls += r == -EPIPE;
		CHECK(r == -EPIPE || (r == 0 && out.len == whole && at > 1),
		      "write %u fails: that is what comes back", at);
	}
	CHECK(calls >= 2, "it did");
	out.cap = whole / 2;
	CHECK(build(seg, 0, &bytes) == -ENOBUFS, "no room is an error");
	out.cap = 8u << 20;
	CHECK(build(seg, 0, &bytes) == 0, "and the next segment is whole again");
}

/* Bytes of the tar in ${out}. */
static size_t tar_bytes(void)
{
	static uint8_t piece[1u << 17];
	ZSTD_DStream *z = ZSTD_createDStream();
	ZSTD_inBuffer in = { out.data, out.len, 0 };
	size_t sum = 0, r = 1;

	while (z != NULL && in.pos < in.size && !ZSTD_isError(r)) {
		ZSTD_outBuffer to = { piece, sizeof(piece), 0 };

		r = ZSTD_decompressStream(z, &to, &in);
		sum += to.pos;
	}
	(void)ZSTD_freeDStream(z);
	return ZSTD_isError(r) ? SIZE_MAX : sum;
}

/* Fill a segment with entries like ${e}; its tar must not be larger than it. */
static void check_budget(struct segment *seg, const struct sink_entry *e, size_t len,
			 const char *what)
{
	uint64_t bytes;
	size_t n = 0;

	segment_begin(seg, "logs");
	while (segment_room(seg, e) > len) {
		put(seg, e, source, len);
		n++;
	}
	/* And its rest with content that does not compress. */
	if (n > 0)
		(void)segment_add(seg, source, SIZE);
	CHECK(build(seg, 0, &bytes) == 0 && tar_bytes() <= SIZE && n > 0,
	      "%s: %zu of them make a tar of %zu bytes", what, n, tar_bytes());
}

static void test_budget(struct segment *seg)
{
	static struct sink_xattr many[500];
	static char names[500][256], lines[1001], slashes[3001];
	struct sink_entry e = { .path = "x", .uid = UINT32_MAX, .gid = UINT32_MAX,
				.mtime = { -62135596800, 999999999 },
				.atime = { 253402300799, 999999999 },
				.ctime = { 253402300799, 999999999 } };

	check_budget(seg, &e, 0, "empty files");
	check_budget(seg, &e, 1, "files of a byte");
	check_budget(seg, &e, 513, "files of 513 bytes");
	memset(lines, '\n', sizeof(lines) - 1);
	e.path = lines;
	check_budget(seg, &e, 1, "names that are escaped");
	memset(slashes, 'a', sizeof(slashes) - 1);
	for (size_t i = 1; i < sizeof(slashes) - 1; i += 2)
		slashes[i] = '/';
	e.path = slashes;
	check_budget(seg, &e, 0, "long paths");
	e.path = "x";
	e.xattrs = many;
	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		(void)snprintf(names[i], sizeof(names[i]), "user.\xff%c%c", (char)(1 + i % 31),
			       (char)(1 + i / 31));
		many[i] = (struct sink_xattr){ names[i], "", 0 };
	}
	e.xattr_count = ARRAY_LEN(many);
	check_budget(seg, &e, 0, "many attributes with odd names");
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = (struct sink_xattr){ names[i], source, 200 };
	check_budget(seg, &e, 0, "many attributes");
	e.xattr_count = 100;
	for (size_t i = 0; i < e.xattr_count; i++) {
		memset(names[i] + 5, 0x80 + (int)i, 250);
		many[i] = (struct sink_xattr){ names[i], "", 0 };
	}
	check_budget(seg, &e, 0, "attributes with long odd names");
}

int main(void)
{
	struct segment *seg;
	uint32_t x = 1;

	for (size_t i = 0; i < sizeof(source); i++) {
		x = x * 1664525u + 1013904223u;
		source[i] = (uint8_t)(x >> 24);
	}
	if (segment_open(&seg, SIZE) < 0 || archive_open(&maker) < 0 ||
	    buf_open(&out, 8u << 20) < 0)
		return 1;
	test_round_trip(seg);
	test_sums(seg);
	test_failures(seg);
	test_budget(seg);
	archive_close(maker);
	archive_close(NULL);
	segment_free(seg);
	buf_free(&out);
	return CHECK_DONE();
}
