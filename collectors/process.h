/* process.h - what the parts of the process collector share. */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "procfs.h"

struct collector_request;
struct host;
struct json;
struct process;
struct process_pass;
struct sink;
struct table;

/* What a pass does with each process: 0, or the sink's error. */
typedef int process_each(struct process_pass *pass, const struct process *p);

/* One walk over /proc. */
struct process_pass {
	struct sink *sink;
	int proc;
	struct table *table;
	const char *name; /* of the collector, for its notes */
	process_each *each;
	void *arg;        /* ${each}'s */
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

/*
 * Begin a pass; its table is the caller's to open, into ${pass->table}.
 * process_close() is needed in any case.  0 or -ENOMEM.
 */
int process_open(struct process_pass *pass, const struct host *host,
		 const struct collector_request *req, struct sink *sink);

/*
 * Hand every process to ${each}; those that sleep uninterruptibly come last.
 * Notes of the collector ${name} say how many there were.  0; -ENODATA when
 * there is none; the sink's or ${each}'s error.
 */
int process_walk(struct process_pass *pass, const char *name, process_each *each);

/*
 * A whole pass that fills one ${table} by ${each}, for the collector ${name}.
 * As process_walk(); -ENOMEM.
 */
int process_collect(const struct host *host, const struct collector_request *req,
		    struct sink *sink, const char *name, const char *table,
		    process_each *each);

/* Close the table and free.  ${r}, or the first error of the end. */
int process_close(struct process_pass *pass, int r);

/* Its row in "processes".  Leaves that cannot be read are gaps. */
int process_row(struct process_pass *pass, const struct process *p);

/* What it may use and has used: members "limits", "io" and others of its row. */
void process_resources(const struct process *p, struct json *j);

/* "start_ticks" and the times of it. */
void process_start(const struct process_pass *pass, const struct procfs_stat *s,
		   struct json *j);

/* Clock ticks in milliseconds. */
uint64_t process_ms(const struct process_pass *pass, uint64_t ticks);

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
