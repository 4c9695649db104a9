/* memory_notes.h - the notes of a process's ELF core file: threads, names, mapped files. */
#ifndef MEMORY_NOTES_H
#define MEMORY_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"

struct memory_areas_source;
struct procfs_map;

/* Allocated once for many processes. */
struct memory_notes {
	struct buf out;      /* the content of PT_NOTE */
	struct buf files;    /* start, end and offset of each mapped file */
	struct buf names;    /* and their names */
	uint64_t file_count;
	uint64_t threads;    /* that have a note */
	uint64_t registers;  /* of them, with stack pointer and program counter at least */
	bool cut;            /* something did not fit */
};

int memory_notes_open(struct memory_notes *n); /* 0 or -ENOMEM */
void memory_notes_free(struct memory_notes *n);

/* Forget the process before. */
void memory_notes_begin(struct memory_notes *n);

/* A mapping of the process; what is no file is left out. */
void memory_notes_map(struct memory_notes *n, const struct procfs_map *map);

/*
 * Write the notes of a process: one NT_PRSTATUS a thread, the main one's first,
 * behind which NT_PRPSINFO, NT_AUXV and NT_FILE stand (Linux fs/binfmt_elf.c).
 * Of a process that is not held still the threads that wait in the kernel have
 * their stack pointer, program counter and the arguments of their system call;
 * all other registers are 0.
 */
void memory_notes_end(struct memory_notes *n,
		      const struct memory_areas_source *source);

#endif
