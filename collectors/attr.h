/* attr.h - what statx() says of a file, without waking its file system. */
#ifndef ATTR_H
#define ATTR_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define ATTR_IMMUTABLE 0x10u
#define ATTR_APPEND 0x20u

struct attr {
	uint32_t mode, uid, gid, links;
	uint64_t inode, size, blocks; /* blocks of 512 bytes */
	uint64_t device;              /* as dev_t of stat() */
	uint64_t device_of;           /* the device a device file stands for */
	uint64_t flags;               /* ATTR_IMMUTABLE, ATTR_APPEND: as STATX_ATTR_ */
	uint64_t mount_id;            /* 0: not known (before Linux 5.8) */
	struct timespec atime, mtime, ctime;
	struct timespec btime;        /* 0: not known */
};

/*
 * Attributes of ${name} below ${dir}, or of the descriptor ${dir} when ${name}
 * is "".  Nothing is mounted and a remote file system is not asked: what the
 * kernel knows has to do.  ${follow}: through a symbolic link.  0 or -errno.
 */
int attr_get(int dir, const char *name, bool follow, struct attr *ret);

#endif
