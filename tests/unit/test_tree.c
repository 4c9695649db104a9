/* The walk over files: bytes and attributes arrive, links and hostile things do not. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "attr.h"
#include "check.h"
#include "host.h"
#include "scope.h"
#include "sink_list.h"
#include "table.h"
#include "taken.h"
#include "tree.h"
#include "tree_file.h"
#include "tree_row.h"

static char top[] = "/tmp/test_tree.XXXXXX";
static int dir;

static const struct tree_limits limits = { .depth = 32, .entries = 10000, .file_bytes = 1 << 28 };

static void put(const char *name, const char *text)
{
	AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		CHECK(0, "the file %s can be made", name);
}

static struct sink *take(const struct tree_limits *l, const char *path, int proc, int *ret)
{
	struct host h = { .root = dir, .proc = proc, .sys = -1 };
	struct sink *s = sink_list_open();
	struct table *files;
	struct tree *t;
	int end;

	*ret = table_open(&files, s, "files");
	if (*ret == 0)
		*ret = tree_open(&t, &h, s, files, l);
	if (*ret == 0) {
		*ret = tree_take(t, path);
		tree_free(t);
	}
	end = table_close(files);
	if (*ret == 0)
		*ret = end;
	return s;
}

static bool listed(const struct sink *s, const char *path, const char *a, const char *b)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "\"path\":\"%s\"", path);
	return sink_list_row(s, "files.ndjson", text, a, b) != NULL;
}

static bool same(const struct sink *s, const char *path, const char *text)
{
	const struct sink_list_file *f = sink_list_find(s, path);

	return f != NULL && f->len == strlen(text) && memcmp(f->data, text, f->len) == 0;
}

static void make(void)
{
	struct timespec times[2] = { { .tv_sec = 1600000000, .tv_nsec = 111 }, { .tv_sec = 1500000000, .tv_nsec = 123456789 } };

	(void)mkdirat(dir, "var", 0755);
	(void)mkdirat(dir, "var/log", 0755);
	(void)mkdirat(dir, "var/log/sub dir", 0700);
	put("secret", "outside");
	put("var/log/a.log", "some text\n");
	put("var/log/empty", "");
	put("var/log/sub dir/new\nline\xff", "odd\n");
	(void)symlinkat("../../secret", dir, "var/log/link");
	(void)symlinkat("sub dir", dir, "var/log/dirlink");
	(void)symlinkat("var/log", dir, "logs");
	(void)symlinkat("/secret", dir, "filelink");
	(void)symlinkat("loop", dir, "loop");
	(void)mkdirat(dir, "a", 0755);
	(void)mkdirat(dir, "a/b", 0755);
	(void)symlinkat("../.././secret", dir, "a/b/link");
	(void)mkfifoat(dir, "var/log/fifo", 0600);
	(void)utimensat(dir, "var/log/a.log", times, 0);
}

static void test_walk(int proc)
{
	struct stat before, after;
	const struct sink_list_file *f;
	struct sink *s;
	int r;

	(void)fstatat(dir, "var/log/a.log", &before, 0);
	s = take(&limits, "/var/log", proc, &r);
	(void)fstatat(dir, "var/log/a.log", &after, 0);
	CHECK(r == 0 && same(s, "files/var/log/a.log", "some text\n"), "a file, byte by byte");
	f = sink_list_find(s, "files/var/log/a.log");
	CHECK(f != NULL && f->mode == 0640 && f->uid == getuid() && f->mtime.tv_sec == 1500000000 &&
	      f->mtime.tv_nsec == 123456789 && f->declared == 10, "its mode, owner, time, size");
	CHECK(same(s, "files/var/log/empty", ""), "an empty file");
	CHECK(same(s, "files/var/log/sub dir/new\nline\xff", "odd\n"), "a name with a newline and no UTF-8");
	CHECK(listed(s, "/var/log/a.log", "\"mtime\":1500000000,\"mtime_ns\":123456789", "\"collected\":true"), "it is listed");
	CHECK(listed(s, "/var/log/sub dir/new\\u000aline\xef\xbf\xbd", "\"path_b64\":", "\"collected\":true"), "so is the odd one");
	CHECK(listed(s, "/var/log/link", "\"symlink_target_path\":\"../../secret\"", "\"collected\":false") &&
	      sink_list_find(s, "files/var/log/link") == NULL, "a link is listed, not followed");
	CHECK(listed(s, "/var/log/dirlink", "\"type\":\"symlink\"", "\"collected\":false") &&
	      sink_list_count(s) == 4, "nor is one to a directory");
	CHECK(listed(s, "/var/log/fifo", "\"type\":\"fifo\"", "\"collected\":false"), "a FIFO does not stop us");
	CHECK(before.st_atim.tv_sec == after.st_atim.tv_sec && before.st_atim.tv_nsec == after.st_atim.tv_nsec,
	      "the access time stays");
	CHECK(sink_list_gaps(s, "", NULL) == 0, "no gap");
	sink_list_free(s);
}

static void test_roots(int proc)
{
	struct sink *s;
	int r;

	s = take(&limits, "/logs", proc, &r);
	CHECK(r == 0 && same(s, "files/logs/a.log", "some text\n"), "a link that was asked for is followed");
	CHECK(listed(s, "/logs", "\"symlink_target_path\":\"var/log\"", NULL), "and listed");
	sink_list_free(s);
	s = take(&limits, "/secret", proc, &r);
	CHECK(r == 0 && same(s, "files/secret", "outside"), "a single file");
	sink_list_free(s);
	s = take(&limits, "/not/there", proc, &r);
	CHECK(r == 0 && sink_list_gaps(s, "", NULL) == 0 && sink_list_count(s) == 1, "nothing there");
	sink_list_free(s);
	s = take(&limits, "/filelink", proc, &r);
	if (syscall(SYS_openat2, -1, "", NULL, 0UL) < 0 && errno == ENOSYS)
		CHECK_SKIP("no openat2 here: an absolute link leads out of the sample");
	else
		CHECK(r == 0 && sink_list_gaps(s, "", NULL) == 0 && listed(s, "/filelink", "\"collected\":false", NULL) &&
		      same(s, "files/secret", "outside"), "a link to a file: it is taken by its own name");
	sink_list_free(s);
	s = take(&limits, "/a/b/link", proc, &r);
	CHECK(r == 0 && same(s, "files/secret", "outside") && listed(s, "/a/b/link", "../.././secret", NULL), "a relative one, too");
	sink_list_free(s);
	s = take(&limits, "/loop", proc, &r);
	CHECK(r == 0 && listed(s, "/loop", "\"type\":\"symlink\"", NULL) && sink_list_count(s) == 1, "a link to itself leads nowhere");
	sink_list_free(s);
}

static void test_limits(int proc)
{
	struct tree_limits small = limits;
	struct sink *s;
	int r, why = 0;

	small.depth = 1;
	s = take(&small, "/var/log", proc, &r);
	CHECK(r == 0 && sink_list_gaps(s, "files/var/log/sub dir", NULL) == 1 &&
	      same(s, "files/var/log/a.log", "some text\n"), "too deep is a gap");
	sink_list_free(s);
	small = limits;
	small.entries = 3;
	s = take(&small, "/var/log", proc, &r);
	CHECK(r == 0 && sink_list_gaps(s, "", &why) == 1 && why == -E2BIG, "too many entries are a gap");
	sink_list_free(s);
	small = limits;
	small.file_bytes = 4;
	s = take(&small, "/var/log/a.log", proc, &r);
	CHECK(r == 0 && sink_list_gaps(s, "files/var/log/a.log", &why) == 1 && why == -EFBIG &&
	      same(s, "files/var/log/a.log", "some"), "too large is cut, and a gap");
	CHECK(listed(s, "/var/log/a.log", "\"collected\":false,\"collected_bytes\":4", NULL), "and listed as such");
	sink_list_free(s);
}

/* Directories one in the other, ${levels} of them, with a file in each tenth. */
static void make_deep(const char *top_name, const char *name, int levels)
{
	int at = dup(dir);

	for (int i = 0; i <= levels; i++) {
		const char *n = i == 0 ? top_name : name;
		int next;

		(void)mkdirat(at, n, 0700);
		next = openat(at, n, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(void)close(at);
		at = next;
		if (i % 10 == 0) {
			int fd = openat(at, "zz", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

			(void)close(fd);
		}
	}
	(void)close(at);
}

static void test_deep(int proc)
{
	struct tree_limits deep = limits;
	char name[200];
	struct sink *s;
	int r;

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	deep.depth = TREE_DEPTH;
	make_deep("deep", name, 100);
	s = take(&deep, "/deep", proc, &r);
	CHECK(r == 0 && sink_list_gaps(s, "files/deep/", NULL) == 1, "100 levels of 199 bytes end in a gap");
	sink_list_free(s);
	make_deep("down", "d", 1000);
	s = take(&deep, "/down", proc, &r);
	CHECK(r == 0 && sink_list_gaps(s, "", NULL) == 0 && sink_list_count(s) == 102,
	      "1000 levels: all 101 files (%zu)", sink_list_count(s) - 1);
	sink_list_free(s);
	deep.depth = 900;
	s = take(&deep, "/down", proc, &r);
	CHECK(r == 0 && sink_list_gaps(s, "files/down/d", NULL) == 1 && sink_list_count(s) == 91, "900 of them: one gap");
	sink_list_free(s);
}

static void test_budget(int proc)
{
	struct tree_limits small = limits;
	struct taken others;
	struct sink *s;
	int r, why = 0;

	put("var/log/a.log", "some text\n");
	small.bytes = 4;
	s = take(&small, "/var/log/a.log", proc, &r);
	CHECK(r == 0 && same(s, "files/var/log/a.log", "some"), "the size budget ends in a file");
	sink_list_free(s);
	small.bytes = 12;
	s = take(&small, "/var/log", proc, &r);
	CHECK(r == 0 && sink_list_gaps(s, "", &why) >= 1, "or between two: a gap");
	sink_list_free(s);
	taken_open(&others);
	small = limits;
	small.taken = &others;
	s = take(&small, "/var/log/a.log", proc, &r);
	CHECK(r == 0 && same(s, "files/var/log/a.log", "some text\n"), "a file is taken once");
	sink_list_free(s);
	s = take(&small, "/var/log/a.log", proc, &r);
	CHECK(r == 0 && sink_list_count(s) == 1 && listed(s, "/var/log/a.log", "taken by another", NULL), "and then listed");
	sink_list_free(s);
	taken_free(&others);
}

static void test_mask(int proc)
{
	static const char shadow[] = "root:$y$j9T$abcdefgh$0123456789abcdef:19000:0:99999:7:::\nold:!abJnggxhB/yWI:1:\n"
				     "new:!$6$salt$0123:2:\nbin:*:3:\nempty::4:\nodd line\n";
	static const char wanted[] = "root:$y$***:19000:0:99999:7:::\nold:!***:1:\nnew:!$6$***:2:\nbin:*:3:\nempty::4:\n***\n";
	struct tree_limits masked = limits;
	const struct sink_list_file *f;
	static char big[3 << 20];
	struct sink *s;
	size_t n = 0;
	int r;

	masked.mask = true;
	(void)mkdirat(dir, "m", 0755);
	put("m/shadow", shadow);
	put("m/credentials", "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = abcdefabcdef0123\n");
	put("m/.netrc", "machine m password p\n");
	while (n < sizeof(big) - 100)
		n += (size_t)snprintf(big + n, 100, "export AWS_SECRET_ACCESS_KEY=s%zus\n", n);
	put("m/.bash_history", big);
	s = take(&masked, "/m", proc, &r);
	CHECK(r == 0 && same(s, "files/m/shadow", wanted), "hashes of shadow");
	CHECK(same(s, "files/m/credentials", "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = ***\n"), "a key");
	CHECK(listed(s, "/m/credentials", "\"masked_places\":1", "\"collected\":true"), "its row says so");
	CHECK(sink_list_find(s, "files/m/.netrc") == NULL && listed(s, "/m/.netrc", "--with-secrets", NULL), "what is all secret stays");
	f = sink_list_find(s, "files/m/.bash_history");
	CHECK(f != NULL && f->len > 1 << 20 && strstr(f->data, "=s") == NULL && strstr(f->data, "KEY=***\nexport") != NULL,
	      "a long text, window by window");
	sink_list_free(s);
	s = take(&limits, "/m", proc, &r);
	CHECK(r == 0 && same(s, "files/m/shadow", shadow) && same(s, "files/m/.netrc", "machine m password p\n"), "or as it is");
	sink_list_free(s);
}

static void test_sparse(int proc)
{
	AUTO_CLOSE int fd = openat(dir, "sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	const struct sink_list_file *f;
	const off_t size = (off_t)100 << 20;
	struct stat st;
	struct sink *s;
	int r;

	CHECK(ftruncate(fd, size) == 0 && pwrite(fd, "begin", 5, 0) == 5 &&
	      pwrite(fd, "middle", 6, 50 << 20) == 6, "a sparse file");
	(void)fstat(fd, &st);
	s = take(&limits, "/sparse", proc, &r);
	f = sink_list_find(s, "files/sparse");
	CHECK(r == 0 && f != NULL && f->len == (size_t)size && memcmp(f->data, "begin", 5) == 0 &&
	      memcmp(f->data + (50 << 20), "middle", 6) == 0, "it arrives with its length");
	if (st.st_blocks * 512 < size / 2)
		CHECK(f != NULL && f->pieces >= 4 && listed(s, "/sparse", "\"collected\":true", NULL), "as pieces of its data");
	else
		CHECK_SKIP("this file system has no holes");
	sink_list_free(s);
}

static void test_xattrs(int proc)
{
	AUTO_CLOSE int fd = openat(dir, "secret", O_RDONLY | O_CLOEXEC);
	struct sink *s;
	int r;

	if (fsetxattr(fd, "user.evac", "v", 1, 0) < 0) {
		CHECK_SKIP("this file system has no user attributes");
		return;
	}
	s = take(&limits, "/secret", proc, &r);
	CHECK(r == 0 && sink_list_find(s, "files/secret")->xattr_count >= 1, "extended attributes");
	sink_list_free(s);
}

/* A file of /sys says that it has a page, and gives less: as one that shrinks. */
static void test_short(void)
{
	AUTO_CLOSE int sys = open("/sys/kernel", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *chunk = malloc(TREE_FILE_CHUNK);
	const struct tree_file_how how = { .max = 1 << 20, .chunk = chunk };
	struct sink *s = sink_list_open();
	struct tree_file f;
	struct attr a;
	int why = 0;

	if (sys < 0 || attr_get(sys, "uevent_seqnum", false, &a) < 0) {
		CHECK_SKIP("no /sys here");
	} else {
		CHECK(tree_file_copy(s, sys, "uevent_seqnum", "files/x", &how, &a, &f) == 0 &&
		      f.error == -ENODATA && f.copied > 0, "a file that becomes shorter");
		CHECK(sink_list_gaps(s, "files/x", &why) == 1 && why == -ENODATA, "is a gap");
	}
	CHECK(tree_file_copy(s, dir, "var", "files/var", &how, &a, &f) == 0 && f.error == -ESTALE,
	      "a directory is no file");
	CHECK(tree_file_copy(s, dir, "logs", "files/l", &how, &a, &f) == 0 && f.error == -ELOOP,
	      "nor is a link");
	CHECK(tree_file_copy(s, dir, "var/log/fifo", "files/f", &how, &a, &f) == 0 && f.error == -ESTALE,
	      "nor is a FIFO, and it is not waited for");
	sink_list_free(s);
}

/* What is rare in a row: a device, a file that grew while it was read. */
static void test_row(void)
{
	struct attr a = { .mode = S_IFCHR | 0600, .device_of = (1 << 8) | 3, .size = 5 };
	struct sink *s = sink_list_open();
	struct table *files;

	(void)table_open(&files, s, "files");
	(void)tree_row_write(files, &(struct tree_row){ .path = "/dev/null", .attr = &a, .size_end = 5 });
	a.mode = S_IFREG | 0600;
	(void)tree_row_write(files, &(struct tree_row){ .path = "/grown", .attr = &a, .size_end = 9 });
	(void)table_close(files);
	CHECK(listed(s, "/dev/null", "\"type\":\"character\"", "\"device_of\":\"1:3\""), "a device's row");
	CHECK(listed(s, "/grown", "\"size\":5,\"size_end\":9", NULL), "the row of a file that grew");
	sink_list_free(s);
}

/* A mount table that says that all this lies on a dead server. */
static void test_remote(void)
{
	struct attr a;
	struct sink *s;
	char text[256];
	int proc, r;

	(void)attr_get(dir, "", false, &a);
	(void)mkdirat(dir, "proc", 0755);
	(void)mkdirat(dir, "proc/self", 0755);
	(void)snprintf(text, sizeof(text), "%llu 1 %u:%u / / rw - nfs4 server:/ rw\n", (unsigned long long)a.mount_id,
		       (unsigned)(a.device >> 8), (unsigned)(a.device & 0xff));
	put("proc/self/mountinfo", text);
	proc = openat(dir, "proc", O_RDONLY | O_DIRECTORY);
	s = take(&limits, "/var/log", proc, &r);
	if (a.mount_id == 0)
		CHECK_SKIP("this kernel does not tell mounts apart");
	else
		CHECK(r == 0 && sink_list_count(s) == 1 && sink_list_gaps(s, "files/var/log", NULL) == 1 &&
		      listed(s, "/var/log", "may not answer", NULL), "a remote file system is not entered");
	sink_list_free(s);
	(void)close(proc);
}

static void test_failing(int proc)
{
	struct host h = { .root = dir, .proc = proc, .sys = -1 };
	int wrong = 0, fine = 0;

	for (unsigned long n = 1; n < 30; n++) {
		struct sink *s = sink_list_open();
		struct table *files;
		struct tree *t;
		int r, end;

		sink_list_fail_at(s, n, -ECANCELED);
		(void)table_open(&files, s, "files");
		(void)tree_open(&t, &h, s, files, &limits);
		r = tree_take(t, "/var/log");
		tree_free(t);
		end = table_close(files);
		if (r == 0)
			r = end;
		wrong += (sink_list_calls(s) >= n) != (r == -ECANCELED);
		fine += r == 0;
		sink_list_free(s);
	}
	CHECK(wrong == 0 && fine > 0 && fine < 29, "a sink that fails at any call ends the walk");
}

int main(void)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char clean[64];

	if (mkdtemp(top) == NULL)
		return 1;
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make();
	test_walk(proc);
	test_roots(proc);
	test_limits(proc);
	test_failing(proc);
	test_deep(proc);
	test_budget(proc);
	test_mask(proc);
	test_sparse(proc);
	test_xattrs(proc);
	test_short();
	test_row();
	test_remote();
	(void)snprintf(clean, sizeof(clean), "rm -rf '%s'", top);
	CHECK(system(clean) == 0, "cleaned up");
	return CHECK_DONE();
}
