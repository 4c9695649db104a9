/* process.h - what the parts of the process collector share. */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "procfs.h"

struct exe_cache;
struct sink;
struct table;

/* One walk over /proc. */
struct process_pass {
	struct sink *sink;
	int proc;
	struct table *processes, *files, *maps, *envs;
	struct exe_cache *exes;
	bool with_secrets; /* else secrets in environments are masked */
	uint64_t boot_s; /* 0: not known */
	uint64_t hz;
	char *text;      /* of the small files of one process */
	char *args;      /* its command line, then masked values of its environment */
	char *lines;     /* its maps, then its environment */
	uint64_t seen, vanished, deferred;
};

#define PROCESS_TEXT ((size_t)128 << 10)
#define PROCESS_ARGS ((size_t)1 << 20)
#define PROCESS_LINES ((size_t)256 << 10)

/* Parts of a text that go into a row; all of it is then in a file beside it. */
#define PROCESS_ARGS_ROW ((size_t)12 << 10)
#define PROCESS_ENV_ROW ((size_t)24 << 10)
#define PROCESS_KEY_ROW ((size_t)4 << 10)

/* One process. */
struct process {
	pid_t pid;
	int top; /* its /proc directory */
	int dir; /* where its leaves are read: the same, or that of a live thread */
	struct procfs_stat stat;
};

/* Parts write their rows; leaves that cannot be read are gaps.  All return 0,
 * or the sink's error. */

/* Its row in "processes". */
int process_row(struct process_pass *pass, const struct process *p);

/* Its rows in "process_open_files". */
int process_files(struct process_pass *pass, const struct process *p);

/* Its rows in "process_memory_map". */
int process_maps(struct process_pass *pass, const struct process *p);

/* Its rows in "process_envs". */
int process_envs(struct process_pass *pass, const struct process *p);

/*
 * A leaf of a process could not be read.  No gap when the process is gone or
 * the kernel has no such file.
 */
int process_gap(struct process_pass *pass, const struct process *p,
		const char *leaf, int why, const char *detail);

/* Copy a leaf whole, as "proc/PID/LEAF". */
int process_copy(struct process_pass *pass, const struct process *p,
		 const char *leaf);

#endif
