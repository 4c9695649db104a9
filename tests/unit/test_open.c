/* evac open: a collection comes out as files, and a hostile one stays inside. */
#include "open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "collection_maker.h"
#include "extract.h"
#include "join.h"
#include "sums.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct maker m;
static char output[65536];

static int open_it(void)
{
	return maker_run(open_main, output, sizeof(output), m.dir, "--identity", m.identity,
			 "--out", m.out, "--signer", m.signer, NULL);
}

static bool has(const char *path, const char *text)
{
	const char *is = maker_result(&m, path);

	return is != NULL && strcmp(is, text) == 0;
}

static bool exists(const char *path)
{
	char full[256];
	struct stat st;

	(void)snprintf(full, sizeof(full), "%s/%s", m.out, path);
	return lstat(full, &st) == 0;
}

static bool says(const char *text)
{
	return strstr(output, text) != NULL;
}

/* The start of the output, for messages of one line. */
static const char *shown(void)
{
	static char text[200];

	(void)snprintf(text, sizeof(text), "%.199s", output);
	for (char *c = text; *c != '\0'; c++)
		if (*c == '\n')
			*c = '|';
	return text;
}

static void test_good(void)
{
	static const struct maker_entry first[] = {
		{ .path = "processes.ndjson", .data = "{}\n" },
		{ .path = "files/var/log/a b\n\\c", .data = "odd\n" },
		{ .path = "files/\xff\xfe", .data = "bytes\n" },
		{ .path = "files/\xc3\xa9t\xc3\xa9", .data = "" },
		{ .path = "files/big@000000000005.part", .data = "world" },
	};
	static const struct maker_entry second[] = {
		{ .path = "files/big@000000000000.part", .data = "hello" },
		{ .path = "files/big@000000000010.part", .data = "!" },
		{ .path = "files/x@000000000000.part@000000000000.part", .data = "a part" },
		{ .path = "memory/0000000000100000.lime", .data = "EMiL2" },
		{ .path = "memory/holes.ndjson", .data = "none\n" },
	};
	static const struct maker_entry third[] = {
		{ .path = "memory/0000000000001000.lime", .data = "EMiL1" },
		{ .path = "memory/00000000ffff0000.lime", .data = "EMiL3" },
	};
	char path[128];
	struct stat st;

	maker_open(&m);
	maker_segment(&m, "volatile", first, COUNT(first));
	maker_segment(&m, "logs", second, COUNT(second));
	maker_segment(&m, "memory", third, COUNT(third));
	maker_manifest(&m, 1);
	CHECK(open_it() == 0, "a good collection: %s", output);
	CHECK(has("processes.ndjson", "{}\n"), "a plain file");
	CHECK(has("files/var/log/a b\n\\c", "odd\n"), "a name with a line end");
	CHECK(has("files/\xff\xfe", "bytes\n"), "a name that is not UTF-8");
	CHECK(has("files/\xc3\xa9t\xc3\xa9", ""), "a name that is UTF-8, an empty file");
	CHECK(has("files/big", "helloworld!"), "pieces of two segments, in any order");
	CHECK(has("files/x@000000000000.part", "a part"), "one suffix is taken off, not two");
	CHECK(has("memory.lime", "EMiL1EMiL2EMiL3"), "memory joined in order");
	CHECK(!exists("memory/0000000000001000.lime") && has("memory/holes.ndjson", "none\n"),
	      "the pieces of memory are gone, other files stay");
	CHECK(maker_result(&m, "SHA256SUMS.d/0001-logs") != NULL &&
	      strstr(maker_result(&m, "SHA256SUMS.d/0001-logs"),
		     "  files/big@000000000000.part\n") != NULL, "the lists of digests are kept");
	CHECK(!exists("SHA256SUMS"), "none of them stands where another would");
	(void)snprintf(path, sizeof(path), "%s/processes.ndjson", m.out);
	CHECK(stat(path, &st) == 0 && st.st_mtim.tv_sec == 1600000000 &&
	      (st.st_mode & 07777) == 0600, "its time is kept; set-user-id is not");
	CHECK(stat(m.out, &st) == 0 && (st.st_mode & 0777) == 0700, "the directory is private");
	CHECK(open_it() == 1 && says("not empty"), "a second time: %s", shown());
	maker_close(&m);
}

static void test_hostile_names(void)
{
	static const struct maker_entry first[] = {
		{ .path = "/absolute", .data = "x" },
		{ .path = "../up", .data = "x" },
		{ .path = "a/../../up", .data = "x" },
		{ .path = "a/./b", .data = "x" },
		{ .path = "a//b", .data = "x" },
		{ .path = "..@000000000000.part", .data = "x" },
		{ .path = "../up@000000000000.part", .data = "x" },
		{ .path = "link", .type = 'l', .target = "/tmp" },
		{ .path = "link/through", .data = "kept" },
		{ .path = "hard", .type = 'h', .target = "/etc/passwd" },
		{ .path = "pipe", .type = 'p' },
		{ .path = "null", .type = 'c' },
		{ .path = "dir/", .type = 'd' },
		{ .path = "memory.lime", .data = "x" },
		{ .path = "SHA256SUMS.d/0000-first", .data = "x" },
		{ .path = "good", .data = "good" },
		{ .path = "good/below", .data = "x" },
		{ .path = "twice", .data = "1" },
		{ .path = "twice", .data = "2" },
	};
	static const struct maker_entry second[] = {
		{ .path = "twice", .data = "3" },
		{ .path = "good@000000000000.part", .data = "x" },
		{ .path = "late", .data = "late" },
	};
	static const char *const refused[] = {
		"/absolute: refused", "../up: refused", "a/../../up: refused", "a/./b: refused",
		"a//b: refused", "..@000000000000.part: refused", "link: refused",
		"hard: refused", "pipe: refused", "null: refused", "dir/: refused",
		"memory.lime: refused", "SHA256SUMS.d/0000-first: refused",
		"good/below: refused", "twice: refused", "good@000000000000.part: refused",
	};
	char path[128];

	maker_open(&m);
	maker_segment(&m, "first", first, COUNT(first));
	maker_segment(&m, "second", second, COUNT(second));
	maker_manifest(&m, 1);
	CHECK(open_it() == 1, "a hostile collection is reported");
	for (size_t i = 0; i < COUNT(refused); i++)
		CHECK(says(refused[i]), "%s", refused[i]);
	CHECK(has("good", "good") && has("late", "late"), "the rest went on");
	CHECK(has("twice", "1"), "the first of two stays");
	CHECK(has("link/through", "kept") && !exists("link/up"), "a refused link leads nowhere");
	(void)snprintf(path, sizeof(path), "%s/up", m.base);
	CHECK(access(path, F_OK) != 0 && access("/absolute", F_OK) != 0, "nothing outside");
	CHECK(!exists("hard") && !exists("pipe") && !exists("null"), "no odd files");
	maker_close(&m);
}

static void test_wrong_identity(void)
{
	static const struct maker_entry e = { .path = "x", .data = "y" };
	struct maker other;

	maker_open(&m);
	maker_open(&other);
	maker_segment(&m, "a", &e, 1);
	maker_manifest(&m, 1);
	CHECK(maker_run(open_main, output, sizeof(output), m.dir, "--identity", other.identity,
			"--out", m.out, "--signer", m.signer, NULL) == 1 &&
	      says("it opens nothing here") && strchr(output, '\n') == strrchr(output, '\n'),
	      "another identity: %s", output);
	CHECK(access(m.out, F_OK) != 0, "nothing is written for it");
	CHECK(maker_run(open_main, output, sizeof(output), m.dir, "--identity", m.dir,
			"--out", m.out, NULL) == 1, "%s", shown());
	maker_close(&other);
	maker_close(&m);
}

static void test_changed(void)
{
	static const struct maker_entry a = { .path = "a", .data = "a" };
	static const struct maker_entry b = { .path = "b", .data = "b" };

	maker_open(&m);
	maker_segment(&m, "one", &a, 1);
	maker_segment(&m, "two", &b, 1);
	maker_manifest(&m, 1);
	maker_flip(&m, "0000-one.tar.zst.age", -1, 3);
	CHECK(open_it() == 1 && says("0000-one.tar.zst.age: "), "a changed segment: %s", shown());
	CHECK(!exists("a") && has("b", "b"), "it is not unpacked, the other is");
	maker_close(&m);

	maker_open(&m);
	maker_segment(&m, "one", &a, 1);
	maker_manifest(&m, 2);
	CHECK(open_it() == 1 && says("newer evac") && access(m.out, F_OK) != 0,
	      "an unknown version of the manifest: %s", shown());
	maker_close(&m);
}

/* Signed and sealed rightly, and yet no archive, or half of one. */
static void test_damaged(void)
{
	static const struct maker_entry a = { .path = "a", .data = "a" };
	static const struct maker_entry late[] = {
		{ .path = "SHA256SUMS", .data = "" },
		{ .path = "a", .data = "a" },
	};

	maker_open(&m);
	maker_segment(&m, "good", &a, 1);
	maker_write(&m, "0001-bad.tar.zst.age", "age-encryption.org/v1\n", 22);
	maker_sign(&m, "0001-bad.tar.zst.age", 1);
	CHECK(open_it() == 1 && says("0001-bad.tar.zst.age: its age header is malformed") &&
	      has("a", "a"), "a segment without a body: %s", shown());
	maker_close(&m);

	maker_open(&m);
	m.bad_sums = true;
	maker_segment(&m, "bad", &a, 1);
	maker_manifest(&m, 1);
	CHECK(open_it() == 1 && says("SHA256SUMS differ, first at: "), "wrong digests: %s",
	      shown());
	maker_close(&m);

	maker_open(&m);
	m.no_sums = true;
	maker_segment(&m, "bad", &a, 1);
	maker_manifest(&m, 1);
	CHECK(open_it() == 1 && says("has no SHA256SUMS"), "no digests: %s", shown());
	maker_close(&m);

	maker_open(&m);
	m.no_sums = true;
	maker_segment(&m, "bad", late, COUNT(late));
	maker_manifest(&m, 1);
	CHECK(open_it() == 1 && says("a: refused, in 0000-bad.tar.zst.age: it comes after"),
	      "a file behind the digests: %s", shown());
	maker_close(&m);
}

static void test_bomb(void)
{
	static const struct maker_entry zeros = { .path = "zeros", .size = 8 << 20 };
	static const struct maker_entry many[] = {
		{ .path = "1", .data = "" }, { .path = "2", .data = "" },
	};
	struct stat st;
	char path[128];

	maker_open(&m);
	m.claim = 1000;
	maker_segment(&m, "bomb", &zeros, 1);
	maker_segment(&m, "many", many, COUNT(many));
	maker_manifest(&m, 1);
	CHECK(open_it() == 1 && says("more in it than it may"), "more bytes than the manifest "
	      "says: %s", shown());
	(void)snprintf(path, sizeof(path), "%s/zeros", m.out);
	CHECK(stat(path, &st) < 0 || st.st_size <= 1000, "they are not written");
	maker_close(&m);
}

static void test_pieces(void)
{
	static const struct maker_entry e[] = {
		{ .path = "gap@000000000000.part", .data = "ab" },
		{ .path = "gap@000000000005.part", .data = "f" },
		{ .path = "twice@000000000000.part", .data = "abc" },
		{ .path = "twice@000000000000.part", .data = "xyz" },
		{ .path = "twice@000000000002.part", .data = "xyz" },
		{ .path = "over@000000000005.part", .data = "f" },
		{ .path = "over@000000000003.part", .data = "xyz" },
		{ .path = "empty@000000000000.part", .data = "" },
		{ .path = "huge@999999999999999999999.part", .data = "name" },
		{ .path = "far@9223372036854775807.part", .data = "x" },
		{ .path = "memory/0000000000001000.lime@000000000000.part", .data = "EM" },
		{ .path = "memory/0000000000001000.lime@000000000002.part", .data = "iL" },
	};

	maker_open(&m);
	maker_segment(&m, "a", e, COUNT(e));
	maker_manifest(&m, 1);
	CHECK(open_it() == 1 && says("gap: 3 bytes of it are missing, the first at 2"),
	      "a missing piece: %s", shown());
	CHECK(exists("gap"), "it leaves a hole");
	CHECK(says("twice@000000000000.part: refused") &&
	      says("twice@000000000002.part: refused") && has("twice", "abc") &&
	      says("over@000000000003.part: refused"),
	      "pieces that overlap are refused");
	CHECK(has("empty", ""), "an empty piece");
	CHECK(has("huge@999999999999999999999.part", "name"), "an offset past 64 bits is none");
	CHECK(says("far@9223372036854775807.part: refused"), "an offset past 63 bits");
	CHECK(has("memory.lime", "EMiL"), "memory of pieces of pieces");
	CHECK(!exists("memory"), "its directory is gone");
	maker_close(&m);
}

/* A run that ended in the middle of a piece: what there is makes a clean image. */
static void test_partial(void)
{
#define FIRST "memory/0000000000001000.lime@0000000000"
#define SECOND "memory/0000000000005000.lime@0000000000"
	/* 0x1000 to 0x2fff, of which four bytes came; one byte at 0x5000. */
	static const struct maker_entry e[] = {
		{ .path = "memory/proc/iomem", .data = "00001000-00002fff : System RAM\n"
						       "00005000-00005fff : System RAM\n" },
		{ .path = FIRST "00.part", .data = "EMiL\1" }, { .path = FIRST "05.part", .size = 4 },
		{ .path = FIRST "09.part", .data = "\x10" }, { .path = FIRST "10.part", .size = 6 },
		{ .path = FIRST "16.part", .data = "\xff\x2f" }, { .path = FIRST "18.part", .size = 14 },
		{ .path = FIRST "32.part", .data = "0123" },
		{ .path = SECOND "00.part", .data = "EMiL\1" }, { .path = SECOND "05.part", .size = 4 },
		{ .path = SECOND "09.part", .data = "\x50" }, { .path = SECOND "10.part", .size = 7 },
		{ .path = SECOND "17.part", .data = "\x50" }, { .path = SECOND "18.part", .size = 14 },
		{ .path = SECOND "32.part", .data = "x" },
	};
	char path[300], byte[5] = "";
	FILE *f;

	maker_open(&m);
	maker_segment(&m, "memory", e, COUNT(e));
	maker_manifest(&m, 1);
	CHECK(maker_run(open_main, output, sizeof(output), m.dir, "--identity", m.identity,
			"--out", m.out, "--signer", m.signer, "--image", "raw", NULL) == 0 &&
	      says("memory.raw: 20481 bytes"), "a piece that was cut: %s", shown());
	CHECK(says("1000.lime: the run ended in it: 4 of its 8192 bytes are there"), "is named");
	CHECK(says("12283 of the machine's 12288 bytes of memory are missing: "
		   "0x1004-0x2fff, 0x5001-0x5fff"), "and what is missing");
	(void)snprintf(path, sizeof(path), "%s/memory.raw", m.out);
	f = fopen(path, "r");
	CHECK(f != NULL && fseek(f, 0x1000, SEEK_SET) == 0 && fread(byte, 1, 4, f) == 4 &&
	      strcmp(byte, "0123") == 0 && fseek(f, 0x5000, SEEK_SET) == 0 && fgetc(f) == 'x',
	      "every byte is at its address");
	if (f != NULL)
		(void)fclose(f);
	maker_close(&m);
}

/* The memory image in another form; one that is no image stays. */
static void test_forms(void)
{
	/* A LiME image of one byte, which is 0, at address 0. */
	static const struct maker_entry clean[] = {
		{ .path = "memory/0000000000000000.lime@000000000000.part", .data = "EMiL\1" },
		{ .path = "memory/0000000000000000.lime@000000000005.part", .size = 28 },
	};
	static const struct maker_entry odd[] = {
		{ .path = "memory/0000000000001000.lime", .data = "EMiL1" },
		{ .path = "memory.elf", .data = "x" },
	};
	char path[300];
	struct stat st;

	maker_open(&m);
	maker_segment(&m, "memory", clean, COUNT(clean));
	maker_manifest(&m, 1);
	CHECK(maker_run(open_main, output, sizeof(output), m.dir, "--identity", m.identity,
			"--out", m.out, "--signer", m.signer, "--image", "raw", NULL) == 0 &&
	      says("memory.raw: 1 bytes"), "a raw image: %s", shown());
	(void)snprintf(path, sizeof(path), "%s/memory.raw", m.out);
	CHECK(stat(path, &st) == 0 && st.st_size == 1 && !exists("memory.lime"),
	      "it is there, in place of the other");
	maker_close(&m);
	maker_open(&m);
	maker_segment(&m, "memory", odd, COUNT(odd));
	maker_manifest(&m, 1);
	CHECK(maker_run(open_main, output, sizeof(output), m.dir, "--identity", m.identity,
			"--out", m.out, "--signer", m.signer, "--image=elf", NULL) == 1 &&
	      says("memory.lime: it is no clean image"), "no image: %s", shown());
	CHECK(has("memory.lime", "EMiL1") && !exists("memory.elf") &&
	      says("memory.elf: refused"), "it stays as it is");
	CHECK(maker_run(open_main, output, sizeof(output), m.dir, "--identity", m.identity,
			"--out", m.out, "--image", "vmdk", NULL) == 64, "no such form");
	maker_close(&m);
}

static void test_cut(void)
{
	static const struct maker_entry a = { .path = "big@000000000000.part", .data = "a" };
	static const struct maker_entry c = { .path = "big@000000000002.part", .data = "c" };

	maker_open(&m);
	maker_segment(&m, "one", &a, 1);
	m.next = 2;
	maker_segment(&m, "two", &c, 1);
	CHECK(open_it() == 3 && says("cut short") && says("big: 1 bytes of it are missing"),
	      "a run that was cut: %s", shown());
	maker_close(&m);
}

static void test_json(void)
{
	static const struct maker_entry e = { .path = "x", .data = "yy" };

	maker_open(&m);
	maker_segment(&m, "one", &e, 1);
	maker_manifest(&m, 1);
	CHECK(maker_run(open_main, output, sizeof(output), m.base, "-i", m.identity,
			"--signer", m.signer, "--json", "--out", m.out, NULL) == 0 &&
	      says("\"verdict\":\"genuine\"") && says("\"bytes\":2,"), "%s", shown());
	maker_close(&m);
}

static void test_usage(void)
{
	struct maker second;
	char path[256];

	maker_open(&m);
	CHECK(maker_run(open_main, output, sizeof(output), NULL) == 64, "%s", shown());
	CHECK(maker_run(open_main, output, sizeof(output), m.dir, NULL) == 64 &&
	      says("--identity"), "%s", shown());
	CHECK(maker_run(open_main, output, sizeof(output), m.dir, "--identity", "x", NULL) == 64,
	      "%s", shown());
	CHECK(maker_run(open_main, output, sizeof(output), m.dir, "--identity", "/nonexistent",
			"--out", m.out, NULL) == 1, "%s", shown());
	maker_open(&second);
	(void)snprintf(path, sizeof(path), "%s/c2", m.base);
	CHECK(rename(second.dir, path) == 0, "two collections");
	CHECK(maker_run(open_main, output, sizeof(output), m.base, "--identity", m.identity,
			"--out", m.out, NULL) == 1 && says("several") && says("/c2"), "%s",
	      shown());
	maker_close(&second);
	maker_close(&m);
}

static void test_paths(void)
{
	static const struct {
		const char *path;
		bool piece;
		size_t len;
		uint64_t offset;
	} paths[] = {
		{ "a@000000000000.part", true, 1, 0 },
		{ "a@000000000012.part", true, 1, 12 },
		{ "a@1234567890123.part", true, 1, 1234567890123 },
		{ "a@00000000012.part", false, 0, 0 },
		{ "@000000000012.part", false, 0, 0 },
		{ "a@000000000012.par", false, 0, 0 },
		{ "a000000000012.part", false, 0, 0 },
		{ ".part", false, 0, 0 },
		{ "", false, 0, 0 },
	};

	for (size_t i = 0; i < COUNT(paths); i++) {
		uint64_t offset = 0;
		size_t len = 0;
		bool piece = join_is_piece(paths[i].path, &len, &offset);

		CHECK(piece == paths[i].piece && (!piece || (len == paths[i].len &&
		      offset == paths[i].offset)), "piece or not: '%s'", paths[i].path);
	}
	CHECK(join_is_memory("memory/0123456789abcdef.lime") &&
	      !join_is_memory("memory/0123456789ABCDEF.lime") &&
	      !join_is_memory("memory/0123456789abcde.lime") &&
	      !join_is_memory("memory/0123456789abcdef0.lime") &&
	      !join_is_memory("x/memory/0123456789abcdef.lime"), "names of memory pieces");
}

/* Links that somebody else puts below the directory meanwhile. */
static void test_links(void)
{
	struct extract *x = NULL;
	char path[256];
	int fd;

	maker_open(&m);
	CHECK(extract_open(&x, m.out) == 0, "a new directory");
	(void)snprintf(path, sizeof(path), "%s/link", m.out);
	CHECK(symlink(m.dir, path) == 0, "a link to elsewhere");
	fd = extract_create(x, "link/x");
	CHECK(fd == -ELOOP || fd == -ENOTDIR, "no file through it: %s", strerror(-fd));
	fd = extract_create(x, "link");
	CHECK(fd == -EEXIST, "none in its place: %s", strerror(-fd));
	fd = extract_reopen(x, "link");
	CHECK(fd == -ELOOP, "it is not opened: %s", strerror(-fd));
	CHECK(extract_create(x, "../x") == -EINVAL && extract_remove(x, "/x") == -EINVAL,
	      "names that lead out");
	fd = extract_create(x, "a/b/c");
	CHECK(fd >= 0, "directories are made");
	(void)close(fd);
	extract_close(x);
	maker_close(&m);
}

int main(void)
{
	test_links();
	test_good();
	test_hostile_names();
	test_wrong_identity();
	test_changed();
	test_damaged();
	test_bomb();
	test_pieces();
	test_partial();
	test_forms();
	test_cut();
	test_json();
	test_usage();
	test_paths();
	return CHECK_DONE();
}
