/*
 * process_resources.c - what a process may use, has used, and waits for.
 *
 * Reads limits, io, wchan, sessionid, oom_score_adj and attr/current, members
 * of a row of "processes".  A kernel without one of them leaves it out; none of
 * them is worth a gap of its own but io and limits, which need a right.
 */
#include <errno.h>
#include <string.h>

#include "io.h"
#include "json.h"
#include "parse.h"
#include "process.h"

#define TEXT_MAX 4096u

static void add_limits(const struct process *p, struct json *j)
{
	struct procfs_limits l;
	char text[TEXT_MAX];
	ssize_t n = io_read_file(p->dir, "limits", text, sizeof(text));

	if (n <= 0 || procfs_parse_limits(text, (size_t)n, &l) < 0)
		return;
	json_object(j, "limits");
	for (size_t i = 0; i < PROCFS_LIMITS; i++) {
		if ((l.seen >> i & 1) == 0)
			continue;
		json_array(j, procfs_limit_names[i]);
		json_i64(j, NULL, l.soft[i] > INT64_MAX ? -1 : (int64_t)l.soft[i]);
		json_i64(j, NULL, l.hard[i] > INT64_MAX ? -1 : (int64_t)l.hard[i]);
		json_array_end(j);
	}
	json_object_end(j);
}

static void add_io(const struct process *p, struct json *j)
{
	struct procfs_io io;
	char text[TEXT_MAX];
	ssize_t n = io_read_file(p->dir, "io", text, sizeof(text));

	if (n <= 0 || procfs_parse_io(text, (size_t)n, &io) < 0)
		return;
	json_u64(j, "disk_bytes_read", io.read_bytes);
	json_u64(j, "disk_bytes_written", io.write_bytes);
	json_object(j, "io");
	json_u64(j, "rchar", io.rchar);
	json_u64(j, "wchar", io.wchar);
	json_u64(j, "syscr", io.syscr);
	json_u64(j, "syscw", io.syscw);
	json_u64(j, "cancelled_write_bytes", io.cancelled_write_bytes);
	json_object_end(j);
}

static void add_number(const struct process *p, struct json *j, const char *leaf,
		       const char *key)
{
	char text[32];
	ssize_t n = io_read_file(p->dir, leaf, text, sizeof(text));
	bool minus = n > 0 && text[0] == '-';
	uint64_t v;

	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n <= minus || parse_u64(text + minus, (size_t)n - minus, 10, &v) < 0 ||
	    v > INT64_MAX)
		return;
	if (v == UINT32_MAX) /* not set */
		json_i64(j, key, -1);
	else
		json_i64(j, key, minus ? -(int64_t)v : (int64_t)v);
}

static void add_text(const struct process *p, struct json *j, const char *leaf,
		     const char *key)
{
	char text[TEXT_MAX];
	ssize_t n = io_read_file(p->dir, leaf, text, sizeof(text));

	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\0'))
		n--;
	if (n > 0)
		json_bytes(j, key, text, (size_t)n);
}

void process_resources(const struct process *p, struct json *j)
{
	add_number(p, j, "loginuid", "loginuid");
	add_number(p, j, "sessionid", "audit_session");
	add_number(p, j, "oom_score_adj", "oom_score_adj");
	add_text(p, j, "wchan", "wchan");
	add_text(p, j, "attr/current", "security_label");
	add_limits(p, j);
	add_io(p, j);
}
