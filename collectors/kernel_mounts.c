/*
 * kernel_mounts.c - what is mounted where, in every mount namespace.
 *
 * Reads /proc/self/mountinfo and that of one process in each other namespace.
 * No mounted file system is asked anything: it may be dead.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "attr.h"
#include "dir.h"
#include "host.h"
#include "kernel.h"
#include "lines.h"
#include "mount.h"
#include "parse.h"
#include "scope.h"
#include "set.h"
#include "sink.h"
#include "table.h"

#define TEXT_BYTES ((size_t)64 << 10)
#define PART_BYTES ((size_t)4096)

struct mounts_pass {
	struct table *table;
	char *text, *part;
	uint64_t ns;
	pid_t pid;
};

/* A field with its escapes undone. */
static void add(struct mounts_pass *p, struct json *j, const char *key,
		const char *text, size_t len)
{
	size_t n = mount_unescape(p->part, text, len < PART_BYTES ? len : PART_BYTES);

	json_bytes(j, key, p->part, n);
}

static int row(struct mounts_pass *p, const struct mount_line *m)
{
	struct json *j = table_row(p->table);
	char device[32];

	(void)snprintf(device, sizeof(device), "%u:%u", major(m->device),
		       minor(m->device));
	add(p, j, "device", m->source, m->source_len);
	add(p, j, "path", m->path, m->path_len);
	add(p, j, "type", m->type, m->type_len);
	add(p, j, "flags", m->options, m->options_len);
	add(p, j, "super_options", m->super_options, m->super_options_len);
	add(p, j, "root", m->root, m->root_len);
	json_u64(j, "mount_id", m->id);
	json_u64(j, "parent_id", m->parent);
	json_str(j, "device_number", device);
	json_u64(j, "mnt_namespace", p->ns);
	json_i64(j, "pid", p->pid);
	return table_row_end(p->table);
}

/* 0; 1 when the table could not be read; the sink's error. */
static int read_table(struct mounts_pass *p, int dir, const char *name)
{
	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	struct mount_line m;
	const char *line;
	struct lines l;
	size_t len;
	int r;

	if (fd < 0)
		return 1;
	lines_open(&l, fd, p->text, TEXT_BYTES, '\n');
	while ((r = lines_next(&l, &line, &len, NULL)) > 0) {
		r = mount_parse(line, len, &m) == 0 ? row(p, &m) : 0;
		if (r < 0)
			return r;
	}
	return r < 0 ? 1 : 0;
}

static int read_others(struct mounts_pass *p, int proc, struct set *seen)
{
	AUTO_CLOSEDIR DIR *dir = dir_open(proc, ".");
	struct dirent *d;
	int r = 0;

	while (dir != NULL && r >= 0 && (d = readdir(dir)) != NULL) {
		char path[64];
		struct attr a;

		p->pid = parse_pid(d->d_name);
		if (p->pid == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%d/ns/mnt", (int)p->pid);
		if (attr_get(proc, path, true, &a) < 0 || set_has(seen, a.inode))
			continue;
		p->ns = a.inode;
		(void)snprintf(path, sizeof(path), "%d/mountinfo", (int)p->pid);
		r = read_table(p, proc, path);
		if (r == 0)
			(void)set_add(seen, a.inode);
	}
	return r < 0 ? r : 0;
}

int kernel_mounts_read(const struct host *host, struct sink *sink)
{
	AUTO_FREE char *text = malloc(TEXT_BYTES);
	AUTO_FREE char *part = malloc(PART_BYTES);
	struct mounts_pass p = { .text = text, .part = part };
	struct set seen = { 0 };
	struct attr own;
	int r, end;

	if (text == NULL || part == NULL)
		return -ENOMEM;
	r = table_open(&p.table, sink, "mounts");
	if (r < 0)
		return r;
	if (attr_get(host->proc, "self/ns/mnt", true, &own) == 0) {
		p.ns = own.inode;
		(void)set_add(&seen, own.inode);
	}
	r = read_table(&p, host->proc, "self/mountinfo");
	if (r == 1)
		r = sink_gap(sink, "proc/self/mountinfo", -EIO, "not readable");
	if (r == 0)
		r = read_others(&p, host->proc, &seen);
	set_free(&seen);
	end = table_close(p.table);
	return r < 0 ? r : end;
}
