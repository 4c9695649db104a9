/*
 * process_walk.c - one pass over the processes that /proc shows.
 *
 * Reads /proc/PID once, in the directory's order, through one descriptor a
 * process, so that a reused number cannot mix two processes.  What a pass reads
 * of each is its caller's; passes come in the order of what they are worth.
 *
 * A process that ends while it is read leaves what was read.  One that sleeps
 * uninterruptibly may hold the lock that its command line and maps need, and
 * the reader would hang with it: these come last, when all else is handed over.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector.h"
#include "dir.h"
#include "io.h"
#include "parse.h"
#include "raw.h"
#include "scope.h"
#include "sink.h"
#include "table.h"

#define DEFERRED_MAX 4096u

int process_gap(struct process_pass *pass, const struct process *p,
		const char *leaf, int why, const char *detail)
{
	char path[64];

	if (why == -ENOENT || why == -ESRCH)
		return 0;
	(void)snprintf(path, sizeof(path), "proc/%d/%s", (int)p->pid, leaf);
	return sink_gap(pass->sink, path, why, detail);
}

int process_copy(struct process_pass *pass, const struct process *p,
		 const char *leaf)
{
	char prefix[32];

	(void)snprintf(prefix, sizeof(prefix), "proc/%d", (int)p->pid);
	return raw_copy(pass->sink, p->dir, leaf, prefix, NULL);
}

static int read_stat(struct process_pass *pass, struct process *p)
{
	ssize_t n = io_read_file(p->dir, "stat", pass->text, PROCESS_TEXT);

	if (n < 0)
		return (int)n;
	return procfs_parse_stat(pass->text, (size_t)n, &p->stat);
}

/*
 * When the first thread has ended, its directory shows no executable, no files,
 * no memory, while other threads run on: a place to hide.  Theirs show all.
 * A descriptor of such a thread's directory, or -1.
 */
static int open_thread(const struct process *p)
{
	AUTO_CLOSEDIR DIR *dir = p->stat.state == 'Z' && p->stat.threads > 1 ?
				 dir_open(p->top, "task") : NULL;
	struct dirent *d;

	while (dir != NULL && (d = readdir(dir)) != NULL) {
		pid_t tid = parse_pid(d->d_name);

		if (tid != 0 && tid != p->pid)
			return openat(dirfd(dir), d->d_name, O_RDONLY |
				      O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	return -1;
}

/*
 * One directory of /proc.  ${stuck} (may be NULL): set instead of reading it
 * when it sleeps uninterruptibly.
 */
static int take_pid(struct process_pass *pass, const char *name, bool *stuck)
{
	struct process p = { .pid = parse_pid(name) };
	AUTO_CLOSE int dir = openat(pass->proc, name, O_RDONLY | O_DIRECTORY |
				    O_NOFOLLOW | O_CLOEXEC);
	int r;

	p.top = p.dir = dir;
	r = dir < 0 ? -errno : read_stat(pass, &p);
	if (r == -ENOENT || r == -ESRCH) {
		pass->vanished++;
		return 0;
	}
	if (r < 0)
		return process_gap(pass, &p, "stat", r, NULL);
	if (stuck != NULL && p.stat.state == 'D' &&
	    (p.stat.flags & PROCFS_PF_KTHREAD) == 0) {
		*stuck = true;
		return 0;
	}
	AUTO_CLOSE int thread = open_thread(&p);
	if (thread >= 0)
		p.dir = thread;
	r = pass->each(pass, &p);
	pass->seen++;
	if (faccessat(p.top, "stat", F_OK, 0) < 0)
		pass->vanished++;
	return r;
}

static int take_deferred(struct process_pass *pass, const pid_t *pids, size_t count)
{
	int r = count > 0 ? table_flush(pass->table) : 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "%d", (int)pids[i]);
		r = take_pid(pass, name, NULL);
	}
	pass->deferred = count;
	return r;
}

static int walk(struct process_pass *pass)
{
	AUTO_CLOSEDIR DIR *dir = dir_open(pass->proc, ".");
	AUTO_FREE pid_t *later = calloc(DEFERRED_MAX, sizeof(*later));
	struct dirent *d;
	size_t count = 0;
	int r = 0;

	if (dir == NULL)
		return -errno;
	if (later == NULL)
		return -ENOMEM;
	for (errno = 0; r == 0 && (d = readdir(dir)) != NULL; errno = 0) {
		pid_t pid = parse_pid(d->d_name);
		bool stuck = false;

		if (pid == 0)
			continue;
		r = take_pid(pass, d->d_name, count < DEFERRED_MAX ? &stuck : NULL);
		if (stuck)
			later[count++] = pid;
	}
	if (r == 0 && errno != 0)
		r = sink_gap(pass->sink, "proc", -errno, "the list of processes ends early");
	return r < 0 ? r : take_deferred(pass, later, count);
}

static void read_boot_time(struct process_pass *pass)
{
	ssize_t n = io_read_file(pass->proc, "stat", pass->text, PROCESS_TEXT);

	if (n == -EFBIG) /* many processors and interrupts */
		n = PROCESS_TEXT - 1;
	if (n < 0 || procfs_parse_btime(pass->text, (size_t)n, &pass->boot_s) < 0)
		pass->boot_s = 0;
}

int process_open(struct process_pass *pass, const struct host *host,
		 const struct collector_request *req, struct sink *sink)
{
	long hz = sysconf(_SC_CLK_TCK);

	*pass = (struct process_pass){
		.sink = sink,
		.proc = host->proc,
		.with_secrets = req->with_secrets,
		.hz = hz > 0 ? (uint64_t)hz : 100,
	};
	pass->text = malloc(PROCESS_TEXT);
	pass->args = malloc(PROCESS_ARGS);
	pass->lines = malloc(PROCESS_LINES);
	if (pass->text == NULL || pass->args == NULL || pass->lines == NULL)
		return -ENOMEM;
	read_boot_time(pass);
	return 0;
}

static int note(struct process_pass *pass, const char *what, uint64_t value)
{
	char key[48];

	(void)snprintf(key, sizeof(key), "%s.%s", pass->name, what);
	return sink_note(pass->sink, key, "%llu", (unsigned long long)value);
}

int process_walk(struct process_pass *pass, const char *name, process_each *each)
{
	int r;

	pass->name = name;
	pass->each = each;
	r = walk(pass);
	/* There is always one: the one that looks. */
	if (r == 0 && pass->seen == 0)
		r = -ENODATA;
	if (r == 0)
		r = note(pass, "seen", pass->seen);
	if (r == 0)
		r = note(pass, "vanished", pass->vanished);
	return r == 0 ? note(pass, "read_last", pass->deferred) : r;
}

int process_close(struct process_pass *pass, int r)
{
	int end = table_close(pass->table);

	free(pass->text);
	free(pass->args);
	free(pass->lines);
	return r == 0 ? end : r;
}

int process_collect(const struct host *host, const struct collector_request *req,
		    struct sink *sink, const char *name, const char *table,
		    process_each *each)
{
	struct process_pass pass;
	int r = process_open(&pass, host, req, sink);

	if (r == 0)
		r = table_open(&pass.table, sink, table);
	if (r == 0)
		r = process_walk(&pass, name, each);
	return process_close(&pass, r);
}
