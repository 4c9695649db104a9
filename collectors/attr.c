/*
 * attr.c - what statx() says of a file, without waking its file system.
 *
 * The call is made directly, with the kernel's structure (statx(2),
 * include/uapi/linux/stat.h): C libraries differ in how much of it they know.
 * Needs Linux 4.11.
 */
#include "attr.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define WANT_BASIC 0x7ffu
#define WANT_BTIME 0x800u
#define WANT_MOUNT 0x1000u
#define DONT_SYNC 0x4000
#define NO_AUTOMOUNT 0x800
#define EMPTY_PATH 0x1000

struct kernel_time {
	int64_t s;
	uint32_t ns;
	int32_t pad;
};

struct kernel_statx {
	uint32_t mask, block_size;
	uint64_t attributes;
	uint32_t links, uid, gid;
	uint16_t mode, pad;
	uint64_t inode, size, blocks, attributes_mask;
	struct kernel_time atime, btime, ctime, mtime;
	uint32_t of_major, of_minor, major, minor;
	uint64_t mount_id;
	uint64_t spare[13];
};

_Static_assert(sizeof(struct kernel_statx) == 256, "the kernel's size");

static struct timespec time_of(const struct kernel_time *t)
{
	return (struct timespec){ .tv_sec = t->s, .tv_nsec = (long)t->ns };
}

int attr_get(int dir, const char *name, bool follow, struct attr *ret)
{
	int flags = DONT_SYNC | NO_AUTOMOUNT | EMPTY_PATH |
		    (follow ? 0 : AT_SYMLINK_NOFOLLOW);
	struct kernel_statx x = { 0 };

	if (syscall(SYS_statx, dir, name, flags,
		    WANT_BASIC | WANT_BTIME | WANT_MOUNT, &x) < 0)
		return -errno;
	*ret = (struct attr){
		.mode = x.mode,
		.uid = x.uid,
		.gid = x.gid,
		.links = x.links,
		.inode = x.inode,
		.size = x.size,
		.blocks = x.blocks,
		.device = makedev(x.major, x.minor),
		.device_of = makedev(x.of_major, x.of_minor),
		.flags = x.attributes,
		.mount_id = (x.mask & WANT_MOUNT) != 0 ? x.mount_id : 0,
		.atime = time_of(&x.atime),
		.mtime = time_of(&x.mtime),
		.ctime = time_of(&x.ctime),
	};
	if ((x.mask & WANT_BTIME) != 0)
		ret->btime = time_of(&x.btime);
	return 0;
}
