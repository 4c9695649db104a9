/* executable.h - what the parts of the executable collector share. */
#ifndef EXECUTABLE_H
#define EXECUTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct attr;
struct exe_cache;
struct exe_facts;
struct host;
struct process;
struct process_pass;
struct table;

/* A pass over the processes, and what it may still store. */
struct executable {
	struct process_pass *pass;
	struct exe_cache *exes;
	uint64_t left;      /* bytes of files that the budget has left */
	uint64_t left_memory; /* and of memory, which compilers at run time have much of */
	uint64_t stored, left_out; /* contents */
};

/* One program or piece of one, as a row of "process_executables". */
struct executable_row {
	int pid;            /* 0: no process runs it */
	const char *kind;   /* "exe", "mapping", "descriptor", "anonymous", "file" */
	const char *path;   /* without the kernel's mark that it is gone */
	size_t path_len;
	const char *why;    /* it is in memory only, or where any user may put it; NULL: it is not */
};

/*
 * Why a program of this name and these attributes (may be NULL) must be kept:
 * "memfd", "deleted", "shm", "tmp"; NULL: the disk has it.  The mark
 * " (deleted)" is taken off ${len}.
 */
const char *executable_why(const char *path, size_t *len, const struct attr *a);

/*
 * The file behind ${leaf} in ${dir}: its facts as a row, and its content into
 * the evidence, as "executables/SHA256", when ${row->why} says so and the
 * budget allows.  ${pid_dir} is a /proc directory in whose mounts it lies.
 * ${any}: also what is no ELF.  0, or the sink's error.
 */
int executable_file(struct executable *x, int pid_dir, int dir, const char *leaf,
		    const struct attr *a, const struct executable_row *row, bool any);

/* Executable mappings of a process whose content no file of the disk has. */
int executable_maps(struct executable *x, const struct process *p, uint64_t exe_inode);

/* Programs on file systems in memory that nobody needs to run. */
int executable_walk(struct executable *x, const struct host *host);

#endif
