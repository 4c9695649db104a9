/* The filesystem collector: body file lines of hostile names, files that stand out, a failing sink. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "bodyfile.h"
#include "check.h"
#include "collector.h"
#include "notable.h"
#include "sink_list.h"
#include "temp.h"
#include "walk_root.h"

static struct temp top;

static int run(struct sink *s)
{
	return walk_root(&collector_filesystem, &top, s, false);
}

static void test_line(void)
{
	static const char path[] = "/tmp/a|b\n\x1b[1m\\\xff\xc3\xa9\xc2\x9b";
	struct attr a = {
		.mode = S_IFREG | 04755, .uid = 1, .gid = 2, .inode = 77, .size = 9,
		.atime = { .tv_sec = 10 }, .mtime = { .tv_sec = 20 }, .ctime = { .tv_sec = 30 }, .btime = { .tv_sec = 40 },
	};
	char line[BODYFILE_BYTES(64)];
	size_t n = bodyfile_line(line, path, strlen(path), "", 0, &a);
	static const char wanted[] = "0|/tmp/a\\x7cb\\x0a\\x1b[1m\\x5c\\xff\xc3\xa9\\xc2\\x9b|77|r/rrwsr-xr-x|1|2|9|10|20|30|40\n";

	CHECK(n == strlen(wanted) && memcmp(line, wanted, n) == 0, "a name cannot forge a line");
	a.mode = S_IFLNK | 0777;
	n = bodyfile_line(line, "/l", 2, "to", 2, &a);
	CHECK(n > 20 && memcmp(line, "0|/l -> to|77|l/lrwxrwxrwx|", 27) == 0, "a link and its target");
	a.mode = S_IFDIR | 01776;
	n = bodyfile_line(line, "/tmp", 4, NULL, 0, &a);
	CHECK(memcmp(line, "0|/tmp|77|d/drwxrwxrwT|", 23) == 0, "a sticky directory");
}

static void test_reasons(void)
{
	struct attr a = { .mode = S_IFREG | 0755, .mtime = { .tv_sec = 100 }, .ctime = { .tv_sec = 100 } };
	const int64_t late = (int64_t)1 << 40;

	CHECK(notable_reasons("/usr/bin/x", &a, late) == 0, "an old executable is nothing");
	CHECK(notable_reasons("/usr/bin/x", &a, 200) == 1u << NOTABLE_RECENT, "a new one is");
	CHECK(notable_reasons("/tmp/x", &a, late) == 1u << NOTABLE_TEMPORARY && notable_reasons("/tmpx/x", &a, late) == 0, "one in /tmp");
	a.flags = ATTR_IMMUTABLE | ATTR_APPEND;
	CHECK(notable_reasons("/x", &a, late) == (1u << NOTABLE_IMMUTABLE | 1u << NOTABLE_APPEND), "immutable, append-only");
	a = (struct attr){ .mode = S_IFBLK | 0600, .device_of = 0x801 };
	CHECK(notable_reasons("/home/sda1", &a, late) == 1u << NOTABLE_DEVICE && notable_reasons("/dev/sda1", &a, late) == 0, "a device outside /dev");
	a = (struct attr){ .mode = S_IFDIR | 0755 };
	CHECK(notable_reasons("/dev/shm/.x", &a, late) == 1u << NOTABLE_HIDDEN && notable_reasons("/tmp/.X11-unix", &a, late) == 0 &&
	      notable_reasons("/var/tmp/a ", &a, late) != 0, "hidden directories");
}

static void make(void)
{
	static const uint8_t capability[20] = { 1, 0, 0, 2, 0, 4 };
	int fd;

	temp_put(&top, "usr/bin/rootbash", "#!setuid\n");
	(void)fchmodat(top.fd, "usr/bin/rootbash", 04755, 0);
	temp_put(&top, "tmp/.hidden/run", "#!/bin/sh\n");
	(void)fchmodat(top.fd, "tmp/.hidden/run", 0777, 0);
	temp_put(&top, "etc/plain", "text\n");
	temp_link(&top, "etc/link", "plain");
	(void)mkfifoat(top.fd, "etc/fifo", 0600);
	temp_put(&top, "usr/bin/caps", "x");
	(void)fchmodat(top.fd, "usr/bin/caps", 0755, 0);
	fd = openat(top.fd, "usr/bin/caps", O_RDONLY | O_CLOEXEC);
	if (fsetxattr(fd, "security.capability", capability, sizeof(capability), 0) < 0)
		printf("# no capabilities can be set here\n");
	(void)close(fd);
}

static void test_host(const struct sink *s)
{
	const struct sink_list_file *body = sink_list_find(s, "timeline.body");
	static const char table[] = "notable_files.ndjson";

	CHECK(body != NULL && strstr(body->data, "|/etc/plain|") != NULL && strstr(body->data, "|/etc/link -> plain|") != NULL &&
	      strstr(body->data, "|/etc/fifo|") != NULL && memcmp(body->data, "0|/|", 4) == 0, "all are in the body file");
	CHECK(sink_list_row(s, table, "\"path\":\"/usr/bin/rootbash\"", "\"reasons\":[\"setuid\"", "\"sha256\":\"") != NULL, "a setuid program");
	CHECK(sink_list_row(s, table, "\"path\":\"/tmp/.hidden/run\"", "\"writable_executable\",\"temporary_executable\"", NULL) != NULL, "an executable in /tmp");
	CHECK(sink_list_row(s, table, "\"path\":\"/tmp/.hidden\"", "\"hidden_directory\"", NULL) != NULL, "its hidden directory");
	CHECK(sink_list_row(s, table, "/etc/plain", NULL, NULL) == NULL, "nothing that is ordinary");
	if (geteuid() == 0)
		CHECK(sink_list_row(s, table, "\"path\":\"/usr/bin/caps\"", "\"capabilities\"", "\"capability\":\"0100000200") != NULL, "capabilities");
	else
		CHECK_SKIP("only root can give capabilities to a file");
}

int main(void)
{
	struct sink *s = sink_list_open();
	unsigned long calls;

	test_line();
	test_reasons();
	temp_open(&top);
	make();
	CHECK(run(s) == 0 && sink_list_gaps(s, "", NULL) == 0, "a host is walked");
	test_host(s);
	calls = sink_list_calls(s);
	sink_list_free(s);
	CHECK(walk_root_failing(&collector_filesystem, &top, calls) == 0, "a sink that fails at any of %lu calls ends it", calls);
	temp_close(&top);
	return CHECK_DONE();
}
