/* Asks by a descriptor of /proc: an emulator shows its guest what it wants to see by the usual name alone. */
#include "emulator.h"

#include "scope.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

bool emulator_is_here(void)
{
	AUTO_CLOSE int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char own[PATH_MAX], real[PATH_MAX];
	ssize_t a = readlink("/proc/self/exe", own, sizeof(own)), b = readlinkat(proc, "self/exe", real, sizeof(real));

	return a != b || a < 0 || memcmp(own, real, (size_t)a) != 0;
}

bool emulator_has_own_proc(void)
{
	AUTO_CLOSE int fs = (int)syscall(SYS_fsopen, "proc", 1 /* FSOPEN_CLOEXEC */);

	return fs >= 0;
}
