/* test_host.c - the running host is opened so that a mount over /proc/PID hides nothing. */
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "emulator.h"
#include "host.h"

/* An empty file system over our own /proc/PID, in a mount namespace of our own. */
static bool hide_self(char *path, size_t cap)
{
	(void)snprintf(path, cap, "/proc/%d", (int)getpid());
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", path, "tmpfs", 0, NULL) == 0;
}

int main(void)
{
	char path[32], name[48];
	struct host h;
	struct stat st;

	if (!hide_self(path, sizeof(path))) {
		CHECK_SKIP("nothing can be mounted here");
		return CHECK_DONE();
	}
	(void)snprintf(name, sizeof(name), "%s/status", path);
	CHECK(stat(name, &st) < 0, "the process is hidden from everyone");
	CHECK(host_open(&h) == 0, "the host is opened");
	if (emulator_has_own_proc())
		CHECK(fstatat(h.proc, name + sizeof("/proc"), &st, 0) == 0, "and the process is there");
	else
		CHECK_SKIP("no /proc of our own can be mounted here (an emulator, or before Linux 5.2)");
	host_close(&h);
	(void)umount(path);
	return CHECK_DONE();
}
