/*
 * executable.c - the programs that run, and the content of those in memory only.
 *
 * Reads the executable of every process, its executable mappings, and its
 * descriptors of files without a name.  Writes process_executables, and below
 * executables/ what a snapshot of the disks would not have: deleted files,
 * memfds, programs on file systems in memory, executable memory without a file.
 * What anyone may have put into /tmp is kept too, wherever it lies.
 *
 * Each file is read once, whoever runs it.  What the budget leaves out is a gap.
 */
#include "executable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "attr.h"
#include "collector.h"
#include "dir.h"
#include "exe.h"
#include "io.h"
#include "process.h"
#include "scope.h"
#include "sink.h"
#include "table.h"

#define LINK_MAX_BYTES 4096
#define BUDGET_BYTES ((uint64_t)128 << 20)
#define BUDGET_FULL_BYTES ((uint64_t)2 << 30)

static const char deleted_mark[] = " (deleted)";

const char *executable_why(const char *path, size_t *len, const struct attr *a)
{
	static const struct { const char *prefix, *why; } places[] = {
		{ "/dev/shm/", "shm" }, { "/run/shm/", "shm" },
		{ "/tmp/", "tmp" }, { "/var/tmp/", "tmp" },
	};
	size_t mark = sizeof(deleted_mark) - 1;
	bool deleted = *len > mark && memcmp(path + *len - mark, deleted_mark, mark) == 0;

	if (deleted)
		*len -= mark;
	if (*len >= 7 && memcmp(path, "/memfd:", 7) == 0)
		return "memfd";
	if (deleted || (a != NULL && a->links == 0))
		return "deleted";
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		size_t n = strlen(places[i].prefix);

		if (*len > n && memcmp(path, places[i].prefix, n) == 0)
			return places[i].why;
	}
	return NULL;
}

/* The bytes of ${fd} as an entry of ${size}; it may have changed since. */
static int copy(struct executable *x, int fd, const char *path, uint64_t size)
{
	struct sink_entry e = { .path = path, .size = size };
	struct sink *sink = x->pass->sink;
	uint64_t at = 0;
	ssize_t n = 0;
	int r = sink_begin(sink, &e);

	while (r == 0 && at < size) {
		size_t want = size - at < PROCESS_ARGS ? (size_t)(size - at) : PROCESS_ARGS;

		n = io_pread(fd, x->pass->args, want, (off_t)at);
		if (n <= 0)
			break;
		at += (uint64_t)n;
		r = sink_write(sink, x->pass->args, (size_t)n);
	}
	return r == 0 ? sink_end(sink) : r;
}

static int store(struct executable *x, int dir, const char *leaf, const struct attr *a,
		 struct exe_facts *f, const char *path)
{
	AUTO_CLOSE int fd = exe_open_file(dir, leaf);
	int r;

	if (fd < 0)
		return sink_gap(x->pass->sink, path, fd, "a program in memory");
	if (!f->kept || a->size > x->left) {
		x->left_out++;
		return sink_gap(x->pass->sink, path, -EDQUOT, "the budget for programs in memory is used up");
	}
	if (!exe_store(x->exes, f))
		return 0; /* another file of the same content was */
	r = copy(x, fd, path, a->size);
	x->left -= a->size;
	x->stored += r == 0;
	return r;
}

int executable_file(struct executable *x, int pid_dir, int dir, const char *leaf,
		    const struct attr *a, const struct executable_row *row, bool any)
{
	char device[32], content[96];
	bool fresh;
	struct exe_facts *f = exe_look(x->exes, pid_dir, dir, leaf, a, any, &fresh);
	struct json *j;
	int r = 0;

	if (f->result == -ENOEXEC || f->result == -ENOENT || f->result == -ESRCH)
		return 0;
	(void)snprintf(content, sizeof(content), "executables/%s", f->sha256);
	if (f->result == 0 && row->why != NULL && !f->stored)
		r = store(x, dir, leaf, a, f, content);
	if (r == 0 && f->result < 0 && fresh) {
		(void)snprintf(content, sizeof(content), "proc/%d/%s", row->pid, leaf);
		r = sink_gap(x->pass->sink, content, f->result, "executable not hashed");
	}
	if (r < 0)
		return r;
	(void)snprintf(device, sizeof(device), "%u:%u", major(a->device), minor(a->device));
	j = table_row(x->pass->table);
	json_i64(j, "pid", row->pid);
	json_str(j, "kind", row->kind);
	json_bytes(j, "path", row->path, row->path_len);
	json_str(j, "memory_only", row->why);
	json_str(j, "sha256", f->result == 0 ? f->sha256 : NULL);
	json_str(j, "build_id", f->build_id[0] != '\0' ? f->build_id : NULL);
	json_bool(j, "elf", f->elf);
	json_u64(j, "size", a->size);
	json_u64(j, "inode", a->inode);
	json_str(j, "device", device);
	json_u64(j, "links", a->links);
	json_u64(j, "uid", a->uid);
	json_i64(j, "mtime", a->mtime.tv_sec);
	json_str(j, "content", f->stored ? content : NULL);
	return table_row_end(x->pass->table);
}

/* Descriptors of programs without a name: kept at hand to be run, or run by now. */
static int descriptors(struct executable *x, const struct process *p)
{
	AUTO_CLOSEDIR DIR *dir = dir_open(p->dir, "fd");
	struct dirent *d;
	int r = 0;

	while (r == 0 && dir != NULL && (d = readdir(dir)) != NULL) {
		char link[LINK_MAX_BYTES];
		ssize_t n = d->d_name[0] == '.' ? -1 :
			    readlinkat(dirfd(dir), d->d_name, link, sizeof(link));
		struct executable_row row = { .pid = p->pid, .kind = "descriptor",
					      .path = link };
		struct attr a;

		if (n <= 0 || link[0] != '/')
			continue;
		row.path_len = (size_t)n;
		row.why = executable_why(link, &row.path_len, NULL);
		if (row.why == NULL || row.path_len == (size_t)n ||
		    attr_get(dirfd(dir), d->d_name, true, &a) < 0 || !S_ISREG(a.mode) ||
		    a.size == 0)
			continue;
		r = executable_file(x, p->dir, dirfd(dir), d->d_name, &a, &row, false);
	}
	return r;
}

static int each(struct process_pass *pass, const struct process *p)
{
	struct executable *x = pass->arg;
	char link[LINK_MAX_BYTES];
	struct executable_row row = { .pid = p->pid, .kind = "exe", .path = link };
	struct attr a;
	ssize_t n;
	int r;

	if ((p->stat.flags & PROCFS_PF_KTHREAD) != 0)
		return 0;
	r = attr_get(p->dir, "exe", true, &a);
	if (r < 0) /* a zombie, or gone */
		return process_gap(pass, p, "exe", r, NULL);
	n = readlinkat(p->dir, "exe", link, sizeof(link));
	row.path_len = n > 0 ? (size_t)n : 0;
	row.why = executable_why(link, &row.path_len, &a);
	if (p->pid == getpid()) /* evac itself */
		row.why = NULL;
	r = executable_file(x, p->dir, p->dir, "exe", &a, &row, true);
	if (r == 0)
		r = executable_maps(x, p, a.inode);
	return r == 0 ? descriptors(x, p) : r;
}

static int notes(const struct executable *x)
{
	int r = sink_note(x->pass->sink, "process_executables.recovered", "%llu",
			  (unsigned long long)x->stored);

	if (r == 0)
		r = sink_note(x->pass->sink, "process_executables.left_out", "%llu",
			      (unsigned long long)x->left_out);
	return r;
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	struct process_pass pass;
	struct executable x = {
		.pass = &pass,
		.left = req->profile == PROFILE_FULL ? BUDGET_FULL_BYTES : BUDGET_BYTES,
		.left_memory = req->profile == PROFILE_FULL ? BUDGET_FULL_BYTES : BUDGET_BYTES / 4,
	};
	int r = process_open(&pass, host, req, sink);

	pass.arg = &x;
	if (r == 0)
		r = exe_open(&x.exes, host->proc);
	if (r == 0)
		r = table_open(&pass.table, sink, "process_executables");
	if (r == 0)
		r = process_walk(&pass, "process_executables", each);
	if (r == 0)
		r = executable_walk(&x, host);
	if (r == 0)
		r = notes(&x);
	exe_free(x.exes);
	return process_close(&pass, r);
}

const struct collector collector_process_executables = {
	.name = "process_executables",
	.group = "volatile",
	.reads = "/proc/PID/exe, maps, mem, /dev/shm, /tmp: digests of what runs, content of what is in memory only",
	.rank = RANK_DETAIL,
	.cost = COST_LOW,
	.profile = PROFILE_FAST,
	.budget_s = 60,
	.run = run,
};
