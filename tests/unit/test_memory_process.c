/* test_memory_process.c - the core file of a real process, and what gdb makes of it. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "collector.h"
#include "host.h"
#include "io.h"
#include "memory.h"
#include "memory_freeze.h"
#include "sink_list.h"
#include "temp.h"

#define PAGES 1024u
#define USED 700u
#define MARKER "EVIDENCE-OF-A-PROCESS"

static char *area, *hidden;

static void *wait_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		(void)pause();
	return NULL;
}

/* A process with a second thread, in the state that the tests expect. */
static pid_t make_process(void)
{
	int ready[2];
	char c;
	pid_t pid;

	area = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	hidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || hidden == MAP_FAILED || pipe(ready) < 0)
		abort();
	(void)madvise(area, PAGES * 4096, MADV_NOHUGEPAGE);
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0) {
		pthread_t thread;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		memcpy(area + USED * 4096, MARKER, sizeof(MARKER));
		(void)pthread_create(&thread, NULL, wait_for_ever, NULL);
		(void)!write(ready[1], "r", 1);
		(void)wait_for_ever(NULL);
		_exit(0);
	}
	(void)close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		abort();
	(void)close(ready[0]);
	return pid;
}

/* An emulator's processes are not what they seem to themselves. */
static bool is_emulated(const struct host *host, pid_t pid)
{
	char name[64], exe[512];
	ssize_t n;

	(void)snprintf(name, sizeof(name), "%d/exe", (int)pid);
	n = readlinkat(host->proc, name, exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	return strstr(exe, "test_memory_process") == NULL;
}

/* Both threads wait in the kernel. */
static void wait_until_idle(const struct host *host, pid_t pid)
{
	char name[64], text[256];

	(void)snprintf(name, sizeof(name), "%d/syscall", (int)pid);
	do {
		(void)usleep(1000);
	} while (io_read_file(host->proc, name, text, sizeof(text)) > 0 &&
		 strncmp(text, "running", 7) == 0);
}

/* The segment that holds ${address}; type PT_NULL when there is none. */
static Elf64_Phdr segment_of(const struct sink_list_file *f, uint64_t address)
{
	Elf64_Ehdr e;
	Elf64_Phdr p;

	memcpy(&e, f->data, sizeof(e));
	for (unsigned i = 0; i < e.e_phnum; i++) {
		memcpy(&p, f->data + e.e_phoff + i * sizeof(p), sizeof(p));
		if (p.p_type == PT_LOAD && address >= p.p_vaddr &&
		    address - p.p_vaddr < p.p_memsz)
			return p;
	}
	return (Elf64_Phdr){ .p_type = PT_NULL };
}

/* How many notes of a type; the last one's content in ${ret}. */
static unsigned notes_of(const struct sink_list_file *f, uint32_t type, void *ret,
			 size_t cap)
{
	unsigned found = 0;
	Elf64_Phdr p;

	memcpy(&p, f->data + sizeof(Elf64_Ehdr), sizeof(p));
	if (p.p_type != PT_NOTE)
		return 0;
	for (uint64_t at = p.p_offset; at + 12 <= p.p_offset + p.p_filesz;) {
		Elf64_Nhdr n;

		memcpy(&n, f->data + at, sizeof(n));
		if (n.n_type == type && found++ == 0)
			memcpy(ret, f->data + at + 20, n.n_descsz < cap ? n.n_descsz : cap);
		at += 20 + ((n.n_descsz + 3) & ~3u);
	}
	return found;
}

static void test_segments(const struct sink_list_file *f)
{
	uint64_t base = (uint64_t)(uintptr_t)area, used = base + USED * 4096;
	Elf64_Phdr p = segment_of(f, base);

	CHECK(p.p_type == PT_LOAD && p.p_vaddr + p.p_filesz <= base &&
	      p.p_vaddr + p.p_memsz == used,
	      "pages that were never touched have no content");
	p = segment_of(f, used);
	CHECK(p.p_filesz >= 4096 && p.p_memsz > p.p_filesz &&
	      strcmp(f->data + p.p_offset + (used - p.p_vaddr), MARKER) == 0,
	      "the one that was is there, what follows is not");
	p = segment_of(f, (uint64_t)(uintptr_t)hidden);
	CHECK(p.p_type == PT_LOAD && p.p_filesz == 0 && p.p_flags == 0,
	      "memory without any right has no content");
}

static void test_notes(const struct sink_list_file *f, pid_t pid)
{
	struct elf_prstatus status = { 0 };
	struct elf_prpsinfo info = { 0 };
	uint64_t files[2] = { 0 }, auxv[2] = { 0 };
	uint64_t regs[sizeof(status.pr_reg) / 8];

	CHECK(notes_of(f, NT_PRSTATUS, &status, sizeof(status)) == 2 &&
	      status.pr_pid == pid, "two threads, the main one first");
	memcpy(regs, &status.pr_reg, sizeof(regs));
#if defined(__x86_64__)
	CHECK(segment_of(f, regs[16]).p_flags & PF_X && segment_of(f, regs[19]).p_filesz > 0,
	      "its program counter is in code, its stack pointer in memory");
#else
	CHECK(segment_of(f, regs[32]).p_flags & PF_X && segment_of(f, regs[31]).p_filesz > 0,
	      "its program counter is in code, its stack pointer in memory");
#endif
	CHECK(notes_of(f, NT_PRPSINFO, &info, sizeof(info)) == 1 && info.pr_pid == pid &&
	      info.pr_sname == 'S' && strncmp(info.pr_fname, "test_memory_pro", 15) == 0 &&
	      strstr(info.pr_psargs, "test_memory_process") != NULL, "its names");
	CHECK(notes_of(f, NT_AUXV, auxv, sizeof(auxv)) == 1 && auxv[0] != 0, "its vector");
	CHECK(notes_of(f, 0x46494c45, files, sizeof(files)) == 1 && files[0] > 0 &&
	      files[1] == 4096, "its files");
}

/* Does gdb's answer hold ${text}? */
static bool answered(const char *answer, const char *text)
{
	if (strstr(answer, text) != NULL)
		return true;
	printf("# no '%s' in:\n", text);
	for (const char *p = answer; *p != '\0'; p += *p == '\n') {
		int len = (int)strcspn(p, "\n");

		printf("# %.*s\n", len, p);
		p += len;
	}
	return false;
}

/* What gdb says about the core file, NULL when there is no gdb. */
static const char *ask_gdb(const struct sink_list_file *f, const char *questions)
{
	static char command[2048], answer[262144];
	char core[300];
	struct temp t;
	FILE *gdb;
	size_t n;
	int fd;

	if (system("command -v gdb >/dev/null 2>&1") != 0)
		return NULL;
	temp_open(&t);
	(void)snprintf(core, sizeof(core), "%s/core", t.path);
	fd = open(core, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || io_write(fd, f->data, f->len) < 0)
		abort();
	(void)close(fd);
	(void)snprintf(command, sizeof(command), "env -u DEBUGINFOD_URLS gdb -nx -batch "
		       "%s -c '%s' 2>&1", questions, core);
	gdb = popen(command, "r");
	n = gdb != NULL ? fread(answer, 1, sizeof(answer) - 1, gdb) : 0;
	answer[n] = '\0';
	CHECK(gdb != NULL && pclose(gdb) == 0, "gdb opens it");
	temp_close(&t);
	return answer;
}

static void test_gdb(const struct sink_list_file *f, pid_t pid)
{
	char questions[512], thread[32];
	const char *answer;

	(void)snprintf(questions, sizeof(questions), "-ex 'info proc mappings' "
		       "-ex 'info threads' -ex 'x/s %p' -ex 'x/gx %p' -ex 'info files'",
		       (void *)(area + USED * 4096), (void *)area);
	answer = ask_gdb(f, questions);
	if (answer == NULL) {
		CHECK_SKIP("no gdb here");
		return;
	}
	/* Newer ones end their columns with a blank. */
	CHECK(strstr(answer, "/test_memory_process \n") != NULL || answered(answer, "/test_memory_process\n"),
	      "info proc mappings names the files");
	(void)snprintf(thread, sizeof(thread), "LWP %d", (int)pid);
	CHECK(answered(answer, thread), "info threads");
	CHECK(answered(answer, MARKER), "memory that was touched");
	CHECK(answered(answer, "0x0000000000000000"), "memory that was not is zeros");
	CHECK(answered(answer, "load1"), "info files");
}

/* Held still it has all its registers: with the program beside it, gdb walks the stacks. */
static void test_frozen_core(struct memory *m, pid_t pid)
{
	static const struct collector_request req = {
		.memory = MEMORY_PROCESS, .freeze = true,
	};
	const struct collector_request *before = m->req;
	char name[48], program[300], questions[400];
	const struct sink_list_file *f;
	const char *answer = NULL;
	struct sink *s = sink_list_open();
	struct sink *sink = m->sink;
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	program[n > 0 ? n : 0] = '\0';
	m->req = &req;
	m->sink = s;
	CHECK(memory_process_one(m, pid) == 0, "a core file of a process that is held still");
	m->req = before;
	m->sink = sink;
	(void)snprintf(name, sizeof(name), "memory/process/%d.core", (int)pid);
	(void)snprintf(questions, sizeof(questions), "-ex 'thread apply all bt' '%s'", program);
	f = sink_list_find(s, name);
	if (f != NULL)
		answer = ask_gdb(f, questions);
	if (answer == NULL)
		CHECK_SKIP("no gdb here");
	else
		CHECK(answered(answer, "in wait_for_ever (") && answered(answer, "main ("),
		      "both threads can be followed to where they began");
	sink_list_free(s);
}

/* The state of a process by its stat file; 't' is stopped by a tracer. */
static char state_of(const struct host *host, pid_t pid)
{
	char name[64], text[512];
	const char *p;

	(void)snprintf(name, sizeof(name), "%d/stat", (int)pid);
	if (io_read_file(host->proc, name, text, sizeof(text)) <= 0)
		return '?';
	p = strrchr(text, ')');
	return p != NULL ? p[2] : '?';
}

/* Wait until it is (or is not) stopped; false after five seconds. */
static bool becomes(const struct host *host, pid_t pid, bool stopped)
{
	for (int i = 0; i < 5000; i++) {
		if ((state_of(host, pid) == 't') == stopped)
			return true;
		(void)usleep(1000);
	}
	return false;
}

static void test_freeze(const struct host *host, pid_t pid)
{
	struct memory_freeze *f;
	elf_gregset_t regs;
	char name[32];
	int dir;

	(void)snprintf(name, sizeof(name), "%d", (int)pid);
	dir = openat(host->proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(memory_freeze_begin(&f, dir, pid, 60000) == 0 && state_of(host, pid) == 't',
	      "a process is held still");
	CHECK(memory_freeze_registers(f, pid, &regs), "its registers are known");
	CHECK(!memory_freeze_registers(f, 1, &regs), "those of others are not");
	CHECK(memory_freeze_end(f) && becomes(host, pid, false), "and it goes on");
	CHECK(memory_freeze_begin(&f, dir, pid, 20) == 0 && becomes(host, pid, false),
	      "it goes on by itself after the limit");
	CHECK(!memory_freeze_end(f), "which is said");
	CHECK(memory_freeze_begin(&f, dir, getpid(), 20) == -EDEADLK, "never ourselves");
	(void)close(dir);
}

/* A signal that comes while it is held still is not lost; nor does evac's end matter. */
static void test_freeze_ends(const struct host *host, pid_t pid)
{
	struct memory_freeze *f = NULL;
	char name[32];
	int dir;
	pid_t other;

	(void)snprintf(name, sizeof(name), "%d", (int)pid);
	dir = openat(host->proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	other = fork();
	if (other == 0) {
		_exit(memory_freeze_begin(&f, dir, pid, 60000) == 0 &&
		      state_of(host, pid) == 't' && raise(SIGKILL) == 0);
	}
	(void)waitpid(other, NULL, 0);
	CHECK(becomes(host, pid, false), "killed while it held a process: that goes on");
	CHECK(memory_freeze_begin(&f, dir, pid, 60000) == 0, "held again");
	(void)kill(pid, SIGTERM);
	CHECK(state_of(host, pid) == 't', "a signal waits");
	(void)memory_freeze_end(f);
	CHECK(waitpid(pid, NULL, 0) == pid, "and comes afterwards");
	(void)close(dir);
}

/* A process that ends before its turn is no error. */
static void test_gone(struct memory *m, pid_t pid)
{
	CHECK(memory_process_one(m, pid) == 0, "a process that is gone");
}

int main(void)
{
	static const struct collector_request req = { .memory = MEMORY_PROCESS };
	struct sink *s = sink_list_open();
	const struct sink_list_file *f;
	struct host host;
	struct memory m = {
		.host = &host, .req = &req, .sink = s,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	pid_t pid = make_process();
	char name[48];
	bool ended = false;

	if (s == NULL || host_open(&host) < 0 || memory_state_open(&m) < 0)
		abort();
	wait_until_idle(&host, pid);
	CHECK(memory_process_one(&m, pid) == 0, "the core file of a process");
	(void)snprintf(name, sizeof(name), "memory/process/%d.core", (int)pid);
	f = sink_list_find(s, name);
	CHECK(f != NULL && f->len == f->declared, "is as long as promised");
	if (f != NULL && is_emulated(&host, pid)) {
		CHECK_SKIP("the program runs in an emulator: its addresses are not the kernel's");
	} else if (f != NULL) {
		test_segments(f);
		test_notes(f, pid);
		test_gdb(f, pid);
		test_frozen_core(&m, pid);
		test_freeze(&host, pid);
		test_freeze_ends(&host, pid);
		ended = true;
	}
	if (!ended) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	test_gone(&m, pid);
	memory_state_close(&m);
	sink_list_free(s);
	host_close(&host);
	return CHECK_DONE();
}
