/*
 * memory_freeze.c - a process that is held still while it is read.
 *
 * A thread of our own traces the process (PTRACE_SEIZE), interrupts its
 * threads, keeps their registers and waits.  The kernel lets a tracee go when
 * its tracer ends, so nothing stays stopped, not even after SIGKILL; and since
 * that thread waits for nobody longer than the limit, a process that evac
 * itself depends on (a proxy, a file system's server) is free again in time.
 * A thread that does not stop, deep in the kernel, is let go with the rest.
 */
#include "memory_freeze.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "parse.h"
#include "scope.h"

#define THREADS_MAX 16384u
#define ROUNDS_MAX 8
#define STOP_WAIT_MS 500
#define TICK_NS 1000000L

struct one {
	pid_t tid;
	bool stopped, known;
	int signal; /* that it was about to get */
	elf_gregset_t registers;
};

struct memory_freeze {
	int dir;
	int limit_ms;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool ready;   /* all that can be stopped is */
	bool over;    /* the caller has read enough */
	bool held;    /* it was, until the caller had */
	int error;
	size_t count;
	struct one *threads;
};

static struct one *find(const struct memory_freeze *f, pid_t tid)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->threads[i].tid == tid)
			return &f->threads[i];
	return NULL;
}

/* Trace the threads that are new.  How many there were. */
static unsigned seize_new(struct memory_freeze *f)
{
	int fd = openat(f->dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *tasks = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d;
	unsigned found = 0;

	if (tasks == NULL && fd >= 0)
		(void)close(fd);
	while (tasks != NULL && f->count < THREADS_MAX && (d = readdir(tasks)) != NULL) {
		pid_t tid = parse_pid(d->d_name);

		if (tid <= 0 || find(f, tid) != NULL)
			continue;
		if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0 ||
		    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0) {
			if (f->error == 0)
				f->error = -errno;
			continue;
		}
		f->threads[f->count++] = (struct one){ .tid = tid };
		found++;
	}
	return found;
}

/* A thread that has stopped: its registers, and the signal that it waits for. */
static void note_stop(struct one *t, int status)
{
	struct iovec v = { &t->registers, sizeof(t->registers) };

	if (!WIFSTOPPED(status))
		return;
	t->stopped = true;
	/* Not a stop of ours: what comes must still come. */
	if (status >> 16 == 0)
		t->signal = WSTOPSIG(status);
	t->known = ptrace(PTRACE_GETREGSET, t->tid, (void *)NT_PRSTATUS, &v) == 0 &&
		   v.iov_len == sizeof(t->registers);
}

/* Wait until they have stopped, or ended, or for too long. */
static void wait_stopped(struct memory_freeze *f)
{
	const struct timespec tick = { .tv_nsec = TICK_NS };

	for (int i = 0; i < STOP_WAIT_MS; i++) {
		bool moving = false;

		for (size_t k = 0; k < f->count; k++) {
			struct one *t = &f->threads[k];
			int status;

			if (t->stopped)
				continue;
			if (waitpid(t->tid, &status, __WALL | WNOHANG) == t->tid)
				note_stop(t, status);
			moving = moving || !t->stopped;
		}
		if (!moving)
			return;
		(void)nanosleep(&tick, NULL);
	}
}

/* Until the caller has read enough, or the limit. */
static void hold(struct memory_freeze *f)
{
	struct timespec end;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += f->limit_ms / 1000;
	end.tv_nsec += f->limit_ms % 1000 * 1000000L;
	if (end.tv_nsec >= 1000000000L) {
		end.tv_nsec -= 1000000000L;
		end.tv_sec++;
	}
	(void)pthread_mutex_lock(&f->lock);
	f->ready = true;
	(void)pthread_cond_broadcast(&f->changed);
	while (!f->over &&
	       pthread_cond_timedwait(&f->changed, &f->lock, &end) != ETIMEDOUT)
		;
	f->held = f->over && f->count > 0;
	(void)pthread_mutex_unlock(&f->lock);
}

static void *freeze(void *arg)
{
	struct memory_freeze *f = arg;

	/* What starts threads while we look is caught by looking again. */
	for (int i = 0; i < ROUNDS_MAX && seize_new(f) > 0; i++)
		wait_stopped(f);
	hold(f);
	for (size_t i = 0; i < f->count; i++)
		if (f->threads[i].stopped)
			(void)ptrace(PTRACE_DETACH, f->threads[i].tid, NULL,
				     (void *)(intptr_t)f->threads[i].signal);
	/* The end of this thread lets go of the others. */
	return NULL;
}

static void destroy(struct memory_freeze *f)
{
	(void)pthread_cond_destroy(&f->changed);
	(void)pthread_mutex_destroy(&f->lock);
	free(f->threads);
	free(f);
}

int memory_freeze_begin(struct memory_freeze **ret, int dir, pid_t pid, int limit_ms)
{
	struct memory_freeze *f = calloc(1, sizeof(*f));
	pthread_condattr_t attr;
	int r;

	if (pid == getpid() || f == NULL) {
		free(f);
		return f == NULL ? -ENOMEM : -EDEADLK;
	}
	f->dir = dir;
	f->limit_ms = limit_ms;
	f->threads = calloc(THREADS_MAX, sizeof(*f->threads));
	(void)pthread_mutex_init(&f->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&f->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	r = f->threads == NULL ? -ENOMEM : -pthread_create(&f->thread, NULL, freeze, f);
	if (r < 0) {
		destroy(f);
		return r;
	}
	(void)pthread_mutex_lock(&f->lock);
	while (!f->ready)
		(void)pthread_cond_wait(&f->changed, &f->lock);
	r = f->count > 0 ? 0 : f->error < 0 ? f->error : -ESRCH;
	(void)pthread_mutex_unlock(&f->lock);
	if (r < 0)
		(void)memory_freeze_end(f);
	else
		*ret = f;
	return r;
}

bool memory_freeze_registers(const struct memory_freeze *f, pid_t tid,
			     elf_gregset_t *ret)
{
	const struct one *t = find(f, tid);

	if (t == NULL || !t->known)
		return false;
	memcpy(ret, &t->registers, sizeof(*ret));
	return true;
}

bool memory_freeze_end(struct memory_freeze *f)
{
	bool held;

	if (f == NULL)
		return false;
	(void)pthread_mutex_lock(&f->lock);
	f->over = true;
	(void)pthread_cond_broadcast(&f->changed);
	(void)pthread_mutex_unlock(&f->lock);
	(void)pthread_join(f->thread, NULL);
	held = f->held;
	destroy(f);
	return held;
}
