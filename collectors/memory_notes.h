/* memory_notes.h - the notes of a process's ELF core file: threads, names, mapped files. */
#ifndef MEMORY_NOTES_H
#define MEMORY_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"

struct procfs_map;

/* Allocated once for many processes. */
struct memory_notes {
	struct buf out;      /* the content of PT_NOTE */
	struct buf files;    /* start, end and offset of each mapped file */
	struct buf names;    /* and their names */
	uint64_t file_count;
	uint64_t threads;    /* that have a note */
	uint64_t registers;  /* of them, with stack pointer and program counter */
	bool cut;            /* something did not fit */
};

int memory_notes_open(struct memory_notes *n); /* 0 or -ENOMEM */
void memory_notes_free(struct memory_notes *n);

/* Forget the process before. */
void memory_notes_begin(struct memory_notes *n);

/* A mapping of the process; what is no file is left out. */
void memory_notes_map(struct memory_notes *n, const struct procfs_map *map);

/*
 * Write the notes of process ${pid}, whose directory of /proc is ${dir}: one
 * NT_PRSTATUS a thread, its own first, then NT_PRPSINFO, NT_AUXV and NT_FILE
 * behind the first (Linux fs/binfmt_elf.c).  The process is not stopped: of a
 * thread that waits in the kernel the stack pointer, the program counter and
 * the arguments of its system call are known; all else is 0.
 */
void memory_notes_end(struct memory_notes *n, int dir, pid_t pid, size_t page);

#endif
