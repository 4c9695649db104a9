/* The hidden collector: this machine agrees with itself; a sample and a covered /proc do not. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "emulator.h"
#include "collector.h"
#include "hidden.h"
#include "scope.h"
#include "set.h"
#include "sink_list.h"
#include "table.h"

#define FIXTURE "tests/fixtures/host"

static int run(const struct collector *c, const struct host *h, struct sink *s)
{
	struct collector_request req = { .memory = MEMORY_NONE };

	return c->run(h, &req, s);
}

static void test_sample(void)
{
	struct host h = {
		.root = open(FIXTURE "/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.proc = open(FIXTURE "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.sys = open(FIXTURE "/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	};
	struct sink *s = sink_list_open();

	CHECK(run(&collector_hidden, &h, s) == 0, "the sample is walked");
	CHECK(sink_list_row(s, "hidden.ndjson", "\"kind\":\"module\",\"name\":\"diamorphine\"",
			    "\"seen_by\":[\"sys_module\"],\"missing_from\":[\"proc_modules\"]", NULL) != NULL,
	      "a module that is not listed");
	CHECK(sink_list_row(s, "hidden.ndjson", "\"name\":\"nf_tables\"", NULL, NULL) == NULL, "one that is");
	CHECK(sink_list_row(s, "hidden.ndjson", "\"kind\":\"mount\",\"pid\":4242,\"name\":\"/proc/4242\"", NULL, NULL) != NULL,
	      "a mount over a process");
	CHECK(sink_list_note(s, "hidden.pids") != NULL, "numbers of other processes are not asked for");
	sink_list_free(s);
	host_close(&h);
}

static void test_views(void)
{
	struct sink *s = sink_list_open();
	struct hidden h = { .sink = s };
	char names[128];

	(void)table_open(&h.table, s, "hidden_ports");
	CHECK(hidden_row(&h, &(struct hidden_row){ .kind = "port", .port = 31337, .name = "tcp", .name_len = 3,
						   .seen = "bind", .missing = "sock_diag proc_net" }) == 0 &&
	      table_close(h.table) == 0 && h.count == 1 &&
	      sink_list_row(s, "hidden_ports.ndjson", "\"port\":31337,\"name\":\"tcp\",\"seen_by\":[\"bind\"],"
			    "\"missing_from\":[\"sock_diag\",\"proc_net\"]}", NULL, NULL) != NULL, "a row");
	sink_list_free(s);

	CHECK(!hidden_disagree(HIDDEN_ALL, HIDDEN_ALL) && !hidden_disagree(0, HIDDEN_ALL) &&
	      !hidden_disagree(HIDDEN_ALL, HIDDEN_ALL | HIDDEN_CGROUP), "all, none, and one without a group agree");
	CHECK(hidden_disagree(HIDDEN_ALL & ~(unsigned)HIDDEN_LIST, HIDDEN_ALL) &&
	      hidden_disagree(HIDDEN_LIST, HIDDEN_ALL) && hidden_disagree(HIDDEN_CGROUP, HIDDEN_ALL) &&
	      hidden_disagree(HIDDEN_ALL, HIDDEN_ALL | HIDDEN_HOST), "each alone does not");
	hidden_view_names(HIDDEN_OPEN | HIDDEN_CHILD, names, sizeof(names));
	CHECK(strcmp(names, "proc_open children") == 0, "their names");
}

static void test_link(void)
{
	struct {
		struct ifinfomsg m;
		struct rtattr n;
		char name[8];
		struct rtattr p;
		uint32_t promiscuity;
		struct rtattr b;
		uint32_t master;
	} t = {
		.m = { .ifi_index = 7, .ifi_flags = 0x1003 },
		.n = { 9, IFLA_IFNAME }, .name = "eth0",
		.p = { 8, IFLA_PROMISCUITY }, .promiscuity = 2,
		.b = { 8, IFLA_MASTER }, .master = 3,
	};
	struct hidden_link l;

	CHECK(hidden_link_parse(&t, sizeof(t), &l) && strcmp(l.name, "eth0") == 0 && l.index == 7 &&
	      l.promiscuity == 2 && l.master == 3 && l.flags == 0x1003, "a link");
	CHECK(!hidden_link_parse(&t, 15, &l) && !hidden_link_parse(&t, 16, &l), "none");
	t.p.rta_len = 7;
	CHECK(hidden_link_parse(&t, sizeof(t), &l) && l.promiscuity == 0, "a number that is too short");
}

/* In a mount namespace of its own: a child's /proc is covered. */
static void test_covered(void)
{
	struct sink *s = sink_list_open();
	struct host h;
	char path[64], want[96];
	pid_t pid = fork();

	if (pid == 0) {
		for (;;)
			(void)pause();
	}
	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("evac-test", path, "tmpfs", 0, NULL) < 0) {
		CHECK_SKIP("nothing can be mounted here");
		goto end;
	}
	CHECK(host_open(&h) == 0 && run(&collector_hidden, &h, s) == 0 && run(&collector_process, &h, s) == 0,
	      "this machine is walked");
	(void)snprintf(want, sizeof(want), "\"kind\":\"mount\",\"pid\":%d,", (int)pid);
	CHECK(sink_list_row(s, "hidden.ndjson", want, "mountinfo", "tmpfs") != NULL, "the mount is named");
	(void)snprintf(want, sizeof(want), "\"pid\":%d,", (int)pid);
	if (emulator_has_own_proc())
		CHECK(sink_list_row(s, "processes.ndjson", want, "\"name\":\"test_hidden\"", NULL) != NULL,
		      "and the process read, by a /proc of our own");
	else
		CHECK_SKIP("no /proc of our own can be mounted here (an emulator, or before Linux 5.2)");
	(void)snprintf(want, sizeof(want), "%s/stat", path);
	CHECK(access(want, F_OK) < 0, "which is not the host's");
	CHECK(sink_list_row(s, "hidden.ndjson", "\"kind\":\"pid\"", NULL, NULL) == NULL, "nothing else is hidden");
	host_close(&h);
end:
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	sink_list_free(s);
}

/* Processes that come and go all the time are not hidden, nor are bound sockets. */
static void test_clean(void)
{
	int busy = socket(AF_INET, SOCK_STREAM, 0);
	struct sink *s = sink_list_open();
	struct host h;
	pid_t pid = fork();

	if (pid == 0) {
		for (;;) {
			pid_t one = fork();

			if (one == 0)
				_exit(0);
			(void)waitpid(one, NULL, 0);
		}
	}
	(void)bind(busy, &(struct sockaddr){ .sa_family = AF_INET }, sizeof(struct sockaddr));
	CHECK(host_open(&h) == 0 && run(&collector_hidden, &h, s) == 0, "a busy machine is walked");
	CHECK(sink_list_row(s, "hidden.ndjson", "\"kind\":\"pid\"", NULL, NULL) == NULL, "no process is hidden");
	CHECK(run(&collector_hidden_ports, &h, s) == 0 && sink_list_find(s, "hidden_ports.ndjson")->len == 0,
	      "no port is: not even that of a socket that is bound and no more");
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)close(busy);
	host_close(&h);
	sink_list_free(s);
}

int main(void)
{
	test_views();
	test_link();
	test_sample();
	test_clean();
	test_covered();
	return CHECK_DONE();
}
