/* test_memory_life.c - processes that share, hide, refuse, die, fork and map while they are read. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "emulator.h"
#include "collector.h"
#include "host.h"
#include "io.h"
#include "memory.h"
#include "memory_freeze.h"
#include "memory_pids.h"
#include "sink_list.h"

#define SPARSE_BYTES ((size_t)64 << 20)
#define LARGE_BYTES ((size_t)32 << 20)

static struct host host;

/* What a child does before it waits to be killed. */
enum role { NOTHING, SHARE, HIDE, GROW, NEVER_REST, HUGE };

/* A child in its role: a new program, so that none of ours is in its memory. */
static pid_t make_child(enum role role)
{
	char word[8] = { (char)('0' + role) };
	int ready[2];
	char c;
	pid_t pid;

	if (pipe(ready) < 0)
		abort();
	(void)fflush(stdout);
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)dup2(ready[1], STDOUT_FILENO);
		(void)execl("/proc/self/exe", "child", word, (char *)NULL);
		_exit(1);
	}
	(void)close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		abort();
	(void)close(ready[0]);
	return pid;
}

static void end_child(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* Read one process; its core file is in ${ret_sink}, which is the caller's. */
static const struct sink_list_file *take(pid_t pid, uint64_t budget, struct sink **ret_sink)
{
	struct collector_request req = { .memory = MEMORY_PROCESS, .process_budget = budget };
	struct sink *s = sink_list_open();
	struct memory m = {
		.host = &host, .req = &req, .sink = s, .lock = PTHREAD_MUTEX_INITIALIZER,
	};
	char name[48];

	if (s == NULL || memory_state_open(&m) < 0)
		abort();
	memory_probe(&m.probe, &host);
	CHECK(memory_process_one(&m, pid) == 0, "a process is read");
	memory_state_close(&m);
	(void)snprintf(name, sizeof(name), "memory/process/%d.core", (int)pid);
	*ret_sink = s;
	return sink_list_find(s, name);
}

static bool has(const struct sink_list_file *f, const char *text)
{
	return f != NULL && memmem(f->data, f->len, text, strlen(text)) != NULL;
}

static void put_text(char *p, const char *text)
{
	/* Not as a constant of this program, which the child has too. */
	for (; *text != '\0'; text++)
		*p++ = (char)(*text + 1);
}

/* "FTIBSFE" shifted: what put_text() makes of each. */
#define SHARED_TEXT "ETIBQFC-OPO-NOSCJDCD"
#define HIDDEN_TEXT "XGOS-OPOF-GBSCJC"

static void expect(const char *text, char ret[32])
{
	size_t i = 0;

	for (; text[i] != '\0'; i++)
		ret[i] = (char)(text[i] + 1);
	ret[i] = '\0';
}

#define SPARSE 100 /* its descriptor, also in the child */

/* A large file in memory with one page that was written, mapped and not touched. */
static void share(void)
{
	char page[64] = "";

	put_text(page, SHARED_TEXT);
	if (pwrite(SPARSE, page, sizeof(page), 7 << 20) != (ssize_t)sizeof(page) ||
	    mmap(NULL, SPARSE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, SPARSE, 0) == MAP_FAILED)
		_exit(1);
}

static void test_shared(void)
{
	const struct sink_list_file *f;
	struct stat before, after;
	struct sink *s;
	char want[32];
	pid_t pid;

	int fd = memfd_create("sparse", 0);

	if (fd < 0 || dup2(fd, SPARSE) < 0 || ftruncate(fd, (off_t)SPARSE_BYTES) < 0)
		abort();
	pid = make_child(SHARE);
	(void)fstat(fd, &before);
	f = take(pid, 0, &s);
	(void)fstat(fd, &after);
	expect(SHARED_TEXT, want);
	CHECK(has(f, want), "shared memory that it has not touched itself is there");
	CHECK(before.st_blocks == after.st_blocks, "and has not grown: %lld blocks, %lld before",
	      (long long)after.st_blocks, (long long)before.st_blocks);
	CHECK(f != NULL && f->len < SPARSE_BYTES / 4, "its holes are not in the file");
	sink_list_free(s);
	end_child(pid);
	(void)close(fd);
	(void)close(SPARSE);
}

/* Memory that the process itself may not touch, with something in it. */
static void hide(void)
{
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(1);
	put_text(p + 4096 * 3, HIDDEN_TEXT);
	if (mprotect(p, 1 << 20, PROT_NONE) < 0)
		_exit(1);
}

static void test_hidden(void)
{
	pid_t pid = make_child(HIDE);
	const struct sink_list_file *f;
	struct sink *s;
	char want[32];

	f = take(pid, 0, &s);
	expect(HIDDEN_TEXT, want);
	CHECK(has(f, want), "memory without any right is read where it has pages");
	CHECK(sink_list_gaps(s, "", NULL) == 0, "and nothing is missing");
	sink_list_free(s);
	end_child(pid);
}

static void grow(void)
{
	char *p = mmap(NULL, LARGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	if (p == MAP_FAILED)
		_exit(1);
	for (size_t i = 0; i < LARGE_BYTES; i += 4096)
		p[i] = 'x';
}

/* The bytes of content of the segment that holds ${address}; its size in ${ret}. */
static uint64_t content_at(const struct sink_list_file *f, uint64_t address, uint64_t *ret)
{
	Elf64_Ehdr e;
	Elf64_Phdr p;

	memcpy(&e, f->data, sizeof(e));
	for (unsigned i = 0; i < e.e_phnum; i++) {
		memcpy(&p, f->data + e.e_phoff + i * sizeof(p), sizeof(p));
		if (p.p_type == PT_LOAD && address >= p.p_vaddr &&
		    address - p.p_vaddr < p.p_memsz) {
			*ret = p.p_memsz;
			return p.p_filesz;
		}
	}
	return 0;
}

/* An address in use of its stack. */
static uint64_t stack_of(pid_t pid)
{
	char name[64], line[512];
	unsigned long end = 0, v;
	FILE *f;

	(void)snprintf(name, sizeof(name), "/proc/%d/maps", (int)pid);
	f = fopen(name, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, "[stack]") != NULL && sscanf(line, "%*x-%lx", &v) == 1)
			end = v;
	if (f != NULL)
		(void)fclose(f);
	return end - 4096;
}

static void test_budget(void)
{
	pid_t pid = make_child(GROW);
	const struct sink_list_file *f;
	struct sink *s;
	uint64_t size = 0, stack;

	f = take(pid, 16u << 20, &s);
	stack = f != NULL ? content_at(f, stack_of(pid), &size) : 0;
	CHECK(f != NULL && f->len <= (17u << 20) && f->len > (8u << 20), "a budget holds");
	CHECK(stack > 0, "the stack is there: it is the largest that is cut");
	sink_list_free(s);
	end_child(pid);
}

/* Somebody who may not is refused, and says so; no file of markers. */
static void test_denied(void)
{
	pid_t pid = make_child(NOTHING), other;
	int status = -1;

	(void)fflush(stdout);
	other = fork();
	if (other == 0) {
		struct sink *s;
		const struct sink_list_file *f;
		int why = 0;

		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(9);
		f = take(pid, 0, &s);
		_exit(f != NULL || sink_list_gaps(s, "proc/", &why) != 1 || why != -EACCES);
	}
	(void)waitpid(other, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 9)
		CHECK_SKIP("not root: nobody to be");
	else
		CHECK(status == 0, "a process that may not be read is a gap");
	end_child(pid);
}

/* Maps, unmaps and forks as fast as it can. */
static void never_rest(void)
{
	pid_t parent = getpid();

	if (fork() != 0)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == parent) {
		char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		if (p != MAP_FAILED) {
			memset(p, 1, 1 << 20);
			(void)munmap(p, 1 << 20);
		}
		(void)waitpid(child, NULL, 0);
	}
	_exit(0);
}

/* The only child of ${pid}. */
static pid_t child_of(pid_t pid)
{
	char name[64], text[64];

	(void)snprintf(name, sizeof(name), "%d/task/%d/children", (int)pid, (int)pid);
	return io_read_file(host.proc, name, text, sizeof(text)) > 0 ? (pid_t)atoi(text) : 0;
}

static void test_restless(void)
{
	pid_t pid = make_child(NEVER_REST), busy = child_of(pid);
	unsigned bad = 0;

	for (unsigned i = 0; busy > 0 && i < 8; i++) {
		struct sink *s;
		const struct sink_list_file *f = take(busy, 0, &s);

		bad += f == NULL || f->len != f->declared ||
		       memcmp(f->data, ELFMAG, SELFMAG) != 0;
		sink_list_free(s);
	}
	CHECK(busy > 0 && bad == 0, "one that maps and forks all the time has whole files");
	end_child(pid);
}

/* Ends while it is read: what was read stays, the rest is the marker and a gap. */
static void test_dies(void)
{
	pid_t pid = make_child(GROW), killer;
	const struct sink_list_file *f;
	struct sink *s;

	(void)fflush(stdout);
	killer = fork();
	if (killer == 0) {
		(void)usleep(4000);
		(void)kill(pid, SIGKILL);
		_exit(0);
	}
	f = take(pid, 0, &s);
	(void)waitpid(killer, NULL, 0);
	CHECK(f == NULL || f->len == f->declared, "one that ends while it is read");
	CHECK(f == NULL || !has(f, "EVAC UNREADABLE ") ||
	      sink_list_gaps(s, "memory/process/", NULL) == 1, "is said to have");
	sink_list_free(s);
	end_child(pid);
}

static char state_of(pid_t pid)
{
	char name[64], text[512];
	const char *p;

	(void)snprintf(name, sizeof(name), "%d/stat", (int)pid);
	if (io_read_file(host.proc, name, text, sizeof(text)) <= 0)
		return '?';
	p = strrchr(text, ')');
	return p != NULL ? p[2] : '?';
}

static bool becomes(pid_t pid, char state)
{
	for (int i = 0; i < 5000; i++) {
		if (state_of(pid) == state)
			return true;
		(void)usleep(1000);
	}
	printf("# state %c\n", state_of(pid));
	return false;
}

/* Hold it until killed, which comes at any moment. */
static void freeze_and_die(pid_t pid, useconds_t when)
{
	pid_t evac = fork();

	if (evac == 0) {
		char name[32];
		struct memory_freeze *f;
		int dir;

		(void)snprintf(name, sizeof(name), "%d", (int)pid);
		dir = openat(host.proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		for (;;)
			if (memory_freeze_begin(&f, dir, pid, 60000) == 0)
				(void)memory_freeze_end(f);
	}
	(void)usleep(when);
	(void)kill(evac, SIGKILL);
	(void)waitpid(evac, NULL, 0);
}

static void test_thawed(void)
{
	pid_t pid = make_child(NOTHING);
	unsigned bad = 0;

	(void)fflush(stdout);
	for (useconds_t i = 0; i < 60; i++) {
		freeze_and_die(pid, 500 + i * 97);
		bad += !becomes(pid, 'S');
	}
	CHECK(bad == 0, "killed at 60 moments while it freezes: the process always goes on");
	(void)kill(pid, SIGSTOP);
	CHECK(becomes(pid, 'T'), "one that was stopped before");
	for (useconds_t i = 0; i < 10; i++)
		freeze_and_die(pid, 500 + i * 311);
	CHECK(becomes(pid, 'T'), "stays so");
	(void)kill(pid, SIGCONT);
	CHECK(becomes(pid, 'S'), "until it is let go");
	end_child(pid);
}

/* Huge pages, where there are some. */
static void use_huge(void)
{
	char *p = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (p != MAP_FAILED)
		put_text(p + 5000, SHARED_TEXT);
}

static void test_huge(void)
{
	pid_t pid;
	const struct sink_list_file *f;
	struct sink *s;
	char want[32];
	void *p = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (p == MAP_FAILED) {
		CHECK_SKIP("no huge pages here");
		return;
	}
	(void)munmap(p, 4 << 20);
	pid = make_child(HUGE);
	expect(SHARED_TEXT, want);
	f = take(pid, 0, &s);
	CHECK(has(f, want), "huge pages are there");
	sink_list_free(s);
	end_child(pid);
}

static void test_pids(void)
{
	struct memory_pid *list = calloc(MEMORY_PIDS_MAX, sizeof(*list));
	pid_t pid = make_child(NOTHING);
	size_t n, odd = 0, at = 0;
	bool found = false, sorted = true;

	if (list == NULL)
		abort();
	n = memory_pids_list(&host, list);
	for (size_t i = 0; i < n; i++) {
		found = found || (list[i].pid == pid && !list[i].hidden);
		odd += list[i].odd;
		at = list[i].odd || list[i].hidden ? i + 1 : at;
		sorted = sorted && (i == 0 || list[i - 1].odd != list[i].odd ||
				    list[i - 1].hidden != list[i].hidden ||
				    list[i - 1].pages <= list[i].pages);
	}
	CHECK(found, "a process is in the list");
	CHECK(sorted && at >= odd, "odd ones first, then the small ones");
	free(list);
	end_child(pid);
}

static void play(enum role role)
{
	static void (*const parts[])(void) = {
		[SHARE] = share, [HIDE] = hide, [GROW] = grow, [NEVER_REST] = never_rest,
		[HUGE] = use_huge,
	};

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (role > NOTHING && role <= HUGE)
		parts[role]();
	(void)!write(STDOUT_FILENO, "r", 1);
	for (;;)
		(void)pause();
}

int main(int argc, char **argv)
{
	if (argc == 2)
		play((enum role)(argv[1][0] - '0'));
	if (host_open(&host) < 0)
		abort();
	if (emulator_is_here()) {
		CHECK_SKIP("the program runs in an emulator: its addresses are not the kernel's");
		return CHECK_DONE();
	}
	test_pids();
	test_restless();
	test_shared();
	test_hidden();
	test_budget();
	test_denied();
	test_dies();
	test_huge();
	test_thawed();
	host_close(&host);
	return CHECK_DONE();
}
