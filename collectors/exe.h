/* exe.h - SHA-256 of running executables, each file read once. */
#ifndef EXE_H
#define EXE_H

#include <stdbool.h>
#include <stdint.h>

struct attr;
struct exe_cache;

#define EXE_HEX 65
#define EXE_MAX_BYTES ((uint64_t)512 << 20)

/* ${proc}: /proc, for the mounts of our own.  0 or -ENOMEM. */
int exe_open(struct exe_cache **ret, int proc);

/*
 * Digest of the executable of the process whose /proc directory is ${pid_dir};
 * ${a} are the attributes of its "exe".  Works for deleted files and memfds.
 * ${fresh}: true when the file was not met before.  0, and ${ret} is lower-case
 * hex; -EFBIG beyond EXE_MAX_BYTES; -EREMOTE when it lies where reading may
 * hang (network, FUSE); another negative errno.
 */
int exe_digest(struct exe_cache *c, int pid_dir, const struct attr *a,
	       char ret[EXE_HEX], bool *fresh);

void exe_free(struct exe_cache *c); /* NULL is fine */

#endif
