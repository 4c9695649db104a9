/* The process collector: a kept sample of /proc, this machine, and a failing sink. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "emulator.h"
#include "collector.h"
#include "scope.h"
#include "sink_list.h"

#define FIXTURE "tests/fixtures/host"

static struct host fixture(void)
{
	return (struct host){
		.root = open(FIXTURE "/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.proc = open(FIXTURE "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.sys = open(FIXTURE "/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	};
}

static int run(const struct host *h, struct sink *s)
{
	const struct collector *const passes[] = {
		&collector_process, &collector_process_files, &collector_process_maps,
		&collector_process_envs, &collector_process_threads, &collector_process_executables,
	};
	struct collector_request req = { .memory = MEMORY_NONE, .profile = PROFILE_FULL };
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(passes) && r == 0; i++)
		r = passes[i]->run(h, &req, s);
	return r;
}

static void test_sample(void)
{
	struct host h = fixture();
	struct sink *s = sink_list_open();
	const char *row, *stuck;
	int why = 0;

	CHECK(run(&h, s) == 0, "the sample is walked");
	row = sink_list_row(s, "processes.ndjson", "\"pid\":4242,", NULL, NULL);
	CHECK(row != NULL && strstr(row, "\"name\":\"a) R 1\\u000a(b c\"") != NULL, "a hostile name");
	CHECK(row != NULL && strstr(row, "\"path\":\"/nowhere/x\",\"on_disk\":0,\"deleted\":true") != NULL,
	      "a deleted executable");
	CHECK(row != NULL && strstr(row, "\"cmdline\":\"/usr/bin/x --name caf\xef\xbf\xbd \",\"cmdline_b64\":") != NULL,
	      "arguments that are not UTF-8");
	CHECK(row != NULL && strstr(row, "\"start_time\":1700000123,\"start_time_utc\":\"2023-11-14T22:15:23.45Z\"") != NULL,
	      "its start");
	CHECK(row != NULL && strstr(row, "\"uid\":1000,\"gid\":100,\"euid\":0") != NULL &&
	      strstr(row, "\"user_time\":2500") != NULL && strstr(row, "\"loginuid\":-1") != NULL &&
	      strstr(row, "\"net\":4026531840") != NULL && strstr(row, "\"container_id\":\"0123") != NULL,
	      "ids, times, namespaces, container");
	CHECK(row != NULL && strstr(row, "\"open_files\":[1024,524288]") != NULL && strstr(row, "\"cpu_time\":[-1,-1]") != NULL,
	      "limits");
	CHECK(row != NULL && strstr(row, "\"disk_bytes_read\":4096,\"disk_bytes_written\":8192,") != NULL &&
	      strstr(row, "\"wchan\":\"do_wait\"") != NULL && strstr(row, "\"audit_session\":7,\"oom_score_adj\":-500") != NULL &&
	      strstr(row, "\"security_label\":\"unconfined\"") != NULL, "what it used, and where it waits");
	row = sink_list_row(s, "process_threads.ndjson", "\"pid\":4242,\"tid\":4243", "\"name\":\"helper\"", NULL);
	CHECK(row != NULL && strstr(row, "\"start_ticks\":20000") != NULL && strstr(row, "\"uid\":33,") != NULL, "a thread of another user");
	CHECK(sink_list_find(s, "proc/4242/cmdline") != NULL &&
	      sink_list_find(s, "proc/4242/cmdline")->len == 24, "the exact arguments are kept");
	row = sink_list_row(s, "processes.ndjson", "\"pid\":2,", "\"kernel_thread\":true", NULL);
	CHECK(row != NULL && strstr(row, "\"path\":\"\",\"on_disk\":-1") != NULL, "a kernel thread");
	CHECK(sink_list_row(s, "process_open_files.ndjson", "\"fd\":4,\"path\":\"/var/log/x y\"",
			    "\"pos\":4096", "\"access\":\"w\"") != NULL, "an open file");
	CHECK(sink_list_row(s, "process_open_files.ndjson", "\"path\":\"socket:[777]\"",
			    "\"type\":\"socket\"", NULL) != NULL, "an open socket");
	CHECK(sink_list_row(s, "process_memory_map.ndjson", "\"path\":\"/usr/bin/dbus daemon\"",
			    "\"start\":\"0x400000\"", "\"pseudo\":0") != NULL, "a mapping");
	CHECK(sink_list_row(s, "process_envs.ndjson", "\"key\":\"BAD\"", "\"value_b64\":\"//4=\"", NULL) != NULL &&
	      sink_list_row(s, "process_envs.ndjson", "\"key\":\"noequals\",\"value\":\"\"", NULL, NULL) != NULL &&
	      sink_list_row(s, "process_envs.ndjson", "\"key\":\"LAST\",\"value\":\"1\"", NULL, NULL) != NULL,
	      "the environment, all bytes");
	stuck = strstr(sink_list_find(s, "processes.ndjson")->data, "\"pid\":77,");
	CHECK(stuck != NULL && strchr(stuck, '\n')[1] == '\0', "one that sleeps uninterruptibly comes last");
	CHECK(sink_list_gaps(s, "proc/78/stat", &why) == 6 && why == -EINVAL, "a stat that is none is a gap");
	CHECK(sink_list_gaps(s, "", NULL) == 6, "and nothing else is, by any pass");
	sink_list_free(s);
	host_close(&h);
}

static void test_failing(const struct host *h, const char *what, unsigned long max)
{
	unsigned long calls, tried = 0;
	struct sink *s = sink_list_open();
	int wrong = run(h, s) != 0;

	calls = sink_list_calls(s);
	sink_list_free(s);
	for (unsigned long n = 1; n <= calls && n <= max; n++, tried++) {
		s = sink_list_open();
		sink_list_fail_at(s, n, -ECANCELED);
		wrong += run(h, s) != -ECANCELED && sink_list_calls(s) >= n;
		sink_list_free(s);
	}
	CHECK(wrong == 0, "%s: a sink that fails at any of %lu calls ends the walk", what, tried);
}

/* This program again, waiting; from ${exe}, a descriptor. */
static pid_t start(int exe)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, 0) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		char *argv[] = { (char[]){ "waiter" }, (char[]){ "two words" }, (char[]){ "\xff" }, NULL };
		static char large[30000] = "LARGE=";
		char *envp[] = { (char[]){ "EVAC_MARK=\xfe!" }, (char[]){ "EVAC_TEST_WAIT=1" },
				 (char[]){ "EVAC_TOKEN=hush" }, large, NULL };

		memset(large + 6, 'x', sizeof(large) - 7);

		(void)dup2(ready[1], 1);
		(void)close(ready[0]);
		(void)fexecve(exe, argv, envp);
		_exit(1);
	}
	(void)close(ready[1]);
	if (read(ready[0], &byte, 1) != 1) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		pid = -1;
	}
	(void)close(ready[0]);
	return pid;
}

static int copy_self(int to)
{
	AUTO_CLOSE int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char chunk[65536];
	ssize_t n;

	while ((n = read(from, chunk, sizeof(chunk))) > 0)
		if (write(to, chunk, (size_t)n) != n)
			return -1;
	return n < 0 ? -1 : 0;
}

static void stop(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* Does that file of the evidence hold this text? */
static bool has(struct sink *s, const char *path, const char *text)
{
	const struct sink_list_file *f = sink_list_find(s, path);

	return f != NULL && memmem(f->data, f->len, text, strlen(text)) != NULL;
}

static void check_running(struct sink *s, pid_t pid, const char *want, const char *what)
{
	char id[80];
	const char *row;

	(void)snprintf(id, sizeof(id), "\"pid\":%d,", (int)pid);
	row = sink_list_row(s, "processes.ndjson", id, NULL, NULL);
	CHECK(row != NULL && strstr(row, want) != NULL, "%s", what);
	CHECK(row != NULL && strstr(row, "\"cmdline\":\"waiter two words \xef\xbf\xbd\"") != NULL &&
	      strstr(row, "\"argv\":[\"waiter\",\"two words\",\"\xef\xbf\xbd\"]") != NULL, "its arguments");
	CHECK(sink_list_row(s, "process_envs.ndjson", id, "\"key\":\"EVAC_MARK\"", "\"value_b64\":\"/iE=\"") != NULL,
	      "its environment");
	CHECK(sink_list_row(s, "process_envs.ndjson", id, "\"key\":\"EVAC_TOKEN\",\"value\":\"***\",\"masked\":true", NULL) != NULL,
	      "but for its secrets");
	(void)snprintf(id, sizeof(id), "proc/%d/environ", (int)pid);
	CHECK(has(s, id, "EVAC_TOKEN=***") && has(s, id, "xx") && !has(s, id, "hush"), "its copy neither");
	(void)snprintf(id, sizeof(id), "\"pid\":%d,", (int)pid);
	CHECK(sink_list_row(s, "process_executables.ndjson", id, "\"kind\":\"exe\"", "\"sha256\":\"") != NULL,
	      "its executable is hashed");
	row = sink_list_row(s, "process_executables.ndjson", id, "\"content\":\"executables/", "\"memory_only\":\"");
	(void)snprintf(id, sizeof(id), "%.76s", row != NULL ? strstr(row, "executables/") : "");
	CHECK(row != NULL && sink_list_find(s, id) != NULL && sink_list_find(s, id)->len > 100000,
	      "and its content is in the evidence");
}

static void test_with_secrets(const struct host *h, pid_t pid)
{
	struct collector_request req = { .memory = MEMORY_NONE, .with_secrets = true };
	struct sink *s = sink_list_open();
	char id[48];

	(void)snprintf(id, sizeof(id), "\"pid\":%d,", (int)pid);
	CHECK(collector_process_envs.run(h, &req, s) == 0 &&
	      sink_list_row(s, "process_envs.ndjson", id, "\"key\":\"EVAC_TOKEN\",\"value\":\"hush\"}", NULL) != NULL,
	      "with secrets, they are taken");
	(void)snprintf(id, sizeof(id), "proc/%d/environ", (int)pid);
	CHECK(has(s, id, "EVAC_TOKEN=hush"), "and its copy as it is");
	sink_list_free(s);
}

static void test_live(void)
{
	char name[] = "/tmp/test_process.XXXXXX", line[128];
	int file = mkostemp(name, O_CLOEXEC), memory = memfd_create("evac test", MFD_CLOEXEC);
	AUTO_CLOSE int sock = socket(AF_UNIX, SOCK_STREAM, 0);
	AUTO_CLOSE int exe = -1;
	struct sink *s = sink_list_open();
	/* One page of three is written: those before it come as zeros. */
	char *code = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct sink_list_file *kept;
	pid_t gone, anonymous;
	struct host h;

	memcpy(code + 4096, "shellcode", 9);
	CHECK(file >= 0 && memory >= 0 && copy_self(file) == 0 && copy_self(memory) == 0 &&
	      fchmod(file, 0700) == 0, "copies of this program");
	exe = open(name, O_RDONLY | O_CLOEXEC);
	(void)close(file);
	gone = start(exe);
	(void)unlink(name);
	anonymous = start(memory);
	(void)close(memory);
	CHECK(host_open(&h) == 0 && run(&h, s) == 0, "this machine is walked");
	(void)snprintf(line, sizeof(line), "\"pid\":%d,\"fd\":%d,", (int)getpid(), sock);
	CHECK(sink_list_row(s, "process_open_files.ndjson", line, "\"type\":\"socket\"", NULL) != NULL,
	      "our own open socket");
	(void)snprintf(line, sizeof(line), "\"pid\":%d,\"fd\":%d,", (int)getpid(), exe);
	CHECK(sink_list_row(s, "process_open_files.ndjson", line, "\"deleted\":true", name) != NULL,
	      "our own deleted file");
	(void)snprintf(line, sizeof(line), "executables/%d-%lx.mem", (int)getpid(), (unsigned long)code);
	kept = sink_list_find(s, line);
	if (emulator_is_here())
		CHECK_SKIP("in an emulator its addresses are not the kernel's");
	else
		CHECK(kept != NULL && kept->len == 8192 && kept->data[0] == '\0' && memcmp(kept->data + 4096, "shellcode", 9) == 0 &&
		      sink_list_row(s, "process_executables.ndjson", line, "\"permissions\":\"rwxp\",\"size\":8192,\"unreadable\":0,\"sha256\":\"", NULL) != NULL,
		      "our own code without a file, as far as it was written");
	(void)munmap(code, 3 * 4096);
	(void)snprintf(line, sizeof(line), "\"pid\":%d,", (int)getpid());
	CHECK(sink_list_row(s, "process_memory_map.ndjson", line, "[stack]", NULL) != NULL, "our own stack");
	if (gone < 0 || anonymous < 0) {
		CHECK_SKIP("a copy of this program cannot be run here (emulated?)");
	} else if (sink_list_row(s, "processes.ndjson", "\"path\":\"/memfd:evac test\"", NULL, NULL) == NULL &&
		   sink_list_row(s, "processes.ndjson", "qemu", NULL, NULL) != NULL) {
		CHECK_SKIP("under emulation the executable is the emulator");
	} else {
		check_running(s, gone, "\"on_disk\":0,\"deleted\":true,\"memfd\":false", "a deleted executable");
		check_running(s, anonymous, "\"deleted\":true,\"memfd\":true", "one in a memfd");
		test_with_secrets(&h, anonymous);
	}
	if (gone > 0)
		stop(gone);
	if (anonymous > 0)
		stop(anonymous);
	test_failing(&h, "this machine", 3);
	sink_list_free(s);
	host_close(&h);
}

static void *live_on(void *arg)
{
	(void)usleep(50000);
	(void)!write(*(int *)arg, "r", 1);
	for (;;)
		(void)pause();
	return NULL;
}

/* A process whose first thread has ended looks dead, and is not. */
static void test_headless(void)
{
	int say[2], held;
	struct host h;
	struct sink *s = sink_list_open();
	char id[48], byte;
	pid_t pid;

	(void)!pipe2(say, O_CLOEXEC);
	pid = fork();
	if (pid == 0) {
		pthread_t t;

		(void)pthread_create(&t, NULL, live_on, &say[1]);
		pthread_exit(NULL);
	}
	held = say[1];
	CHECK(read(say[0], &byte, 1) == 1 && host_open(&h) == 0 && run(&h, s) == 0, "this machine is walked");
	(void)snprintf(id, sizeof(id), "\"pid\":%d,", (int)pid);
	if (sink_list_row(s, "processes.ndjson", id, "\"state\":\"Z\"", NULL) == NULL) {
		CHECK_SKIP("the first thread does not end here (emulated?)");
	} else {
		CHECK(sink_list_row(s, "processes.ndjson", id, "\"leader_exited\":true", NULL) != NULL &&
		      sink_list_row(s, "process_executables.ndjson", id, "\"sha256\":\"", NULL) != NULL,
		      "its executable, by another thread");
		CHECK(sink_list_row(s, "process_memory_map.ndjson", id, "\"permissions\":\"r-xp\"", NULL) != NULL, "its memory");
		(void)snprintf(id, sizeof(id), "\"pid\":%d,\"fd\":%d,", (int)pid, held);
		CHECK(sink_list_row(s, "process_open_files.ndjson", id, "\"type\":\"fifo\"", NULL) != NULL, "its open files");
	}
	stop(pid);
	(void)close(say[0]);
	(void)close(say[1]);
	sink_list_free(s);
	host_close(&h);
}

int main(void)
{
	struct host h;

	if (getenv("EVAC_TEST_WAIT") != NULL) {
		(void)!write(1, "r", 1);
		for (;;)
			(void)pause();
	}
	test_sample();
	h = fixture();
	test_failing(&h, "the sample", 100);
	host_close(&h);
	test_live();
	test_headless();
	return CHECK_DONE();
}
