/*
 * process_files.c - the open files of every process.
 *
 * Reads fd and fdinfo.  Nothing is opened through a descriptor's link: its file
 * system may be dead, so only what the kernel knows is asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "attr.h"
#include "collector.h"
#include "dir.h"
#include "io.h"
#include "parse.h"
#include "process.h"
#include "scope.h"
#include "table.h"
#include "tree_row.h"

#define LINK_MAX_BYTES 4096

static bool begins(const char *text, size_t len, const char *with)
{
	size_t n = strlen(with);

	return len >= n && memcmp(text, with, n) == 0;
}

static const char *type_of(const char *link, size_t len, uint32_t mode)
{
	if (begins(link, len, "anon_inode:"))
		return "anon_inode";
	if (begins(link, len, "socket:["))
		return "socket";
	return tree_row_type(mode);
}

static void add_fdinfo(struct json *j, const char *text, size_t len)
{
	static const char *const access[] = { "r", "w", "rw", "none" };
	struct procfs_fdinfo f;
	char flags[32];

	if (procfs_parse_fdinfo(text, len, &f) < 0)
		return;
	(void)snprintf(flags, sizeof(flags), "0%" PRIo64, f.flags);
	json_i64(j, "pos", (int64_t)f.pos);
	json_str(j, "flags", flags);
	/* An O_PATH descriptor can do neither. */
	json_str(j, "access", (f.flags & O_PATH) != 0 ? "path" : access[f.flags & 3]);
	json_u64(j, "mount_id", f.mount_id);
}

static int file_row(struct process_pass *pass, const struct process *p, int fds,
		    int infos, const char *name)
{
	char link[LINK_MAX_BYTES], text[1024];
	ssize_t n = readlinkat(fds, name, link, sizeof(link));
	struct json *j;
	struct attr a;
	uint64_t fd;

	if (n < 0 || parse_dec(name, &fd) < 0)
		return 0; /* closed meanwhile */
	if (attr_get(fds, name, true, &a) < 0)
		a = (struct attr){ .links = 1 };
	j = table_row(pass->table);
	json_i64(j, "pid", p->pid);
	json_u64(j, "fd", fd);
	json_bytes(j, "path", link, (size_t)n);
	json_str(j, "type", type_of(link, (size_t)n, a.mode));
	json_u64(j, "inode", a.inode);
	json_u64(j, "size", a.size);
	json_bool(j, "deleted", a.links == 0 && S_ISREG(a.mode));
	json_bool(j, "memfd", begins(link, (size_t)n, "/memfd:"));
	n = io_read_file(infos, name, text, sizeof(text));
	if (n > 0 || n == -EFBIG) /* what matters stands first */
		add_fdinfo(j, text, n > 0 ? (size_t)n : sizeof(text) - 1);
	return table_row_end(pass->table);
}

static int files(struct process_pass *pass, const struct process *p)
{
	AUTO_CLOSE int infos = openat(p->dir, "fdinfo", O_RDONLY | O_DIRECTORY |
				      O_CLOEXEC);
	AUTO_CLOSEDIR DIR *dir = dir_open(p->dir, "fd");
	struct dirent *d;
	int r = 0;

	if (dir == NULL)
		return process_gap(pass, p, "fd", -errno, NULL);
	for (errno = 0; r == 0 && (d = readdir(dir)) != NULL; errno = 0)
		if (d->d_name[0] != '.')
			r = file_row(pass, p, dirfd(dir), infos, d->d_name);
	if (r == 0 && errno != 0)
		r = process_gap(pass, p, "fd", -errno, NULL);
	return r;
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	return process_collect(host, req, sink, "process_files", "process_open_files", files);
}

const struct collector collector_process_files = {
	.name = "process_files",
	.group = "volatile",
	.reads = "/proc/PID/fd: open files of every process",
	.rank = RANK_DETAIL,
	.cost = COST_LOW,
	.profile = PROFILE_FAST,
	.budget_s = 60,
	.run = run,
};
