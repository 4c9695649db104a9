/*
 * hidden_pid.c - processes that some views have and others lack.
 *
 * Asks for every number up to the highest, not only for those that /proc lists:
 * by signal 0, which nothing feels.  What is alive and no thread of a process
 * that is listed, what cgroups and parents name, and what the host's own /proc
 * lacks, is then asked for by every view, twice: processes come and go.
 */
#include "hidden.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "dir.h"
#include "host.h"
#include "io.h"
#include "parse.h"
#include "procfs.h"
#include "scope.h"
#include "set.h"
#include "sink.h"

#define SUSPECTS_MAX 4096u
#define ROWS_MAX 1024u
#define PROBE_MS 2000      /* for numbers beyond those in use */
#define PID_LIMIT (4u << 20) /* PID_MAX_LIMIT */
#define TEXT_BYTES ((size_t)64 << 10)
#define LOOKS 3
#define LOOK_NS (20 * 1000 * 1000)

/* All views at one time. */
struct views {
	struct set list, host, tasks, cgroup, children;
	unsigned asked;
	pid_t highest;
};

struct suspects {
	pid_t list[SUSPECTS_MAX];
	struct set known;
	size_t count;
	bool more;
};

static void suspect(struct suspects *s, pid_t pid)
{
	if (pid <= 0 || !set_add(&s->known, (uint64_t)pid))
		return;
	if (s->count < SUSPECTS_MAX)
		s->list[s->count++] = pid;
	else
		s->more = true;
}

/* Numbers in a text, into a set. */
static void add_numbers(const char *text, size_t len, struct set *ret)
{
	for (size_t i = 0; i < len;) {
		size_t n = 0;
		uint64_t v;

		while (i + n < len && text[i + n] >= '0' && text[i + n] <= '9')
			n++;
		if (n > 0 && parse_u64(text + i, n, 10, &v) == 0 && v > 0 && v <= PID_LIMIT)
			(void)set_add(ret, v);
		i += n + 1;
	}
}

/* The threads of a process, and the children that each names. */
static void add_tasks(int proc, const char *pid, struct views *v, char *text)
{
	char path[300];
	struct dirent *d;

	(void)snprintf(path, sizeof(path), "%s/task", pid);
	AUTO_CLOSEDIR DIR *dir = dir_open(proc, path);
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		pid_t tid = parse_pid(d->d_name);
		ssize_t n;

		if (tid == 0)
			continue;
		(void)set_add(&v->tasks, (uint64_t)tid);
		(void)snprintf(path, sizeof(path), "%d/children", (int)tid);
		n = io_read_file(dirfd(dir), path, text, TEXT_BYTES);
		if (n > 0)
			add_numbers(text, (size_t)n, &v->children);
	}
}

static bool read_list(int proc, struct set *ret, struct views *v, char *text)
{
	AUTO_CLOSEDIR DIR *dir = dir_open(proc, ".");
	struct dirent *d;

	while (dir != NULL && (d = readdir(dir)) != NULL) {
		pid_t pid = parse_pid(d->d_name);

		if (pid == 0)
			continue;
		(void)set_add(ret, (uint64_t)pid);
		if (v->highest < pid)
			v->highest = pid;
		if (text != NULL)
			add_tasks(proc, d->d_name, v, text);
	}
	return dir != NULL;
}

/* Is this /proc of our own pid namespace?  Then it has us. */
static bool is_ours(int proc)
{
	char link[16];
	ssize_t n = readlinkat(proc, "self", link, sizeof(link) - 1);

	if (n <= 0)
		return false;
	link[n] = '\0';
	return parse_pid(link) == getpid();
}

static void read_views(const struct hidden *h, struct views *v, char *text)
{
	AUTO_CLOSE int host = openat(h->host->root, "proc", O_RDONLY | O_DIRECTORY |
				     O_NOFOLLOW | O_CLOEXEC);

	*v = (struct views){ .asked = HIDDEN_ALL };
	(void)read_list(h->host->proc, &v->list, v, text);
	if (host >= 0 && is_ours(host) && read_list(host, &v->host, v, NULL))
		v->asked |= HIDDEN_HOST;
	if (hidden_cgroup_pids(h, &v->cgroup))
		v->asked |= HIDDEN_CGROUP;
}

static void free_views(struct views *v)
{
	set_free(&v->list);
	set_free(&v->host);
	set_free(&v->tasks);
	set_free(&v->cgroup);
	set_free(&v->children);
}

static bool alive(pid_t pid)
{
	return kill(pid, 0) == 0 || errno == EPERM;
}

/* Every number: those in use first, the rest while there is time.  The last one asked. */
static pid_t probe(const struct views *v, struct suspects *s, pid_t max)
{
	int64_t until = clock_now_ms() + PROBE_MS;

	for (pid_t pid = 1; pid <= max; pid++) {
		if (pid > v->highest && (pid & 0xfff) == 0 && clock_now_ms() > until)
			return pid;
		if (alive(pid) && !set_has(&v->list, (uint64_t)pid) &&
		    !set_has(&v->tasks, (uint64_t)pid))
			suspect(s, pid);
	}
	return max;
}

/* Members of ${all} that ${known} lacks. */
static void add_lonely(struct suspects *s, const struct set *all, const struct set *known)
{
	for (size_t i = 0; i < all->cap; i++)
		if (all->slots[i] != 0 && !set_has(known, all->slots[i]))
			suspect(s, (pid_t)all->slots[i]);
}

static void add_suspects(const struct views *v, struct suspects *s)
{
	add_lonely(s, &v->cgroup, &v->list);
	add_lonely(s, &v->children, &v->list);
	if ((v->asked & HIDDEN_HOST) != 0)
		add_lonely(s, &v->list, &v->host);
	for (size_t i = 0; i < v->list.cap; i++)
		if (v->list.slots[i] != 0 && !alive((pid_t)v->list.slots[i]))
			suspect(s, (pid_t)v->list.slots[i]);
}

/* A thread is no process of its own: its leader must be listed. */
static bool is_thread(const struct hidden *h, const struct views *v, pid_t pid, char *text)
{
	static const char key[] = "\nTgid:\t";
	char path[32];
	const char *at;
	ssize_t n;

	if (set_has(&v->list, (uint64_t)pid))
		return false;
	if (set_has(&v->tasks, (uint64_t)pid))
		return true;
	(void)snprintf(path, sizeof(path), "%d/status", (int)pid);
	n = io_read_file(h->host->proc, path, text, TEXT_BYTES);
	at = n > 0 ? strstr(text, key) : NULL;
	if (at == NULL)
		return false;
	n = strtol(at + strlen(key), NULL, 10);
	return n != pid && set_has(&v->list, (uint64_t)n);
}

static unsigned look(const struct hidden *h, const struct views *v, pid_t pid)
{
	uint64_t key = (uint64_t)pid;
	char name[16];
	unsigned seen = 0;

	(void)snprintf(name, sizeof(name), "%d", (int)pid);
	seen |= set_has(&v->list, key) ? HIDDEN_LIST : 0u;
	seen |= set_has(&v->host, key) ? HIDDEN_HOST : 0u;
	seen |= faccessat(h->host->proc, name, F_OK, 0) == 0 ? HIDDEN_OPEN : 0u;
	seen |= alive(pid) ? HIDDEN_SIGNAL : 0u;
	/* The call itself: musl does not make it. */
	seen |= syscall(SYS_sched_getscheduler, pid) >= 0 ? HIDDEN_SCHED : 0u;
	seen |= getpgid(pid) >= 0 ? HIDDEN_GROUP : 0u;
	seen |= set_has(&v->cgroup, key) ? HIDDEN_CGROUP : 0u;
	seen |= set_has(&v->children, key) ? HIDDEN_CHILD : 0u;
	return seen;
}

/*
 * Those that still disagree stay.  The lists were read before the questions: a
 * process that started in between is none, so it must be there in both.
 */
static void look_again(const struct hidden *h, struct suspects *s, unsigned *seen,
		       unsigned *asked, bool first, char *text)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	struct views v;
	size_t kept = 0;

	(void)nanosleep(&pause, NULL);
	read_views(h, &v, text);
	for (size_t i = 0; i < s->count; i++) {
		unsigned now = look(h, &v, s->list[i]);

		if (!first)
			now &= seen[i];
		if (!hidden_disagree(now, v.asked) || is_thread(h, &v, s->list[i], text))
			continue;
		s->list[kept] = s->list[i];
		seen[kept++] = now;
	}
	s->count = kept;
	*asked = v.asked;
	free_views(&v);
}

static int report(struct hidden *h, const struct suspects *s, const unsigned *seen,
		  unsigned asked, char *text)
{
	int r = 0;

	for (size_t i = 0; i < s->count && i < ROWS_MAX && r == 0; i++) {
		char have[128], lack[128], path[32];
		ssize_t n;

		(void)snprintf(path, sizeof(path), "%d/comm", (int)s->list[i]);
		n = io_read_file(h->host->proc, path, text, TEXT_BYTES);
		if (n > 0 && text[n - 1] == '\n')
			n--;
		hidden_view_names(seen[i], have, sizeof(have));
		hidden_view_names((HIDDEN_ALL | HIDDEN_HOST) & asked & ~seen[i], lack, sizeof(lack));
		r = hidden_row(h, &(struct hidden_row){
			.kind = "pid", .pid = s->list[i], .name = text,
			.name_len = n > 0 ? (size_t)n : 0, .seen = have, .missing = lack,
		});
	}
	if (r == 0 && (s->more || s->count > ROWS_MAX))
		r = sink_gap(h->sink, "hidden.ndjson", -E2BIG, "more processes disagree than are named");
	return r;
}

static pid_t highest_pid(int proc, char *text)
{
	ssize_t n = io_read_file(proc, "sys/kernel/pid_max", text, TEXT_BYTES);
	uint64_t v;

	while (n > 0 && text[n - 1] == '\n')
		n--;
	if (n <= 0 || parse_u64(text, (size_t)n, 10, &v) < 0 || v > PID_LIMIT)
		return PID_LIMIT;
	return (pid_t)v;
}

int hidden_pids(struct hidden *h)
{
	AUTO_FREE char *text = malloc(TEXT_BYTES);
	AUTO_FREE struct suspects *s = calloc(1, sizeof(*s));
	AUTO_FREE unsigned *seen = calloc(SUSPECTS_MAX, sizeof(*seen));
	unsigned asked = 0;
	struct views v;
	pid_t last;
	int r;

	if (text == NULL || s == NULL || seen == NULL)
		return -ENOMEM;
	if (!is_ours(h->host->proc)) /* other numbers than ours */
		return sink_note(h->sink, "hidden.pids", "not compared: /proc is of another pid namespace");
	read_views(h, &v, text);
	last = probe(&v, s, highest_pid(h->host->proc, text));
	add_suspects(&v, s);
	free_views(&v);
	for (int i = 0; i < LOOKS && s->count > 0; i++)
		look_again(h, s, seen, &asked, i == 0, text);
	r = report(h, s, seen, asked, text);
	set_free(&s->known);
	return r == 0 ? sink_note(h->sink, "hidden.pids_probed", "%d", (int)last) : r;
}
