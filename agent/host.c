/*
 * host.c - open directories of the running host.
 */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int open_dir(const char *path, int *ret)
{
	*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? -errno : 0;
}

int host_open(struct host *host)
{
	int r;

	*host = (struct host){ .root = -1, .proc = -1, .sys = -1 };
	r = open_dir("/", &host->root);
	if (r == 0)
		r = open_dir("/proc", &host->proc);
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
