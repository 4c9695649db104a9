/*
 * tree_row.c - one file of the host as a row of "files".
 *
 * Columns as in osquery's table "file", and the nanoseconds of its times.
 */
#include "tree_row.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "attr.h"
#include "table.h"

const char *tree_row_type(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "regular";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "symlink";
	case S_IFCHR:
		return "character";
	case S_IFBLK:
		return "block";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	default:
		return "unknown";
	}
}

static void add_time(struct json *j, const char *key, const char *ns_key,
		     const struct timespec *t)
{
	json_i64(j, key, t->tv_sec);
	json_i64(j, ns_key, t->tv_nsec);
}

static void add_names(struct json *j, const char *path)
{
	const char *slash = strrchr(path, '/');

	json_bytes(j, "path", path, strlen(path));
	if (slash == NULL)
		return;
	json_bytes(j, "directory", path, slash == path ? 1 : (size_t)(slash - path));
	json_bytes(j, "filename", slash + 1, strlen(slash + 1));
}

int tree_row_write(struct table *t, const struct tree_row *row)
{
	const struct attr *a = row->attr;
	struct json *j = table_row(t);
	char text[32];

	add_names(j, row->path);
	json_str(j, "type", tree_row_type(a->mode));
	if (S_ISLNK(a->mode))
		json_bytes(j, "symlink_target_path", row->target, row->target_len);
	(void)snprintf(text, sizeof(text), "%04o", a->mode & 07777u);
	json_str(j, "mode", text);
	json_u64(j, "uid", a->uid);
	json_u64(j, "gid", a->gid);
	json_u64(j, "size", a->size);
	if (row->size_end != a->size)
		json_u64(j, "size_end", row->size_end);
	json_u64(j, "inode", a->inode);
	json_u64(j, "hard_links", a->links);
	(void)snprintf(text, sizeof(text), "%u:%u", major(a->device), minor(a->device));
	json_str(j, "device", text);
	if (S_ISCHR(a->mode) || S_ISBLK(a->mode)) {
		(void)snprintf(text, sizeof(text), "%u:%u", major(a->device_of),
			       minor(a->device_of));
		json_str(j, "device_of", text);
	}
	add_time(j, "atime", "atime_ns", &a->atime);
	add_time(j, "mtime", "mtime_ns", &a->mtime);
	add_time(j, "ctime", "ctime_ns", &a->ctime);
	if (a->btime.tv_sec != 0)
		add_time(j, "btime", "btime_ns", &a->btime);
	json_bool(j, "collected", row->collected);
	if (S_ISREG(a->mode))
		json_u64(j, "collected_bytes", row->copied);
	if (row->masked > 0)
		json_u64(j, "masked_places", row->masked);
	if (row->why != NULL)
		json_str(j, "why", row->why);
	return table_row_end(t);
}
