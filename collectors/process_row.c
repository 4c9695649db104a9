/*
 * process_row.c - one process, as a row of "processes".
 *
 * Reads its status, cgroup, links, namespaces, tasks and command line, and what
 * process_resources() does.  Column
 * names are osquery's where it has them; the others are ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "attr.h"
#include "dir.h"
#include "io.h"
#include "lines.h"
#include "parse.h"
#include "process.h"
#include "scope.h"
#include "sink.h"
#include "table.h"

#define LINK_MAX_BYTES 4096
#define TASKS_MAX 1024u

static const char deleted_mark[] = " (deleted)";

/* A small text of the process; 0 when it is not there, or a gap was recorded. */
static size_t text_of(struct process_pass *pass, const struct process *p,
		      const char *leaf, int *r)
{
	ssize_t n = io_read_file(p->dir, leaf, pass->text, PROCESS_TEXT);

	if (n >= 0)
		return (size_t)n;
	if (*r == 0)
		*r = process_gap(pass, p, leaf, (int)n, NULL);
	return n == -EFBIG ? PROCESS_TEXT - 1 : 0;
}

/* Length of the link's text, 0 when there is none. */
static size_t link_of(struct process_pass *pass, const struct process *p,
		      const char *leaf, char ret[LINK_MAX_BYTES], int *r)
{
	ssize_t n = readlinkat(p->dir, leaf, ret, LINK_MAX_BYTES);

	if (n > 0)
		return (size_t)n;
	if (n < 0 && *r == 0)
		*r = process_gap(pass, p, leaf, -errno, NULL);
	return 0;
}

static void add_identity(struct json *j, const struct procfs_status *s)
{
	json_u64(j, "uid", s->uid[0]);
	json_u64(j, "gid", s->gid[0]);
	json_u64(j, "euid", s->uid[1]);
	json_u64(j, "egid", s->gid[1]);
	json_u64(j, "suid", s->uid[2]);
	json_u64(j, "sgid", s->gid[2]);
	json_u64(j, "wired_size", s->locked_bytes);
	json_u64(j, "resident_size", s->rss_bytes);
	json_object(j, "capabilities");
	json_hex(j, "inheritable", s->cap_inherited);
	json_hex(j, "permitted", s->cap_permitted);
	json_hex(j, "effective", s->cap_effective);
	json_hex(j, "bounding", s->cap_bounding);
	json_hex(j, "ambient", s->cap_ambient);
	json_object_end(j);
	json_u64(j, "seccomp", s->seccomp);
	json_bool(j, "no_new_privs", s->no_new_privs != 0);
	json_u64(j, "tracer_pid", s->tracer_pid);
	if (s->inner_pid != 0)
		json_u64(j, "namespace_pid", s->inner_pid);
}

static void add_status(struct process_pass *pass, const struct process *p,
		       struct json *j, int *r)
{
	struct procfs_status s;
	size_t n = text_of(pass, p, "status", r);

	if (n == 0)
		return;
	if (procfs_parse_status(pass->text, n, &s) == 0)
		add_identity(j, &s);
	else if (*r == 0)
		*r = process_gap(pass, p, "status", -EINVAL, "unknown form");
}

void process_start(const struct process_pass *pass, const struct procfs_stat *s,
		   struct json *j)
{
	uint64_t ticks = s->start_ticks;
	char text[40];
	struct tm tm;
	time_t start;
	size_t n;

	json_u64(j, "start_ticks", ticks);
	if (pass->boot_s == 0)
		return;
	/* Whole and part apart: the product could not be held. */
	start = (time_t)(pass->boot_s + ticks / pass->hz);
	json_i64(j, "start_time", start);
	if (gmtime_r(&start, &tm) == NULL)
		return;
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text + n, sizeof(text) - n, ".%02uZ",
		       (unsigned)(ticks % pass->hz * 100 / pass->hz));
	json_str(j, "start_time_utc", text);
}

uint64_t process_ms(const struct process_pass *pass, uint64_t ticks)
{
	return ticks / pass->hz * 1000 + ticks % pass->hz * 1000 / pass->hz;
}

static void add_stat(const struct process_pass *pass, const struct process *p,
		     struct json *j)
{
	const struct procfs_stat *s = &p->stat;
	char state[2] = { s->state, '\0' };

	json_i64(j, "pid", p->pid);
	json_bytes(j, "name", s->comm, s->comm_len);
	json_str(j, "state", state);
	json_i64(j, "parent", s->ppid);
	json_i64(j, "pgroup", s->pgrp);
	json_i64(j, "session", s->session);
	json_i64(j, "tty", s->tty);
	json_i64(j, "nice", s->nice);
	json_u64(j, "threads", s->threads);
	json_u64(j, "total_size", s->vsize_bytes);
	json_u64(j, "user_time", process_ms(pass, s->utime_ticks));
	json_u64(j, "system_time", process_ms(pass, s->stime_ticks));
	json_bool(j, "leader_exited", p->dir != p->top);
	json_bool(j, "kernel_thread", (s->flags & PROCFS_PF_KTHREAD) != 0);
	process_start(pass, &p->stat, j);
}

/* The executable's name without the kernel's mark that it is gone. */
static void add_exe_path(struct json *j, const char *link, size_t n,
			 const struct attr *a)
{
	size_t mark = sizeof(deleted_mark) - 1;
	bool marked = n > mark && memcmp(link + n - mark, deleted_mark, mark) == 0;
	bool deleted = marked || (a != NULL && a->links == 0);

	json_bytes(j, "path", link, n - (marked ? mark : 0));
	json_i64(j, "on_disk", deleted ? 0 : 1);
	json_bool(j, "deleted", deleted);
	json_bool(j, "memfd", deleted && n > 7 && memcmp(link, "/memfd:", 7) == 0);
}

/*
 * The kernel does not say the link of a path longer than 4095 bytes, but the
 * map of it does: the longest that ${pass->lines} can hold.  Its length or 0.
 */
static size_t long_path(struct process_pass *pass, const struct process *p,
			const struct attr *a, const char **ret)
{
	AUTO_CLOSE int fd = openat(p->dir, "maps", O_RDONLY | O_CLOEXEC);
	struct procfs_map m;
	const char *line;
	struct lines l;
	size_t len;

	if (fd < 0)
		return 0;
	lines_open(&l, fd, pass->lines, PROCESS_LINES, '\n');
	while (lines_next(&l, &line, &len, NULL) > 0) {
		if (procfs_parse_map(line, len, &m) < 0 || m.inode != a->inode ||
		    m.path_len < LINK_MAX_BYTES - 1)
			continue;
		*ret = m.path;
		return m.path_len;
	}
	return 0;
}

static void add_exe(struct process_pass *pass, const struct process *p,
		    struct json *j, int *r)
{
	char link[LINK_MAX_BYTES], device[32];
	const char *path = link;
	struct attr a;
	ssize_t n = (p->stat.flags & PROCFS_PF_KTHREAD) != 0 ? 0 :
		    readlinkat(p->dir, "exe", link, sizeof(link));
	int why = n < 0 ? -errno : 0, err;

	if (n == 0 || (n < 0 && why != -ENAMETOOLONG)) { /* kernel threads, zombies */
		json_str(j, "path", "");
		json_i64(j, "on_disk", -1);
		if (n < 0 && *r == 0)
			*r = process_gap(pass, p, "exe", why, NULL);
		return;
	}
	err = attr_get(p->dir, "exe", true, &a);
	if (n < 0)
		n = err == 0 ? (ssize_t)long_path(pass, p, &a, &path) : 0;
	add_exe_path(j, path, (size_t)n, err == 0 ? &a : NULL);
	if (err < 0) {
		if (*r == 0)
			*r = process_gap(pass, p, "exe", err, NULL);
		return;
	}
	(void)snprintf(device, sizeof(device), "%u:%u", major(a.device), minor(a.device));
	json_u64(j, "exe_size", a.size);
	json_u64(j, "exe_inode", a.inode);
	json_str(j, "exe_device", device);
	json_u64(j, "exe_links", a.links);
	json_i64(j, "exe_mtime", a.mtime.tv_sec);
}

static void add_places(struct process_pass *pass, const struct process *p,
		       struct json *j, int *r)
{
	static const char *const places[] = { "cwd", "root" };
	char link[LINK_MAX_BYTES], id[PROCFS_CONTAINER_MAX];
	const char *group;
	size_t n, len;

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		n = link_of(pass, p, places[i], link, r);
		json_bytes(j, places[i], link, n);
	}
	n = text_of(pass, p, "cgroup", r);
	if (n == 0 || procfs_parse_cgroup(pass->text, n, &group, &len) < 0)
		return;
	json_bytes(j, "cgroup_path", group, len < 4096 ? len : 4096);
	if (procfs_container_id(group, len, id))
		json_str(j, "container_id", id);
}

static void add_namespaces(const struct process *p, struct json *j)
{
	static const char *const names[] = {
		"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children",
		"time", "time_for_children", "user", "uts",
	};
	char leaf[32], link[64];
	uint64_t inode;

	json_object(j, "namespaces");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *kind = strcmp(names[i], "pid_for_children") == 0 ? "pid" :
				   strcmp(names[i], "time_for_children") == 0 ? "time" :
				   names[i];
		ssize_t n;

		(void)snprintf(leaf, sizeof(leaf), "ns/%s", names[i]);
		n = readlinkat(p->dir, leaf, link, sizeof(link));
		if (n > 0 && procfs_parse_link(link, (size_t)n, kind, &inode) == 0)
			json_u64(j, names[i], inode);
	}
	json_object_end(j);
}

static void add_tasks(const struct process *p, struct json *j)
{
	AUTO_CLOSEDIR DIR *dir = p->stat.threads > 1 ? dir_open(p->top, "task") : NULL;
	struct dirent *d;
	unsigned count = 0;

	if (dir == NULL)
		return;
	json_array(j, "tids");
	while (count < TASKS_MAX && (d = readdir(dir)) != NULL) {
		pid_t tid = parse_pid(d->d_name);

		if (tid == 0)
			continue;
		json_i64(j, NULL, tid);
		count++;
	}
	json_array_end(j);
}

/* The arguments as osquery joins them, and one by one. */
static void add_cmdline(struct json *j, char *args, size_t len)
{
	size_t n = len < PROCESS_ARGS_ROW ? len : PROCESS_ARGS_ROW;

	if (n > 0 && args[n - 1] == '\0')
		n--;
	json_array(j, "argv");
	for (size_t i = 0; len > 0 && i <= n;) {
		size_t arg = strnlen(args + i, n - i);

		json_bytes(j, NULL, args + i, arg);
		i += arg + 1;
	}
	json_array_end(j);
	for (size_t i = 0; i < n; i++)
		if (args[i] == '\0')
			args[i] = ' ';
	json_bytes(j, "cmdline", args, n);
	json_u64(j, "cmdline_size", len);
}

int process_row(struct process_pass *pass, const struct process *p)
{
	ssize_t args = io_read_file(p->dir, "cmdline", pass->args, PROCESS_ARGS);
	size_t len = args == -EFBIG ? PROCESS_ARGS - 1 : args < 0 ? 0 : (size_t)args;
	bool whole = len <= PROCESS_ARGS_ROW && parse_is_utf8(pass->args, len);
	struct json *j = table_row(pass->table);
	int r = 0, end;

	add_stat(pass, p, j);
	add_status(pass, p, j, &r);
	add_exe(pass, p, j, &r);
	add_cmdline(j, pass->args, len);
	add_places(pass, p, j, &r);
	add_namespaces(p, j);
	process_resources(p, j);
	add_tasks(p, j);
	end = table_row_end(pass->table);
	if (r == 0)
		r = end;
	if (r == 0 && args < 0 && args != -EFBIG)
		r = process_gap(pass, p, "cmdline", (int)args, NULL);
	if (r == 0 && !whole)
		r = process_copy(pass, p, "cmdline");
	return r;
}
