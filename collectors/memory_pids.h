/* memory_pids.h - whose memory is read, and in which order. */
#ifndef MEMORY_PIDS_H
#define MEMORY_PIDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct host;

#define MEMORY_PIDS_MAX 65536u

struct memory_pid {
	pid_t pid;
	bool odd;       /* its program was deleted, is in memory or in a folder for all */
	bool hidden;    /* it is not in the list of /proc */
	uint64_t pages; /* resident */
};

/*
 * Every process but our own, in order of what is worth most if not all fit: odd
 * and hidden ones, then those that use least.  Processes of other pid namespaces
 * are there too.  Room for MEMORY_PIDS_MAX; how many there are.
 */
size_t memory_pids_list(const struct host *host, struct memory_pid *ret);

#endif
