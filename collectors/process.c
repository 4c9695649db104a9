/*
 * process.c - every process that /proc shows: who it is, and what it may do.
 *
 * The first pass, of what an examiner needs before all else.  Writes processes.
 * Where evac itself may not see all, the collector is partial and its notes
 * say why: a capability that it lacks, a namespace that is not the host's own.
 */
#include "process.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "attr.h"
#include "collector.h"
#include "io.h"
#include "sink.h"
#include "table.h"

/* include/uapi/linux/capability.h */
#define CAP_SYS_PTRACE_BIT 19
#define CAP_SYS_ADMIN_BIT 21

/* The host's own namespaces (include/linux/proc_ns.h). */
#define FIRST_USER_NS 0xeffffffdu
#define FIRST_PID_NS 0xeffffffcu

/* Is this namespace of ours another than the one the machine started with? */
static bool foreign(int proc, const char *link, uint64_t first)
{
	struct attr a;

	return attr_get(proc, link, true, &a) == 0 && S_ISREG(a.mode) && a.inode != first;
}

/* -ENODATA, and a note of why, when this view of the processes lacks some. */
static int check_view(struct process_pass *pass)
{
	struct procfs_status s;
	ssize_t n = io_read_file(pass->proc, "self/status", pass->text, PROCESS_TEXT);
	bool known = n > 0 && procfs_parse_status(pass->text, (size_t)n, &s) == 0;
	bool whole = true;
	int r = 0;

	if (known && (s.cap_effective >> CAP_SYS_PTRACE_BIT & 1) == 0) {
		whole = false;
		r = sink_note(pass->sink, "process.lacks_ptrace",
			      "without CAP_SYS_PTRACE: no executables, files, maps or environments of others");
	}
	if (r == 0 && known && (s.cap_effective >> CAP_SYS_ADMIN_BIT & 1) == 0)
		r = sink_note(pass->sink, "process.lacks_admin",
			      "without CAP_SYS_ADMIN: no other network namespace, no content of mapped files");
	if (r == 0 && foreign(pass->proc, "self/ns/pid", FIRST_PID_NS)) {
		whole = false;
		r = sink_note(pass->sink, "process.pid_namespace",
			      "evac runs in a pid namespace of its own: processes outside are not seen");
	}
	if (r == 0 && foreign(pass->proc, "self/ns/user", FIRST_USER_NS)) {
		whole = false;
		r = sink_note(pass->sink, "process.user_namespace",
			      "evac runs in a user namespace of its own: it may not read what is the host's");
	}
	return r == 0 && !whole ? -ENODATA : r;
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	struct process_pass pass;
	int r = process_open(&pass, host, req, sink), end;

	if (r == 0)
		r = table_open(&pass.table, sink, "processes");
	if (r == 0)
		r = process_walk(&pass, "process", process_row);
	if (r == 0)
		r = check_view(&pass);
	r = process_close(&pass, r);
	/* Who runs leaves the host before anything else is read. */
	end = sink_flush(sink);
	return r == 0 ? end : r;
}

const struct collector collector_process = {
	.name = "process",
	.group = "volatile",
	.reads = "/proc/PID: processes, what they run as and may do",
	.rank = RANK_PROCESS,
	.cost = COST_LOW,
	.profile = PROFILE_FAST,
	.budget_s = 60,
	.run = run,
};
