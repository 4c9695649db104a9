/*
 * hidden_mount.c - mounts over /proc/PID, which hide a process from whoever looks there.
 *
 * Reads the mount table of our own namespace and of the first process.  Nothing
 * is unmounted: collectors read a /proc of their own, which has none of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hidden.h"
#include "host.h"
#include "lines.h"
#include "mount.h"
#include "parse.h"
#include "scope.h"
#include "set.h"

#define LINE_BYTES ((size_t)32 << 10)

/* The pid in "/proc/PID" or "/proc/PID/...", else 0. */
static pid_t covered(const char *path, size_t len)
{
	static const char proc[] = "/proc/";
	char name[16];
	size_t n = 0;

	if (len <= sizeof(proc) - 1 || memcmp(path, proc, sizeof(proc) - 1) != 0)
		return 0;
	path += sizeof(proc) - 1;
	len -= sizeof(proc) - 1;
	while (n < len && path[n] != '/' && n < sizeof(name) - 1) {
		name[n] = path[n];
		n++;
	}
	name[n] = '\0';
	return parse_pid(name);
}

static int mount_row(struct hidden *h, const struct mount_line *m, pid_t pid)
{
	char path[4096], detail[512];
	size_t n = m->path_len < sizeof(path) ? mount_unescape(path, m->path, m->path_len) : 0;

	(void)snprintf(detail, sizeof(detail), "%.*s, %.*s of it",
		       (int)(m->type_len < 64 ? m->type_len : 64), m->type,
		       (int)(m->root_len < 400 ? m->root_len : 400), m->root);
	return hidden_row(h, &(struct hidden_row){
		.kind = "mount", .pid = pid, .name = path, .name_len = n,
		.seen = "mountinfo", .missing = "", .detail = detail,
	});
}

static int read_table(struct hidden *h, const char *name, struct set *seen, char *buf)
{
	AUTO_CLOSE int fd = openat(h->host->proc, name, O_RDONLY | O_CLOEXEC);
	struct mount_line m;
	struct lines in;
	const char *line;
	size_t len;
	int r = 0;

	if (fd < 0)
		return 0;
	lines_open(&in, fd, buf, LINE_BYTES, '\n');
	while (r == 0 && lines_next(&in, &line, &len, NULL) > 0) {
		pid_t pid = mount_parse(line, len, &m) == 0 ? covered(m.path, m.path_len) : 0;

		/* The same mount is in both tables, by different numbers. */
		if (pid > 0 && set_add(seen, (uint64_t)pid))
			r = mount_row(h, &m, pid);
	}
	return r;
}

int hidden_mounts(struct hidden *h)
{
	AUTO_FREE char *buf = malloc(LINE_BYTES);
	struct set seen = { 0 };
	int r;

	if (buf == NULL)
		return -ENOMEM;
	r = read_table(h, "self/mountinfo", &seen, buf);
	if (r == 0)
		r = read_table(h, "1/mountinfo", &seen, buf);
	set_free(&seen);
	return r;
}
