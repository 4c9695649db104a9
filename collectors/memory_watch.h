/* memory_watch.h - reads that may hang, each for a limited time. */
#ifndef MEMORY_WATCH_H
#define MEMORY_WATCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct memory_watch;

/* As pread(2): its bytes, or -1 and errno. */
typedef ssize_t memory_watch_pread(int fd, void *buf, size_t len, off_t offset);

/* Longest read. */
#define MEMORY_WATCH_READ_MAX ((size_t)1 << 20)

/*
 * Make one.  A read that takes longer than ${limit_ms} is left behind with its
 * thread; once one was, the others get an eighth of that.  0 or -ENOMEM.
 */
int memory_watch_open(struct memory_watch **ret, memory_watch_pread *read, int limit_ms);

/*
 * Read up to ${len} bytes at ${offset}, at most MEMORY_WATCH_READ_MAX.  From
 * any thread, side by side.  How many; 0 at the end; -ETIMEDOUT when it hung,
 * or when too many have; another negative errno.
 */
ssize_t memory_watch_read(struct memory_watch *w, int fd, uint64_t offset, void *buf,
			  size_t len);

/* How many reads were left behind. */
unsigned memory_watch_hung(struct memory_watch *w);

/* End the threads that are idle; those that hang end when their read does. */
void memory_watch_close(struct memory_watch *w); /* NULL is fine */

#endif
