/* host.h - open directories of the host under examination: the only way to it. */
#ifndef HOST_H
#define HOST_H

/*
 * Production opens /, /proc and /sys; a test opens a fixture tree.  No
 * collector names an absolute path: everything is openat() below these.
 */
struct host {
	int root; /* O_PATH or O_RDONLY directory: / */
	int proc; /* a /proc of our own, over which nobody has mounted anything */
	int sys;  /* /sys */
};

/*
 * Open the running host; where a /proc of our own cannot be had (before Linux
 * 5.2), the one that is there.  0; -ENODEV when that is not the kernel's;
 * another negative errno.  On failure ${host} is all -1.
 */
int host_open(struct host *host);

/* Close what is open; a member that is -1 is left alone. */
void host_close(struct host *host);

#endif
