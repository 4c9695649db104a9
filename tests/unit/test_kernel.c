/* The kernel collector: a sample with a hidden module, this machine, a failing sink. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "check.h"
#include "collector.h"
#include "sink_list.h"
#include "temp.h"

#define FIXTURE "tests/fixtures/host"

static int run(const struct host *h, struct sink *s)
{
	struct collector_request req = { .memory = MEMORY_NONE };

	return collector_kernel.run(h, &req, s);
}

static void test_sample(const struct host *h)
{
	struct sink *s = sink_list_open();
	const struct sink_list_file *f;
	const char *row;

	CHECK(run(h, s) == 0, "the sample is read");
	row = sink_list_row(s, "kernel_modules.ndjson", "\"name\":\"nf_tables\"", NULL, NULL);
	CHECK(row != NULL && strstr(row, "\"size\":315392,\"used_by\":\"nft_chain_nat,nft_compat\",\"status\":\"Live\"") != NULL,
	      "a module");
	CHECK(row != NULL && strstr(row, "\"in_sys_module\":true") != NULL && strstr(row, "\"srcversion\":\"ABCDEF\"") != NULL &&
	      strstr(row, "{\"name\":\"limit\",\"value\":\"16\"}") != NULL, "what /sys says of it");
	CHECK(sink_list_row(s, "kernel_modules.ndjson", "\"name\":\"lime\"", "\"taint\":\"OE\"", NULL) != NULL, "a taint");
	CHECK(sink_list_row(s, "kernel_modules.ndjson", "\"name\":\"stuck_mod\"", "\"in_sys_module\":false", NULL) != NULL,
	      "a module that /sys does not have");
	CHECK(sink_list_row(s, "kernel_modules.ndjson", "\"name\":\"diamorphine\"", "\"in_proc_modules\":false", "\"size\":\"20480\"") != NULL,
	      "a hidden one");
	CHECK(sink_list_row(s, "kernel_modules.ndjson", "\"name\":\"printk\"", NULL, NULL) == NULL, "not one that is built in");
	CHECK(strcmp(sink_list_note(s, "kernel.modules_hidden"), "1") == 0, "which is noted");
	row = sink_list_row(s, "kernel_info.ndjson", "\"path\":\"/vmlinuz-6.1\",\"device\":\"UUID=1234\"", NULL, NULL);
	CHECK(row != NULL && strstr(row, "\"lockdown\":\"integrity\"") != NULL &&
	      strstr(row, "\"taint\":[\"O out-of-tree module\",\"E unsigned module\"]") != NULL, "command line, lockdown, taint");
	CHECK(sink_list_row(s, "system_controls.ndjson", "\"name\":\"net.ipv4.conf.eth0/5.forwarding\"", "\"current_value\":\"1\"", NULL) != NULL,
	      "a setting whose name has a dot");
	CHECK(sink_list_row(s, "system_controls.ndjson", "stable_secret", NULL, NULL) == NULL, "no secret");
	CHECK(sink_list_row(s, "mounts.ndjson", "\"path\":\"/mnt/with blank\"", "\"type\":\"nfs4\"", "\"device\":\"server:/export\"") != NULL,
	      "a mount");
	CHECK(sink_list_row(s, "kernel_log.ndjson", "\"message\":\"Linux version 6.1.0\"", "\"tags\":\" SUBSYSTEM=x\"", NULL) != NULL,
	      "the log");
	f = sink_list_find(s, "dmesg.txt");
	CHECK(f != NULL && strcmp(f->data, "[    0.000000] Linux version 6.1.0\n") == 0, "the log as text");
	f = sink_list_find(s, "proc/modules");
	CHECK(f != NULL && f->len > 100 && sink_list_find(s, "proc/cmdline") != NULL &&
	      sink_list_find(s, "sys/kernel/security/lsm") != NULL, "the kernel's own texts");
	sink_list_free(s);
}

/* A setting that is longer than a row takes. */
static void test_cut(const struct host *h)
{
	static char text[40000];
	struct host long_one = *h;
	struct sink *s = sink_list_open();
	struct temp t;
	int fd;

	temp_open(&t);
	memset(text, 'x', sizeof(text));
	(void)mkdirat(t.fd, "sys", 0755);
	fd = openat(t.fd, "sys/long", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	CHECK(fd >= 0 && write(fd, text, sizeof(text)) == (ssize_t)sizeof(text), "a long setting");
	(void)close(fd);
	long_one.proc = t.fd;
	CHECK(run(&long_one, s) == 0 && sink_list_row(s, "system_controls.ndjson", "\"name\":\"long\"", "xxx", "\"cut\":true") != NULL,
	      "it is cut, and says so");
	sink_list_free(s);
	temp_close(&t);
}

static void test_failing(const struct host *h)
{
	unsigned long calls, n;
	struct sink *s = sink_list_open();
	int wrong = run(h, s) != 0;

	calls = sink_list_calls(s);
	sink_list_free(s);
	for (n = 1; n <= calls; n++) {
		s = sink_list_open();
		sink_list_fail_at(s, n, -ECANCELED);
		wrong += run(h, s) != -ECANCELED;
		sink_list_free(s);
	}
	CHECK(wrong == 0, "a sink that fails at any of %lu calls ends the walk", n - 1);
}

static void test_live(void)
{
	struct sink *s = sink_list_open();
	struct utsname u;
	char text[128];
	struct host h;

	CHECK(host_open(&h) == 0 && run(&h, s) == 0, "this machine is read");
	(void)uname(&u);
	(void)snprintf(text, sizeof(text), "\"version\":\"%s\"", u.release);
	CHECK(sink_list_row(s, "kernel_info.ndjson", text, NULL, NULL) != NULL, "its release");
	CHECK(sink_list_row(s, "system_controls.ndjson", "\"name\":\"kernel.ostype\"", "\"Linux\"", NULL) != NULL, "a setting");
	CHECK(sink_list_row(s, "mounts.ndjson", "\"path\":\"/proc\"", "\"type\":\"proc\"", NULL) != NULL, "a mount");
	CHECK(sink_list_find(s, "proc/version") != NULL && sink_list_find(s, "proc/net/dev") != NULL, "texts");
	if (sink_list_gaps(s, "dev/kmsg", NULL) > 0)
		CHECK_SKIP("/dev/kmsg cannot be read here");
	else
		CHECK(sink_list_find(s, "dmesg.txt")->len > 0, "the log");
	CHECK(sink_list_gaps(s, "proc/sys", NULL) == 0, "all settings were walked");
	sink_list_free(s);
	host_close(&h);
}

int main(void)
{
	struct host h = {
		.root = open(FIXTURE "/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.proc = open(FIXTURE "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.sys = open(FIXTURE "/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	};

	test_sample(&h);
	test_cut(&h);
	test_failing(&h);
	host_close(&h);
	test_live();
	return CHECK_DONE();
}
