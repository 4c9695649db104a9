/*
 * host.c - open directories of the running host.
 *
 * The root is a private view of it that is read-only and keeps no access
 * times: O_NOATIME does not help where a symbolic link is read, and one new
 * time would be a write to the disk.  Where the kernel has no such views
 * (before 5.12) or does not allow one, it is the plain directory.
 */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* <linux/fcntl.h> has it, which cannot stand beside <fcntl.h>. */
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

/* The view is in no mount namespace, and is gone with its descriptor. */
static int open_view(const char *path)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME,
		.attr_clr = MOUNT_ATTR__ATIME,
	};
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, path,
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (fd < 0)
		return -1;
	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE,
		    &attr, sizeof(attr)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static int open_dir(const char *path, int *ret)
{
	*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? -errno : 0;
}

/* A /proc of our own, in no mount namespace. */
static int mount_proc(void)
{
	int fs = (int)syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC), fd = -1;

	if (fs < 0)
		return -1;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	(void)close(fs);
	return fd;
}

/*
 * What is mounted at /proc and below it may be the attacker's: an empty
 * directory over /proc/PID hides a process from everyone.  Nothing lies over
 * one of our own.  Without that, what stands there must be the kernel's.
 */
static int open_proc(int *ret)
{
	struct statfs st;
	int r;

	*ret = mount_proc();
	if (*ret >= 0)
		return 0;
	r = open_dir("/proc", ret);
	if (r == 0 && fstatfs(*ret, &st) == 0 && st.f_type == PROC_SUPER_MAGIC)
		return 0;
	if (*ret >= 0)
		(void)close(*ret);
	*ret = -1;
	return -ENODEV;
}

int host_open(struct host *host)
{
	int r;

	*host = (struct host){ .root = -1, .proc = -1, .sys = -1 };
	r = 0;
	host->root = open_view("/");
	if (host->root < 0)
		r = open_dir("/", &host->root);
	if (r == 0)
		r = open_proc(&host->proc);
	if (r == 0)
		r = open_dir("/sys", &host->sys);
	if (r < 0)
		host_close(host);
	return r;
}

void host_close(struct host *host)
{
	if (host->root >= 0)
		(void)close(host->root);
	if (host->proc >= 0)
		(void)close(host->proc);
	if (host->sys >= 0)
		(void)close(host->sys);
	*host = (struct host){ .root = -1, .proc = -1, .sys = -1 };
}
