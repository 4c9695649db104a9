/*
 * process_tables.c - open files, memory map and environment of one process.
 *
 * Reads fd, fdinfo, maps and environ.  Nothing is opened through a descriptor's
 * link: its file system may be dead, so only what the kernel knows is asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "attr.h"
#include "blob.h"
#include "dir.h"
#include "io.h"
#include "lines.h"
#include "parse.h"
#include "process.h"
#include "scope.h"
#include "secrets.h"
#include "table.h"

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
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "regular";
	case S_IFDIR:
		return "directory";
	case S_IFCHR:
		return "character";
	case S_IFBLK:
		return "block";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	case S_IFLNK:
		return "symlink";
	default:
		return "unknown";
	}
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
	j = table_row(pass->files);
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
	return table_row_end(pass->files);
}

int process_files(struct process_pass *pass, const struct process *p)
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

static int map_row(struct process_pass *pass, const struct process *p,
		   const struct procfs_map *m)
{
	struct json *j = table_row(pass->maps);
	char device[40];

	(void)snprintf(device, sizeof(device), "%02" PRIx64 ":%02" PRIx64, m->major,
		       m->minor);
	json_i64(j, "pid", p->pid);
	json_hex(j, "start", m->start);
	json_hex(j, "end", m->end);
	json_str(j, "permissions", m->permissions);
	json_u64(j, "offset", m->offset);
	json_str(j, "device", device);
	json_u64(j, "inode", m->inode);
	json_bytes(j, "path", m->path, m->path_len);
	json_i64(j, "pseudo", m->path_len == 0 || m->path[0] != '/');
	return table_row_end(pass->maps);
}

int process_maps(struct process_pass *pass, const struct process *p)
{
	AUTO_CLOSE int fd = openat(p->dir, "maps", O_RDONLY | O_CLOEXEC);
	struct procfs_map m;
	struct lines l;
	const char *line;
	bool bad = false;
	size_t len;
	int r;

	if (fd < 0)
		return process_gap(pass, p, "maps", -errno, NULL);
	lines_open(&l, fd, pass->lines, PROCESS_LINES, '\n');
	while ((r = lines_next(&l, &line, &len, NULL)) > 0) {
		if (procfs_parse_map(line, len, &m) < 0) {
			bad = true;
			continue;
		}
		r = map_row(pass, p, &m);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return process_gap(pass, p, "maps", r, NULL);
	return bad ? process_gap(pass, p, "maps", -EINVAL, "unknown form") : 0;
}

/* One variable; its value, if it is a secret, masked in ${pass}->args. */
static int env_row(struct process_pass *pass, const struct process *p,
		   const char *text, size_t len, bool *cut)
{
	const char *sign = memchr(text, '=', len);
	size_t key = sign != NULL ? (size_t)(sign - text) : len;
	const char *value = sign != NULL ? sign + 1 : text + len;
	size_t value_len = len - (size_t)(value - text), masked = 0;
	struct json *j = table_row(pass->envs);

	if (!pass->with_secrets) {
		masked = secrets_mask_value(text, key, value, value_len, pass->args, &value_len);
		value = pass->args;
	}
	json_i64(j, "pid", p->pid);
	json_bytes(j, "key", text, key < PROCESS_KEY_ROW ? key : PROCESS_KEY_ROW);
	json_bytes(j, "value", value,
		   value_len < PROCESS_ENV_ROW ? value_len : PROCESS_ENV_ROW);
	if (masked > 0)
		json_bool(j, "masked", true);
	if (key > PROCESS_KEY_ROW || value_len > PROCESS_ENV_ROW) {
		json_bool(j, "cut", true);
		*cut = true;
	}
	return table_row_end(pass->envs);
}

/* Append one variable to the copy, masked. */
static int copy_variable(struct process_pass *pass, struct blob *b, const char *text,
			 size_t len)
{
	const char *sign = memchr(text, '=', len);
	size_t key = sign != NULL ? (size_t)(sign - text) + 1 : len, n;
	int r = blob_write(b, text, key);

	(void)secrets_mask_value(text, key, text + key, len - key, pass->args, &n);
	if (r == 0)
		r = blob_write(b, pass->args, n);
	return r < 0 ? r : blob_write(b, "", 1);
}

/* The environment as it is, "proc/PID/environ", but for its secrets. */
static int copy_masked(struct process_pass *pass, const struct process *p)
{
	AUTO_CLOSE int fd = openat(p->dir, "environ", O_RDONLY | O_CLOEXEC);
	char path[48];
	struct lines l;
	struct blob b;
	const char *text;
	bool cut = false;
	size_t len;
	int r, read;

	if (fd < 0)
		return process_gap(pass, p, "environ", -errno, NULL);
	(void)snprintf(path, sizeof(path), "proc/%d/environ", (int)p->pid);
	r = blob_open(&b, pass->sink, path);
	if (r < 0)
		return r;
	lines_open(&l, fd, pass->lines, PROCESS_LINES, '\0');
	while ((read = lines_next(&l, &text, &len, &cut)) > 0)
		if (copy_variable(pass, &b, text, len) < 0)
			break; /* the blob keeps the error */
	r = blob_close(&b);
	if (r == 0 && read < 0)
		r = process_gap(pass, p, "environ", read, NULL);
	if (r == 0 && cut)
		r = process_gap(pass, p, "environ", -EFBIG, "a variable over 256 KiB is cut");
	return r;
}

int process_envs(struct process_pass *pass, const struct process *p)
{
	AUTO_CLOSE int fd = openat(p->dir, "environ", O_RDONLY | O_CLOEXEC);
	bool cut = false, any_cut = false;
	struct lines l;
	const char *text;
	size_t len;
	int r;

	if (fd < 0)
		return process_gap(pass, p, "environ", -errno, NULL);
	lines_open(&l, fd, pass->lines, PROCESS_LINES, '\0');
	while ((r = lines_next(&l, &text, &len, &cut)) > 0) {
		any_cut |= cut;
		if (len == 0) /* a process may overwrite its environment */
			continue;
		r = env_row(pass, p, text, len, &any_cut);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return process_gap(pass, p, "environ", r, NULL);
	if (!any_cut)
		return 0;
	return pass->with_secrets ? process_copy(pass, p, "environ") : copy_masked(pass, p);
}
