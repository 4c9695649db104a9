/*
 * memory_loader.c - a kernel module loaded so that it writes into a pipe.
 *
 * init_module() lasts for the whole dump, so it runs in a process of its own.
 * That process shares our memory (a copy would double the segments' pages
 * while we fill them) but not our descriptors: it holds the pipe's write end
 * alone, so its end is the stream's end, and a run that is killed leaves
 * nobody who keeps the module busy.  Since it shares our memory it must be
 * waited for like a vfork() child, by a thread that does nothing else, and
 * makes system calls only.
 */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scope.h"

#define PIPE_BYTES (1 << 20)
#define STACK_BYTES ((size_t)64 << 10)
/* Within the grace that the plan gives a collector to return. */
#define END_WAIT_S 4
#define UNLOAD_TRIES 20
#define UNLOAD_WAIT_NS 100000000L

struct memory_loader {
	const void *image;
	unsigned long len;
	char args[80];
	int pipe;            /* write end */
	pid_t agent;
	pthread_t thread;
	pthread_mutex_t lock;
	pid_t child;         /* 0 when there is none to be killed */
	int result;          /* of init_module() */
	sem_t started, done;
	uint8_t *stack;
};

/* Close every descriptor but ${keep}.  Only our own table is concerned. */
static void close_others(int keep)
{
	struct rlimit most = { .rlim_cur = 4096 };

#ifdef SYS_close_range
	if ((keep == 0 || syscall(SYS_close_range, 0, keep - 1, 0) == 0) &&
	    syscall(SYS_close_range, keep + 1, ~0u, 0) == 0)
		return;
#endif
	(void)getrlimit(RLIMIT_NOFILE, &most);
	if (most.rlim_cur > 1u << 20)
		most.rlim_cur = 1u << 20;
	for (int fd = 0; fd < (int)most.rlim_cur; fd++)
		if (fd != keep)
			(void)close(fd);
}

/* In the child: system calls only. */
static int child_main(void *arg)
{
	struct memory_loader *l = arg;
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t set;

	/* The agent's death must end the dump, or the module stays in use. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != l->agent)
		_exit(1);
	/* A reader that is gone ends us; other signals would make LiME skip. */
	(void)sigaction(SIGPIPE, &action, NULL);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGPIPE);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	l->result = syscall(SYS_init_module, l->image, l->len, l->args) == 0 ?
		    0 : -errno;
	_exit(0);
}

static void run_child(struct memory_loader *l)
{
	int flags = CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID;
	pid_t pid = clone(child_main, l->stack + STACK_BYTES, flags, l, &l->child);

	if (pid < 0) {
		l->result = -errno;
		return;
	}
	/* Once it is reaped its number may be another process's. */
	(void)pthread_mutex_lock(&l->lock);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	__atomic_store_n(&l->child, 0, __ATOMIC_RELEASE);
	(void)pthread_mutex_unlock(&l->lock);
}

static void *thread_main(void *arg)
{
	struct memory_loader *l = arg;
	bool own = unshare(CLONE_FILES) == 0;

	l->result = own ? -EINTR : -errno;
	if (own)
		close_others(l->pipe);
	/* From here on the agent may close its copy of the write end. */
	(void)sem_post(&l->started);
	if (own) {
		run_child(l);
		(void)close(l->pipe);
	}
	(void)sem_post(&l->done);
	return NULL;
}

/* A thread that no signal reaches, nor its child. */
static int start_thread(struct memory_loader *l)
{
	sigset_t all, old;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&l->thread, NULL, thread_main, l);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

static void loader_free(struct memory_loader *l)
{
	(void)sem_destroy(&l->started);
	(void)sem_destroy(&l->done);
	(void)pthread_mutex_destroy(&l->lock);
	(void)munmap(l->stack, STACK_BYTES);
	free(l);
}

static struct memory_loader *loader_new(const void *image, size_t len, int pipe)
{
	struct memory_loader *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (l->stack == MAP_FAILED) {
		free(l);
		return NULL;
	}
	l->image = image;
	l->len = len;
	l->pipe = pipe;
	l->agent = getpid();
	/* timeout=0: with any other a slow reader turns memory into zeros. */
	(void)snprintf(l->args, sizeof(l->args),
		       "path=/proc/self/fd/%d format=lime timeout=0", pipe);
	(void)pthread_mutex_init(&l->lock, NULL);
	(void)sem_init(&l->started, 0, 0);
	(void)sem_init(&l->done, 0, 0);
	return l;
}

int memory_loader_open(struct memory_loader **ret, int *ret_fd,
		       const void *image, size_t len)
{
	struct memory_loader *l;
	int fds[2];
	int r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	/* With the default 64 KiB every page costs a switch; take what we get. */
	for (int size = PIPE_BYTES; size > 65536; size /= 2)
		if (fcntl(fds[1], F_SETPIPE_SZ, size) >= 0)
			break;
	l = loader_new(image, len, fds[1]);
	r = l == NULL ? -ENOMEM : start_thread(l);
	if (r == 0)
		while (sem_wait(&l->started) < 0 && errno == EINTR)
			;
	(void)close(fds[1]);
	if (r < 0) {
		(void)close(fds[0]);
		if (l != NULL)
			loader_free(l);
		return r;
	}
	*ret = l;
	*ret_fd = fds[0];
	return 0;
}

static void kill_child(struct memory_loader *l)
{
	pid_t pid;

	/* Held while the child is reaped, which does not take long. */
	(void)pthread_mutex_lock(&l->lock);
	pid = __atomic_load_n(&l->child, __ATOMIC_ACQUIRE);
	if (pid > 0)
		(void)kill(pid, SIGKILL);
	(void)pthread_mutex_unlock(&l->lock);
}

int memory_loader_close(struct memory_loader *l)
{
	struct timespec until;
	int r;

	kill_child(l);
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_WAIT_S;
	while ((r = sem_timedwait(&l->done, &until)) < 0 && errno == EINTR)
		;
	if (r < 0) {
		(void)pthread_detach(l->thread);
		return -ETIMEDOUT;
	}
	(void)pthread_join(l->thread, NULL);
	r = l->result;
	loader_free(l);
	return r;
}

int memory_loader_unload(const char *name)
{
	struct timespec wait = { .tv_nsec = UNLOAD_WAIT_NS };
	int r = -EBUSY;

	for (unsigned i = 0; i < UNLOAD_TRIES; i++) {
		r = syscall(SYS_delete_module, name, O_NONBLOCK) == 0 ? 0 : -errno;
		if (r != -EBUSY && r != -EAGAIN && r != -EWOULDBLOCK)
			return r;
		(void)nanosleep(&wait, NULL);
	}
	return r;
}
