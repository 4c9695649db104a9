/* Texts of /proc: every parser on any bytes, line by line and whole. */
#include <stddef.h>
#include <stdint.h>

#include "mount.h"
#include "procfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void lines(const char *text, size_t len)
{
	struct procfs_module module;
	struct mount_line mount;
	struct procfs_map map;
	const char *line;
	char path[4096];
	size_t n;

	while (procfs_line(&text, &len, &line, &n)) {
		uint64_t v;

		(void)procfs_parse_map(line, n, &map);
		(void)procfs_parse_module(line, n, &module);
		(void)procfs_parse_link(line, n, "socket", &v);
		if (mount_parse(line, n, &mount) == 0 && mount.path_len <= sizeof(path))
			(void)mount_unescape(path, mount.path, mount.path_len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *path;
	char id[PROCFS_CONTAINER_MAX];
	struct procfs_limits limits;
	struct procfs_status status;
	struct procfs_fdinfo fdinfo;
	struct procfs_stat stat;
	struct procfs_kmsg kmsg;
	struct procfs_io io;
	uint64_t v;
	size_t n;

	if (procfs_parse_stat(text, size, &stat) == 0 && stat.comm_len > sizeof(stat.comm))
		__builtin_trap();
	(void)procfs_parse_limits(text, size, &limits);
	(void)procfs_parse_io(text, size, &io);
	(void)procfs_parse_status(text, size, &status);
	(void)procfs_parse_fdinfo(text, size, &fdinfo);
	(void)procfs_parse_kmsg(text, size, &kmsg);
	(void)procfs_parse_btime(text, size, &v);
	if (procfs_parse_cgroup(text, size, &path, &n) == 0)
		(void)procfs_container_id(path, n, id);
	lines(text, size);
	return 0;
}
