/*
 * kernel_trace.c - probes and tracers that are set in the kernel.
 *
 * Reads tracefs and debugfs where the host has them mounted, else by a mount of
 * evac's own that is in no namespace: the host's mounts stay as they are.  The
 * texts are copied, none is written to.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dir.h"
#include "host.h"
#include "io.h"
#include "kernel.h"
#include "raw.h"
#include "scope.h"
#include "sink.h"

#define INSTANCES_MAX 64u
#define FILESYSTEMS_BYTES 4096u

/* "trace" and "trace_pipe" are left: they are large, and reading one takes away. */
static const char *const trace_texts[] = {
	"kprobe_events", "kprobe_profile", "uprobe_events", "uprobe_profile",
	"dynamic_events", "synthetic_events", "enabled_functions",
	"touched_functions", "current_tracer", "tracing_on", "set_event",
	"set_event_pid", "set_ftrace_filter", "set_ftrace_notrace",
	"set_ftrace_pid", "set_graph_function", "trace_clock", "error_log",
	"stack_trace_filter",
};

static const char *const debug_texts[] = {
	"kprobes/list", "kprobes/enabled", "kprobes/blacklist",
	"dynamic_debug/control",
};

/* Asking for a file system that the kernel lacks would make it load one. */
static bool registered(const struct host *host, const char *type)
{
	char text[FILESYSTEMS_BYTES], line[32];
	ssize_t n = io_read_file(host->proc, "filesystems", text, sizeof(text));

	(void)snprintf(line, sizeof(line), "\t%s\n", type);
	return n > 0 && strstr(text, line) != NULL;
}

static int mount_own(const char *type)
{
	int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC), fd = -1;

	if (fs < 0)
		return -1;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
				  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	(void)close(fs);
	return fd;
}

/* The host's, if ${probe} is there; else our own. */
static int open_files(const struct host *host, const char *path, const char *type,
		      const char *probe)
{
	int fd = openat(host->sys, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && faccessat(fd, probe, F_OK, 0) == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return registered(host, type) ? mount_own(type) : -1;
}

static int copy(struct sink *sink, int dir, const char *prefix, const char *const *texts,
		size_t count, uint64_t *copied)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = raw_copy(sink, dir, texts[i], prefix, copied);
	return r;
}

/* Each instance traces by itself. */
static int copy_instances(struct sink *sink, int dir, uint64_t *copied)
{
	AUTO_CLOSEDIR DIR *d = dir_open(dir, "instances");
	unsigned count = 0;
	struct dirent *e;
	int r = 0;

	while (d != NULL && r == 0 && count < INSTANCES_MAX && (e = readdir(d)) != NULL) {
		char prefix[300];

		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(prefix, sizeof(prefix), "sys/kernel/tracing/instances/%s", e->d_name);
		AUTO_CLOSE int one = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY |
					    O_NOFOLLOW | O_CLOEXEC);

		if (one >= 0)
			r = copy(sink, one, prefix, trace_texts, ARRAY_LEN(trace_texts), copied);
		count++;
	}
	return r;
}

int kernel_trace_read(const struct host *host, struct sink *sink)
{
	AUTO_CLOSE int trace = open_files(host, "kernel/tracing", "tracefs", "current_tracer");
	AUTO_CLOSE int debug = open_files(host, "kernel/debug", "debugfs", "kprobes");
	uint64_t copied = 0;
	int r = 0;

	if (trace >= 0)
		r = copy(sink, trace, "sys/kernel/tracing", trace_texts, ARRAY_LEN(trace_texts),
			 &copied);
	if (trace >= 0 && r == 0)
		r = copy_instances(sink, trace, &copied);
	if (debug >= 0 && r == 0)
		r = copy(sink, debug, "sys/kernel/debug", debug_texts, ARRAY_LEN(debug_texts), &copied);
	if (r == 0)
		r = sink_note(sink, "kernel.trace_texts", "%llu", (unsigned long long)copied);
	return r;
}
