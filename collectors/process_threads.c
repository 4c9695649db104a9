/*
 * process_threads.c - the threads of every process.
 *
 * Reads task/TID/stat and status: threads may have names, users, capabilities
 * and filters of their own, and an injected one starts later than its process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "collector.h"
#include "dir.h"
#include "io.h"
#include "parse.h"
#include "process.h"
#include "scope.h"
#include "table.h"

static void add_rights(struct json *j, const struct procfs_status *s)
{
	json_u64(j, "uid", s->uid[0]);
	json_u64(j, "gid", s->gid[0]);
	json_u64(j, "euid", s->uid[1]);
	json_u64(j, "egid", s->gid[1]);
	json_hex(j, "effective", s->cap_effective);
	json_u64(j, "seccomp", s->seccomp);
	json_u64(j, "tracer_pid", s->tracer_pid);
}

static int thread_row(struct process_pass *pass, const struct process *p, int dir)
{
	struct procfs_status status;
	struct procfs_stat s;
	char state[2] = "";
	ssize_t n = io_read_file(dir, "stat", pass->text, PROCESS_TEXT);
	struct json *j;

	if (n <= 0 || procfs_parse_stat(pass->text, (size_t)n, &s) < 0)
		return 0; /* ended meanwhile */
	j = table_row(pass->table);
	state[0] = s.state;
	json_i64(j, "pid", p->pid);
	json_u64(j, "tid", s.pid);
	json_bytes(j, "name", s.comm, s.comm_len);
	json_str(j, "state", state);
	json_u64(j, "user_time", process_ms(pass, s.utime_ticks));
	json_u64(j, "system_time", process_ms(pass, s.stime_ticks));
	process_start(pass, &s, j);
	n = io_read_file(dir, "status", pass->text, PROCESS_TEXT);
	if (n > 0 && procfs_parse_status(pass->text, (size_t)n, &status) == 0)
		add_rights(j, &status);
	return table_row_end(pass->table);
}

/* Kernel threads are processes of one thread each: "processes" says all. */
static int threads(struct process_pass *pass, const struct process *p)
{
	AUTO_CLOSEDIR DIR *dir = (p->stat.flags & PROCFS_PF_KTHREAD) != 0 ? NULL :
				 dir_open(p->top, "task");
	struct dirent *d;
	int r = 0;

	if (dir == NULL)
		return (p->stat.flags & PROCFS_PF_KTHREAD) != 0 ? 0 :
		       process_gap(pass, p, "task", -errno, NULL);
	while (r == 0 && (d = readdir(dir)) != NULL) {
		AUTO_CLOSE int at = parse_pid(d->d_name) == 0 ? -1 :
				    openat(dirfd(dir), d->d_name, O_RDONLY | O_DIRECTORY |
					   O_NOFOLLOW | O_CLOEXEC);

		if (at >= 0)
			r = thread_row(pass, p, at);
	}
	return r;
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	return process_collect(host, req, sink, "process_threads", "process_threads", threads);
}

const struct collector collector_process_threads = {
	.name = "process_threads",
	.group = "volatile",
	.reads = "/proc/PID/task: threads, their names, users and start times",
	.rank = RANK_DETAIL,
	.cost = COST_LOW,
	.profile = PROFILE_FAST,
	.budget_s = 60,
	.run = run,
};
