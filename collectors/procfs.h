/* procfs.h - parsers of the texts of /proc; bytes in, struct out, no I/O. */
#ifndef PROCFS_H
#define PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Formats: Documentation/filesystems/proc.rst of the kernel, and the files that
 * are named.  Texts need no NUL at their end.  All return 0, or -EINVAL when the
 * text does not have the form of the kernel's; ${ret} is then undefined.
 */

#define PROCFS_COMM_MAX 64 /* kworkers show more than TASK_COMM_LEN */

/* /proc/PID/stat (fs/proc/array.c). */
struct procfs_stat {
	uint64_t pid;
	char comm[PROCFS_COMM_MAX]; /* any bytes */
	size_t comm_len;
	char state;
	int64_t ppid, pgrp, session, tty;
	uint64_t flags; /* PF_* */
	uint64_t utime_ticks, stime_ticks;
	int64_t nice;
	uint64_t threads;
	uint64_t start_ticks; /* since boot */
	uint64_t vsize_bytes;
};

#define PROCFS_PF_KTHREAD 0x00200000u

int procfs_parse_stat(const char *text, size_t len, struct procfs_stat *ret);

/* /proc/PID/status.  What an older kernel does not show stays 0. */
struct procfs_status {
	uint64_t uid[4], gid[4]; /* real, effective, saved, file system */
	uint64_t rss_bytes, locked_bytes;
	uint64_t cap_inherited, cap_permitted, cap_effective;
	uint64_t cap_bounding, cap_ambient;
	uint64_t seccomp, no_new_privs, tracer_pid;
	uint64_t inner_pid; /* in the innermost pid namespace; 0: not shown */
};

int procfs_parse_status(const char *text, size_t len, struct procfs_status *ret);

#define PROCFS_LIMITS 16u
#define PROCFS_UNLIMITED UINT64_MAX

/* /proc/PID/limits, in the order of RLIMIT_*; bit N of ${seen}: limit N was there. */
struct procfs_limits {
	uint64_t soft[PROCFS_LIMITS], hard[PROCFS_LIMITS];
	uint32_t seen;
};

/* A name for a limit: "open_files". */
extern const char *const procfs_limit_names[PROCFS_LIMITS];

int procfs_parse_limits(const char *text, size_t len, struct procfs_limits *ret);

/* /proc/PID/io: bytes and calls. */
struct procfs_io {
	uint64_t rchar, wchar, syscr, syscw;
	uint64_t read_bytes, write_bytes, cancelled_write_bytes;
};

int procfs_parse_io(const char *text, size_t len, struct procfs_io *ret);

/* One line of /proc/PID/maps.  ${path} points into the text: as the kernel
 * writes it, a newline in a name being "\012". */
struct procfs_map {
	uint64_t start, end, offset, inode;
	uint64_t major, minor;
	char permissions[5];
	const char *path;
	size_t path_len;
};

int procfs_parse_map(const char *line, size_t len, struct procfs_map *ret);

/* The first lines of /proc/PID/fdinfo/N; ${inode} is 0 before Linux 5.14. */
struct procfs_fdinfo {
	uint64_t pos, flags, mount_id, inode;
};

int procfs_parse_fdinfo(const char *text, size_t len, struct procfs_fdinfo *ret);

/*
 * The path in /proc/PID/cgroup: the unified hierarchy's, unless it is the root
 * and a version 1 hierarchy says more.  ${ret} points into the text.
 */
int procfs_parse_cgroup(const char *text, size_t len, const char **ret,
			size_t *ret_len);

#define PROCFS_CONTAINER_MAX 65

/*
 * The container's id in a cgroup path: the last run of exactly 64 hexadecimal
 * digits, as docker, podman, containerd, CRI-O and ECS name their groups.
 * Writes it and a NUL.  False when there is none.
 */
bool procfs_container_id(const char *path, size_t len,
			 char ret[PROCFS_CONTAINER_MAX]);

/* The number in a link of the form "${kind}:[NUMBER]". */
int procfs_parse_link(const char *link, size_t len, const char *kind,
		      uint64_t *ret);

/* One line of /proc/modules (kernel/module/procfs.c); points into the text. */
struct procfs_module {
	const char *name, *used_by, *status, *taint;
	size_t name_len, used_by_len, status_len, taint_len;
	uint64_t size_bytes, address;
	int64_t refcount; /* -1: cannot be unloaded ("-") */
};

int procfs_parse_module(const char *line, size_t len, struct procfs_module *ret);

/* A record of /dev/kmsg (Documentation/ABI/testing/dev-kmsg). */
struct procfs_kmsg {
	uint64_t facility, level, sequence, time_us;
	char flags;          /* '-', 'c' or '+' */
	const char *message; /* the kernel's escapes "\xNN" are left */
	size_t message_len;
	const char *tags;    /* lines " KEY=VALUE" */
	size_t tags_len;
};

int procfs_parse_kmsg(const char *text, size_t len, struct procfs_kmsg *ret);

/* Value of the line "btime N" in /proc/stat: seconds since 1970 of the boot. */
int procfs_parse_btime(const char *text, size_t len, uint64_t *ret_s);

/* Cut one field off the front of a text; blanks before it are skipped.
 * False when there is none left. */
bool procfs_field(const char **text, size_t *len, const char **ret, size_t *ret_len);

/* Cut one line off the front of a text.  False when the text is used up. */
bool procfs_line(const char **text, size_t *len, const char **ret, size_t *ret_len);

#endif
