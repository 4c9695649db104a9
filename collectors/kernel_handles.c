/*
 * kernel_handles.c - who holds a handle into the kernel that no file stands for:
 * io_uring, BPF, perf events, userfaultfd, fanotify.
 *
 * Reads the links in /proc/PID/fd and what /proc/PID/fdinfo says of each that is
 * one.  io_uring does system calls that no tracer sees; the rest watches or
 * changes what others do.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bpf.h"
#include "dir.h"
#include "host.h"
#include "io.h"
#include "kernel.h"
#include "parse.h"
#include "procfs.h"
#include "scope.h"
#include "sink.h"
#include "table.h"

#define INFO_BYTES 4096u
#define ROWS_MAX 100000u

/* The kinds worth a row; JVMs and the like have thousands of the others. */
static const char *kind_of(const char *link, size_t len)
{
	static const struct { const char *link, *kind; } kinds[] = {
		{ "anon_inode:[io_uring]", "io_uring" },
		{ "anon_inode:bpf-prog", "bpf_program" },
		{ "anon_inode:bpf-map", "bpf_map" },
		{ "anon_inode:bpf_link", "bpf_link" },
		{ "anon_inode:bpf-link", "bpf_link" },
		{ "anon_inode:[perf_event]", "perf_event" },
		{ "anon_inode:[userfaultfd]", "userfaultfd" },
		{ "anon_inode:[fanotify]", "fanotify" },
		{ "anon_inode:kvm-vm", "kvm" },
		{ "anon_inode:[seccomp notify]", "seccomp_notify" },
		{ "anon_inode:seccomp notify", "seccomp_notify" },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strlen(kinds[i].link) == len && memcmp(kinds[i].link, link, len) == 0)
			return kinds[i].kind;
	return NULL;
}

static void add_info(struct json *j, int proc, pid_t pid, const char *fd)
{
	char path[64], info[INFO_BYTES];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%d/fdinfo/%s", (int)pid, fd);
	n = io_read_file(proc, path, info, sizeof(info));
	if (n == -EFBIG)
		n = sizeof(info) - 1;
	if (n > 0)
		json_bytes(j, "fdinfo", info, (size_t)n);
}

/* bpf(2) counts processes as our own namespace does. */
static void add_probe(struct json *j, pid_t pid, int fd)
{
	char probe[256];
	uint32_t program;

	if (bpf_of_event((int)pid, fd, &program, probe, sizeof(probe)) < 0)
		return;
	json_u64(j, "bpf_program", program);
	json_bytes(j, "probe", probe, strlen(probe));
}

static int take_process(struct table *t, int proc, pid_t pid)
{
	char path[32], link[64];
	struct dirent *e;
	int r = 0;

	(void)snprintf(path, sizeof(path), "%d/fd", (int)pid);
	AUTO_CLOSEDIR DIR *d = dir_open(proc, path);

	while (d != NULL && r == 0 && table_rows(t) < ROWS_MAX && (e = readdir(d)) != NULL) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof(link));
		const char *kind = n > 0 ? kind_of(link, (size_t)n) : NULL;
		struct json *j;
		uint64_t fd;

		if (kind == NULL || parse_dec(e->d_name, &fd) < 0)
			continue;
		j = table_row(t);
		json_i64(j, "pid", pid);
		json_u64(j, "fd", fd);
		json_str(j, "kind", kind);
		add_info(j, proc, pid, e->d_name);
		if (strcmp(kind, "perf_event") == 0)
			add_probe(j, pid, (int)fd);
		r = table_row_end(t);
	}
	return r;
}

int kernel_handles_read(const struct host *host, struct sink *sink)
{
	AUTO_CLOSEDIR DIR *d = dir_open(host->proc, ".");
	struct dirent *e;
	struct table *t;
	int r = table_open(&t, sink, "kernel_handles"), end;

	if (r < 0)
		return r;
	while (d != NULL && r == 0 && (e = readdir(d)) != NULL) {
		pid_t pid = parse_pid(e->d_name);

		if (pid > 0)
			r = take_process(t, host->proc, pid);
	}
	end = table_close(t);
	return r < 0 ? r : end;
}
