/*
 * guard.c - the process that the caller waits for.
 *
 * Reads nothing but the clock, signals and a page that it shares with the child.
 * When the child neither ends nor answers, it says so on stdout, kills it and
 * ends in its place.
 */
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "harden.h"
#include "io.h"
#include "result.h"

/* After the deadline, for a child that is just saying its last line. */
#define LATE_MS 500
/* A child that is done may still have memory to give back. */
#define ENDING_MS 300
#define TICK_NS (20 * 1000 * 1000)

struct shared {
	atomic_bool stored, known, ended;
	atomic_int status; /* once it is known */
};

static struct shared *shared; /* NULL: no guard */

static void set_of_signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGCHLD);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGQUIT);
}

/* End as the child did: who waits for us shall see no difference. */
static _Noreturn void end_as(int wait_status)
{
	sigset_t all;

	if (WIFEXITED(wait_status))
		_exit(WEXITSTATUS(wait_status));
	(void)signal(WTERMSIG(wait_status), SIG_DFL);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_UNBLOCK, &all, NULL);
	(void)kill(getpid(), WTERMSIG(wait_status));
	_exit(RESULT_PARTIAL);
}

/* Without waiting for a reader that has stopped. */
static _Noreturn void end_without(pid_t child)
{
	static const char partial[] = "{\"result\":\"partial\",\"exit\":1,\"manifest\":false,"
				      "\"why\":\"at the deadline evac itself hung\"}\n";
	static const char nothing[] = "{\"result\":\"nothing\",\"exit\":2,\"manifest\":false,"
				      "\"why\":\"at the deadline evac itself hung\"}\n";
	bool stored = atomic_load(&shared->stored);
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

	(void)kill(child, SIGKILL);
	if (atomic_load(&shared->known))
		_exit(atomic_load(&shared->status));
	if (poll(&p, 1, 0) == 1)
		(void)io_write(STDOUT_FILENO, stored ? partial : nothing,
			       sizeof(partial) - 1);
	_exit(stored ? RESULT_PARTIAL : RESULT_NOTHING);
}

static _Noreturn void watch(pid_t child, int64_t end_ms)
{
	const struct timespec tick = { .tv_nsec = TICK_NS };
	int64_t ended_ms = 0;
	sigset_t set;

	set_of_signals(&set);
	for (;;) {
		int status, sig = sigtimedwait(&set, NULL, &tick);

		if (sig > 0 && sig != SIGCHLD)
			(void)kill(child, sig);
		if (waitpid(child, &status, WNOHANG) == child)
			end_as(status);
		if (ended_ms == 0 && atomic_load(&shared->ended))
			ended_ms = clock_now_ms();
		if (ended_ms != 0 && clock_now_ms() - ended_ms >= ENDING_MS)
			_exit(atomic_load(&shared->status));
		if (ended_ms == 0 && clock_now_ms() >= end_ms + LATE_MS)
			end_without(child);
	}
}

/* What is sent to the group goes by way of the parent, once. */
static void begin_child(pid_t parent, const sigset_t *old)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(RESULT_NOTHING);
	(void)setpgid(0, 0);
	(void)signal(SIGTTOU, SIG_IGN);
	(void)signal(SIGTTIN, SIG_IGN);
	(void)sigprocmask(SIG_SETMASK, old, NULL);
}

int guard_start(int64_t end_ms, void (*forget)(void *arg), void *arg)
{
	pid_t parent = getpid(), child;
	sigset_t set, old;
	int before;
	void *page;

	page = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return -errno;
	shared = page;
	set_of_signals(&set);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	child = fork();
	if (child < 0) {
		int r = -errno;

		shared = NULL;
		(void)munmap(page, sizeof(*shared));
		(void)sigprocmask(SIG_SETMASK, &old, NULL);
		return r;
	}
	if (child == 0) {
		begin_child(parent, &old);
		return 0;
	}
	forget(arg);
	/* It would take the child along. */
	(void)harden_oom(&before);
	watch(child, end_ms);
}

void guard_stored(void)
{
	if (shared != NULL)
		atomic_store(&shared->stored, true);
}

void guard_result(int status)
{
	if (shared == NULL)
		return;
	atomic_store(&shared->status, status);
	atomic_store(&shared->known, true);
}

void guard_end(void)
{
	int null;

	if (shared == NULL)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < 3; fd++) {
		if (null < 0)
			(void)close(fd);
		else
			(void)dup2(null, fd);
	}
	atomic_store(&shared->ended, true);
}
