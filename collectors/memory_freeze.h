/* memory_freeze.h - a process that is held still while it is read. */
#ifndef MEMORY_FREEZE_H
#define MEMORY_FREEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/procfs.h>
#include <sys/types.h>

struct memory_freeze;

/*
 * Stop every thread of ${pid}, whose directory of /proc is ${dir}, for at most
 * ${limit_ms}: then it goes on by itself, whatever the caller does, and also
 * when evac ends in any way.  The caller ends ${ret} with memory_freeze_end().
 * 0; a negative errno when it cannot be stopped.
 */
int memory_freeze_begin(struct memory_freeze **ret, int dir, pid_t pid, int limit_ms);

/* The registers of a thread that was stopped; false: none are known. */
bool memory_freeze_registers(const struct memory_freeze *f, pid_t tid,
			     elf_gregset_t *ret);

/* Let it go on.  True when it was still held; NULL is fine. */
bool memory_freeze_end(struct memory_freeze *f);

#endif
