/*
 * hidden_module.c - kernel modules that /proc/modules or /sys/module lacks.
 *
 * What is built in has no "initstate" in /sys/module.  What was loaded or
 * unloaded between two looks agrees at the next.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dir.h"
#include "hidden.h"
#include "host.h"
#include "lines.h"
#include "procfs.h"
#include "scope.h"

#define LINE_BYTES ((size_t)64 << 10)

/* Is ${name} in /proc/modules?  -errno when there is no such list. */
static int in_proc(int proc, const char *name, char *buf)
{
	AUTO_CLOSE int fd = openat(proc, "modules", O_RDONLY | O_CLOEXEC);
	struct procfs_module m;
	const char *line;
	struct lines l;
	size_t len;
	int r;

	if (fd < 0)
		return -errno;
	lines_open(&l, fd, buf, LINE_BYTES, '\n');
	while ((r = lines_next(&l, &line, &len, NULL)) > 0)
		if (procfs_parse_module(line, len, &m) == 0 && m.name_len == strlen(name) &&
		    memcmp(m.name, name, m.name_len) == 0)
			return 1;
	return r;
}

static bool in_sys(int sys, const char *name)
{
	char path[300];

	return snprintf(path, sizeof(path), "module/%s/initstate", name) < (int)sizeof(path) &&
	       faccessat(sys, path, F_OK, 0) == 0;
}

static int module_row(struct hidden *h, const char *name, bool listed)
{
	return hidden_row(h, &(struct hidden_row){
		.kind = "module", .name = name, .name_len = strlen(name),
		.seen = listed ? "proc_modules" : "sys_module",
		.missing = listed ? "sys_module" : "proc_modules",
	});
}

/* Both views of one name, twice. */
static int compare(struct hidden *h, const char *name, char *buf)
{
	bool listed = false, shown = true;

	for (int i = 0; i < 2; i++) {
		int r = in_proc(h->host->proc, name, buf);

		if (r < 0)
			return 0;
		listed = r > 0;
		shown = in_sys(h->host->sys, name);
		if (listed == shown)
			return 0;
	}
	return module_row(h, name, listed);
}

/* Names of /proc/modules that /sys/module lacks. */
static int read_list(struct hidden *h, char *buf, char *again)
{
	AUTO_CLOSE int fd = openat(h->host->proc, "modules", O_RDONLY | O_CLOEXEC);
	struct procfs_module m;
	const char *line;
	struct lines l;
	size_t len;
	int r = 0;

	if (fd < 0 || faccessat(h->host->sys, "module", F_OK, 0) < 0)
		return 0;
	lines_open(&l, fd, buf, LINE_BYTES, '\n');
	while (r == 0 && lines_next(&l, &line, &len, NULL) > 0) {
		char name[256];

		if (procfs_parse_module(line, len, &m) < 0 || m.name_len >= sizeof(name))
			continue;
		(void)snprintf(name, sizeof(name), "%.*s", (int)m.name_len, m.name);
		if (!in_sys(h->host->sys, name))
			r = compare(h, name, again);
	}
	return r;
}

int hidden_modules(struct hidden *h)
{
	AUTO_FREE char *buf = malloc(LINE_BYTES);
	AUTO_FREE char *again = malloc(LINE_BYTES);
	AUTO_CLOSEDIR DIR *dir = dir_open(h->host->sys, "module");
	struct dirent *d;
	int r;

	if (buf == NULL || again == NULL)
		return -ENOMEM;
	r = read_list(h, buf, again);
	while (r == 0 && dir != NULL && (d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.' && in_sys(h->host->sys, d->d_name))
			r = compare(h, d->d_name, again);
	return r;
}
