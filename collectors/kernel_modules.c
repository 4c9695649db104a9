/*
 * kernel_modules.c - loaded modules, by two lists that should agree.
 *
 * Reads /proc/modules and /sys/module.  A module that is in one only gets a row
 * that says so: hiding from the first is the oldest trick, and is often all.
 * What came or went between the two looks is looked at again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dir.h"
#include "host.h"
#include "io.h"
#include "kernel.h"
#include "lines.h"
#include "parse.h"
#include "procfs.h"
#include "scope.h"
#include "sink.h"
#include "table.h"

#define TEXT_BYTES ((size_t)64 << 10)
#define VALUE_BYTES 1024u
#define PARAMETERS_MAX 256u
#define MODULES_MAX 4096u
#define NAME_BYTES 64u /* MODULE_NAME_LEN is 56 */

struct names {
	char (*list)[NAME_BYTES];
	size_t count;
};

static bool has(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->list[i], name) == 0)
			return true;
	return false;
}

/* A file of one line as a column; nothing when it is not there. */
static void add_file(struct json *j, const char *key, int dir, const char *name)
{
	char buf[VALUE_BYTES];
	ssize_t n = io_read_file(dir, name, buf, sizeof(buf));

	if (n == -EFBIG)
		n = sizeof(buf) - 1;
	if (n > 0 && buf[n - 1] == '\n')
		n--;
	if (n >= 0)
		json_bytes(j, key, buf, (size_t)n);
}

static void add_parameters(struct json *j, int dir)
{
	AUTO_CLOSEDIR DIR *params = dir_open(dir, "parameters");
	unsigned count = 0;
	struct dirent *d;

	if (params == NULL)
		return;
	json_array(j, "parameters");
	while (count < PARAMETERS_MAX && (d = readdir(params)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		json_object(j, NULL);
		json_str(j, "name", d->d_name);
		add_file(j, "value", dirfd(params), d->d_name);
		json_object_end(j);
		count++;
	}
	json_array_end(j);
}

static void add_sys(struct json *j, int dir)
{
	add_file(j, "srcversion", dir, "srcversion");
	add_file(j, "module_version", dir, "version");
	add_file(j, "build_taint", dir, "taint");
	add_file(j, "text_address", dir, "sections/.text");
	add_parameters(j, dir);
}

/* /sys/module/NAME of a loaded module: one built in has no "initstate". */
static int open_sys(int sys, const char *name)
{
	char path[NAME_BYTES + 16];
	AUTO_CLOSE int fd = -1;

	if (strchr(name, '/') != NULL ||
	    snprintf(path, sizeof(path), "module/%s", name) >= (int)sizeof(path))
		return -1;
	fd = openat(sys, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || faccessat(fd, "initstate", F_OK, 0) < 0)
		return -1;
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static int listed_row(struct table *t, const struct host *host,
		      const struct procfs_module *m)
{
	struct json *j = table_row(t);
	char name[NAME_BYTES];

	(void)snprintf(name, sizeof(name), "%.*s", (int)m->name_len, m->name);
	AUTO_CLOSE int dir = open_sys(host->sys, name);
	json_bytes(j, "name", m->name, m->name_len);
	json_u64(j, "size", m->size_bytes);
	json_bytes(j, "used_by", m->used_by, m->used_by_len);
	json_bytes(j, "status", m->status, m->status_len);
	json_hex(j, "address", m->address);
	json_i64(j, "refcount", m->refcount);
	json_bytes(j, "taint", m->taint, m->taint_len);
	json_bool(j, "in_proc_modules", true);
	json_bool(j, "in_sys_module", dir >= 0);
	if (dir >= 0)
		add_sys(j, dir);
	return table_row_end(t);
}

/* Rows of /proc/modules (${t} NULL: only their names, into ${names}). */
static int read_list(struct table *t, const struct host *host, struct names *names)
{
	AUTO_CLOSE int fd = openat(host->proc, "modules", O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *buf = malloc(TEXT_BYTES);
	struct procfs_module m;
	const char *line;
	struct lines l;
	size_t len;
	int r;

	if (fd < 0)
		return -errno;
	if (buf == NULL)
		return -ENOMEM;
	names->count = 0;
	lines_open(&l, fd, buf, TEXT_BYTES, '\n');
	while ((r = lines_next(&l, &line, &len, NULL)) > 0) {
		if (procfs_parse_module(line, len, &m) < 0 ||
		    m.name_len >= NAME_BYTES || names->count == MODULES_MAX)
			return -EINVAL;
		(void)snprintf(names->list[names->count++], NAME_BYTES, "%.*s",
			       (int)m.name_len, m.name);
		r = t != NULL ? listed_row(t, host, &m) : 0;
		if (r < 0)
			return r;
	}
	return r;
}

static int hidden_row(struct table *t, int sys, const char *name)
{
	AUTO_CLOSE int dir = open_sys(sys, name);
	struct json *j;

	if (dir < 0)
		return 0; /* unloaded meanwhile */
	j = table_row(t);
	json_str(j, "name", name);
	add_file(j, "size", dir, "coresize");
	add_file(j, "status", dir, "initstate");
	add_file(j, "refcount", dir, "refcnt");
	json_bool(j, "in_proc_modules", false);
	json_bool(j, "in_sys_module", true);
	add_sys(j, dir);
	return table_row_end(t);
}

/* Modules in /sys/module that the list did not have, twice. */
static int read_hidden(struct table *t, const struct host *host,
		       struct names *names, uint64_t *count)
{
	AUTO_CLOSEDIR DIR *all = dir_open(host->sys, "module");
	bool again = false;
	struct dirent *d;
	int r = 0;

	if (all == NULL)
		return -errno;
	while (r == 0 && (d = readdir(all)) != NULL) {
		AUTO_CLOSE int dir = d->d_name[0] == '.' || has(names, d->d_name) ? -1 :
				     open_sys(host->sys, d->d_name);

		if (dir < 0)
			continue;
		if (!again && read_list(NULL, host, names) < 0)
			names->count = 0;
		again = true;
		if (has(names, d->d_name))
			continue;
		++*count;
		r = hidden_row(t, host->sys, d->d_name);
	}
	return r;
}

int kernel_modules_read(const struct host *host, struct sink *sink)
{
	struct names names = { .list = calloc(MODULES_MAX, NAME_BYTES) };
	uint64_t hidden = 0;
	struct table *t;
	int r = -ENOMEM, end;

	if (names.list == NULL)
		return r;
	r = table_open(&t, sink, "kernel_modules");
	if (r < 0)
		goto free_names;
	r = read_list(t, host, &names);
	if (r == -ENOENT) /* a kernel without modules */
		r = sink_note(sink, "kernel.modules", "not supported by this kernel");
	else if (r == 0)
		r = read_hidden(t, host, &names, &hidden);
	if (r == 0)
		r = sink_note(sink, "kernel.modules_hidden", "%llu",
			      (unsigned long long)hidden);
	end = table_close(t);
	if (r == 0)
		r = end;
free_names:
	free(names.list);
	return r;
}
