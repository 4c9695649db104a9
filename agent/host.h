/* host.h - open directories of the host under examination: the only way to it. */
#ifndef HOST_H
#define HOST_H

/*
 * Production opens /, /proc and /sys; a test opens a fixture tree.  No
 * collector names an absolute path: everything is openat() below these.
 */
struct host {
	int root; /* O_PATH or O_RDONLY directory: / */
	int proc; /* /proc */
	int sys;  /* /sys */
};

/*
 * Open the running host; where /proc is not the kernel's, one of our own.  0;
 * -ENODEV when there is none; another negative errno.  On failure ${host} is
 * all -1.
 */
int host_open(struct host *host);

/* Close what is open; a member that is -1 is left alone. */
void host_close(struct host *host);

#endif
