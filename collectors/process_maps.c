/*
 * process_maps.c - the memory map of every process.
 *
 * Reads maps, line by line: a process may have many thousand.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "collector.h"
#include "lines.h"
#include "process.h"
#include "scope.h"
#include "table.h"

static int map_row(struct process_pass *pass, const struct process *p,
		   const struct procfs_map *m)
{
	struct json *j = table_row(pass->table);
	char device[40];

	(void)snprintf(device, sizeof(device), "%02" PRIx64 ":%02" PRIx64, m->major,
		       m->minor);
	json_i64(j, "pid", p->pid);
	json_hex(j, "start", m->start);
	json_hex(j, "end", m->end);
	json_str(j, "permissions", m->permissions);
	json_u64(j, "offset", m->offset);
	json_str(j, "device", device);
	json_u64(j, "inode", m->inode);
	json_bytes(j, "path", m->path, m->path_len);
	json_i64(j, "pseudo", m->path_len == 0 || m->path[0] != '/');
	return table_row_end(pass->table);
}

static int maps(struct process_pass *pass, const struct process *p)
{
	AUTO_CLOSE int fd = openat(p->dir, "maps", O_RDONLY | O_CLOEXEC);
	struct procfs_map m;
	struct lines l;
	const char *line;
	bool bad = false;
	size_t len;
	int r;

	if (fd < 0)
		return process_gap(pass, p, "maps", -errno, NULL);
	lines_open(&l, fd, pass->lines, PROCESS_LINES, '\n');
	while ((r = lines_next(&l, &line, &len, NULL)) > 0) {
		if (procfs_parse_map(line, len, &m) < 0) {
			bad = true;
			continue;
		}
		r = map_row(pass, p, &m);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return process_gap(pass, p, "maps", r, NULL);
	return bad ? process_gap(pass, p, "maps", -EINVAL, "unknown form") : 0;
}

/* Kernel threads have none. */
static int maps_unless_kernel(struct process_pass *pass, const struct process *p)
{
	return (p->stat.flags & PROCFS_PF_KTHREAD) == 0 ? maps(pass, p) : 0;
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	return process_collect(host, req, sink, "process_maps", "process_memory_map", maps_unless_kernel);
}

const struct collector collector_process_maps = {
	.name = "process_maps",
	.group = "volatile",
	.reads = "/proc/PID/maps: memory maps of every process",
	.rank = RANK_DETAIL,
	.cost = COST_LOW,
	.profile = PROFILE_FAST,
	.budget_s = 60,
	.run = run,
};
