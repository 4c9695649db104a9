/* The parsers of /proc take what kernels write, and refuse what they do not. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "io.h"
#include "mount.h"
#include "procfs.h"

#define FIXTURE "tests/fixtures/host/proc/"

static char text[65536];

static size_t load(const char *name)
{
	char path[256];
	ssize_t n;

	(void)snprintf(path, sizeof(path), FIXTURE "%s", name);
	n = io_read_file(-100, path, text, sizeof(text));
	CHECK(n > 0, "the sample %s is there", name);
	return n > 0 ? (size_t)n : 0;
}

/* A copy of exactly this length: reading past it is an error that shows. */
static char *exact(const char *from, size_t len)
{
	char *p = malloc(len > 0 ? len : 1);

	if (p == NULL)
		abort();
	memcpy(p, from, len);
	return p;
}

static void test_stat(void)
{
	static const char *const bad[] = {
		"", "1", "1 (", "1 (a", "1 (a)", "1 (a) ", "1 (a) R", "1 (a) R ",
		"x (a) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23",
		") 1 ( R 1 2 3", "1 (a) R 99999999999999999999 2 3 4 5 6 7 8 9 10 11 12",
		"1(a) R 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
	};
	struct procfs_stat s;
	size_t n = load("4242/stat"), wrong = 0;

	CHECK(procfs_parse_stat(text, n, &s) == 0, "stat is parsed");
	CHECK(s.pid == 4242 && s.comm_len == 11 && memcmp(s.comm, "a) R 1\n(b c", 11) == 0,
	      "a name with \")\", blanks and a newline is whole");
	CHECK(s.state == 'S' && s.ppid == 1 && s.session == 4242 && s.nice == -5,
	      "state, parent, session, nice");
	CHECK(s.utime_ticks == 250 && s.stime_ticks == 75 && s.threads == 1 &&
	      s.start_ticks == 12345 && s.vsize_bytes == 8192000, "the numbers behind");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *p = exact(bad[i], strlen(bad[i]));

		wrong += procfs_parse_stat(p, strlen(bad[i]), &s) != -EINVAL;
		free(p);
	}
	CHECK(wrong == 0, "texts of another form are refused (%zu were not)", wrong);
	wrong = 0;
	for (size_t len = 0; len < 100; len++) {
		char *p = exact(text, len);

		wrong += procfs_parse_stat(p, len, &s) == 0 && s.vsize_bytes != 8192000;
		free(p);
	}
	CHECK(wrong == 0, "a stat that is cut off gives no wrong number");
}

static void test_status(void)
{
	static const char huge[] = "Name:\tx\nVmRSS:\t99999999999999999999 kB\n";
	static const char over[] = "Name:\tx\nVmRSS:\t18446744073709551615 kB\n";
	struct procfs_status s;
	size_t n = load("4242/status");

	CHECK(procfs_parse_status(text, n, &s) == 0, "status is parsed");
	CHECK(s.uid[0] == 1000 && s.uid[1] == 0 && s.uid[2] == 1002 && s.gid[3] == 103,
	      "real, effective, saved ids");
	CHECK(s.rss_bytes == 2048 * 1024 && s.locked_bytes == 64 * 1024, "sizes in bytes");
	CHECK(s.cap_effective == 0x1fffeffffff && s.cap_inherited == 1, "capabilities");
	CHECK(s.seccomp == 2 && s.no_new_privs == 1 && s.tracer_pid == 99, "seccomp, tracer");
	CHECK(s.inner_pid == 7, "the pid in the innermost namespace");
	CHECK(procfs_parse_status("Name:\tx\n", 8, &s) == 0 && s.rss_bytes == 0,
	      "what is not shown is 0");
	CHECK(procfs_parse_status("Pid:\t1\n", 7, &s) == -EINVAL, "no name: refused");
	CHECK(procfs_parse_status(huge, sizeof(huge) - 1, &s) == -EINVAL &&
	      procfs_parse_status(over, sizeof(over) - 1, &s) == -EINVAL,
	      "numbers past 64 bits are refused");
}

static void test_maps(void)
{
	static const char *const bad[] = {
		"", "0-1", "0-1 r", "0-1 rwxpp 0 0:0 0", "2-1 rwxp 0 0:0 0", "0-1 rwxp 0 00 0",
		"0-1 rwxp z 0:0 0", "0-1 rwxp 0 0:0 x", "01 rwxp 0 0:0 0",
		"10000000000000000-2 rwxp 0 0:0 0",
	};
	const char *rest = text, *line;
	size_t left = load("4242/maps"), n, count = 0, wrong = 0;
	struct procfs_map m[8];

	while (count < 8 && procfs_line(&rest, &left, &line, &n))
		wrong += procfs_parse_map(line, n, &m[count++]) != 0;
	CHECK(count == 6 && wrong == 0, "all lines of maps are parsed");
	CHECK(m[0].start == 0x400000 && m[0].end == 0x452000 && m[0].inode == 173521 &&
	      m[0].major == 8 && m[0].minor == 2, "range, device, inode");
	CHECK(m[0].path_len == 20 && memcmp(m[0].path, "/usr/bin/dbus daemon", 20) == 0,
	      "a blank in the path is the path's");
	CHECK(strcmp(m[1].permissions, "rw-s") == 0 && m[1].offset == 0x1000, "shared, offset");
	CHECK(m[2].path_len == 16 && memcmp(m[2].path, "/tmp/new\\012line", 16) == 0,
	      "an escaped newline stays as the kernel wrote it");
	CHECK(m[4].path_len == 0 && m[5].start == 0xffffffffff600000, "no path; a high address");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *p = exact(bad[i], strlen(bad[i]));

		wrong += procfs_parse_map(p, strlen(bad[i]), &m[0]) != -EINVAL;
		free(p);
	}
	CHECK(wrong == 0, "lines of another form are refused");
}

static void test_small(void)
{
	static const char two[] = "3:cpu:/a\n2:name=systemd:/user.slice\n0::/\n";
	static const char late[] = "1:name=systemd:/\n0::/system.slice/x\n";
	struct procfs_fdinfo f;
	char id[PROCFS_CONTAINER_MAX];
	const char *path;
	uint64_t v;
	size_t n = load("4242/fdinfo/4"), len;

	CHECK(procfs_parse_fdinfo(text, n, &f) == 0 && f.pos == 4096 && f.flags == 0100001 &&
	      f.mount_id == 25 && f.inode == 42, "fdinfo");
	CHECK(procfs_parse_fdinfo("flags:\t9\n", 9, &f) == -EINVAL, "fdinfo of another form");
	n = load("4242/cgroup");
	CHECK(procfs_parse_cgroup(text, n, &path, &len) == 0 &&
	      strncmp(path, "/system.slice/docker-", 21) == 0, "the unified cgroup");
	CHECK(procfs_container_id(path, len, id) && strncmp(id, "0123456789abcdef01", 18) == 0,
	      "the container's id");
	CHECK(!procfs_container_id(path, len - 10, id), "63 digits are no id");
	CHECK(procfs_parse_cgroup(two, sizeof(two) - 1, &path, &len) == 0 && len == 2,
	      "a version 1 path where the unified one is the root");
	CHECK(procfs_parse_cgroup(late, sizeof(late) - 1, &path, &len) == 0 && len == 15,
	      "the longer one");
	CHECK(procfs_parse_cgroup("nothing\n", 8, &path, &len) == -EINVAL, "no cgroup");
	CHECK(procfs_parse_link("socket:[123]", 12, "socket", &v) == 0 && v == 123, "a socket");
	CHECK(procfs_parse_link("socket:[]", 9, "socket", &v) < 0 &&
	      procfs_parse_link("socket:[12", 10, "socket", &v) < 0 &&
	      procfs_parse_link("/socket:[1]", 11, "socket", &v) < 0, "no socket");
	n = load("stat");
	CHECK(procfs_parse_btime(text, n, &v) == 0 && v == 1700000000, "btime");
}

static void test_modules(void)
{
	static const char *const bad[] = {
		"", "a", "a 1", "a 1 0", "a 1 0 -", "a 1 0 - Live", "a 1 0 - Live 12",
		"a x 0 - Live 0x0", "a 1 x - Live 0x0", "a 1 0 - Live 0x",
	};
	const char *rest = text, *line;
	struct procfs_module m[4];
	size_t left = load("modules"), n, count = 0, wrong = 0;

	while (count < 4 && procfs_line(&rest, &left, &line, &n))
		wrong += procfs_parse_module(line, n, &m[count++]) != 0;
	CHECK(count == 3 && wrong == 0, "all lines of modules are parsed");
	CHECK(m[0].size_bytes == 315392 && m[0].refcount == 2 && m[0].used_by_len == 24 &&
	      m[0].address == 0xffffffffc0a00000 && m[0].taint_len == 0, "a module");
	CHECK(m[1].taint_len == 2 && memcmp(m[1].taint, "OE", 2) == 0, "its taint");
	CHECK(m[2].refcount == -1 && m[2].status_len == 9, "one that cannot be unloaded");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *p = exact(bad[i], strlen(bad[i]));

		wrong += procfs_parse_module(p, strlen(bad[i]), &m[0]) != -EINVAL;
		free(p);
	}
	CHECK(wrong == 0, "lines of another form are refused");
}

static void test_kmsg(void)
{
	static const char record[] = "30,1234,5678901,c,caller=T1;a; b\\x0a\n SUBSYSTEM=net\n DEVICE=n1\n";
	static const char *const bad[] = { "", "6", "6,1,2", "6,1,2,", "6,1,2,-", ";", "a,1,2,-;x", "6,1,2,;x" };
	struct procfs_kmsg k;
	size_t wrong = 0;

	CHECK(procfs_parse_kmsg(record, sizeof(record) - 1, &k) == 0 && k.level == 6 &&
	      k.facility == 3 && k.sequence == 1234 && k.time_us == 5678901 && k.flags == 'c',
	      "the numbers of a kernel message");
	CHECK(k.message_len == 8 && memcmp(k.message, "a; b\\x0a", 8) == 0 && k.tags_len == 25,
	      "its text and tags (%zu, %zu)", k.message_len, k.tags_len);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *p = exact(bad[i], strlen(bad[i]));

		wrong += procfs_parse_kmsg(p, strlen(bad[i]), &k) == 0;
		free(p);
	}
	CHECK(wrong == 0, "records of another form are refused (%zu)", wrong);
}

static void test_mounts(void)
{
	const char *rest = text, *line;
	struct mount_line m[8];
	char path[64];
	size_t left = load("self/mountinfo"), n, count = 0, good = 0;

	while (count < 8 && procfs_line(&rest, &left, &line, &n))
		good += mount_parse(line, n, &m[count++]) == 0;
	CHECK(count == 8 && good == 7, "mountinfo: all but the bad line");
	n = mount_unescape(path, m[2].path, m[2].path_len);
	CHECK(n == 15 && memcmp(path, "/mnt/with blank", 15) == 0, "an escaped blank");
	CHECK(m[3].root_len == 16 && memcmp(m[3].root, "net:[4026532281]", 16) == 0, "a namespace");
	CHECK(m[4].type_len == 5 && m[4].source_len == 0, "an empty source");
	CHECK(mount_unescape(path, "\\0\\04\\400", 9) == 9, "what is no escape stays");
	CHECK(mount_kind_of("nfs4", 4) == MOUNT_REMOTE && mount_kind_of("fuse.sshfs", 10) == MOUNT_REMOTE &&
	      mount_kind_of("autofs", 6) == MOUNT_TRIGGER && mount_kind_of("proc", 4) == MOUNT_KERNEL &&
	      mount_kind_of("ext4", 4) == MOUNT_LOCAL, "what may hang, mount, or is made up");
}

int main(void)
{
	test_stat();
	test_status();
	test_maps();
	test_small();
	test_modules();
	test_kmsg();
	test_mounts();
	return CHECK_DONE();
}
