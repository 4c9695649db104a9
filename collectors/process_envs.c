/*
 * process_envs.c - the environment of every process.
 *
 * Reads environ.  Secrets of the host's owners are masked unless they were
 * asked for; a variable that is too long for its row is in a file beside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "blob.h"
#include "collector.h"
#include "lines.h"
#include "process.h"
#include "scope.h"
#include "secrets.h"
#include "table.h"

/* One variable; its value, if it is a secret, masked in ${pass}->args. */
static int env_row(struct process_pass *pass, const struct process *p,
		   const char *text, size_t len, bool *cut)
{
	const char *sign = memchr(text, '=', len);
	size_t key = sign != NULL ? (size_t)(sign - text) : len;
	const char *value = sign != NULL ? sign + 1 : text + len;
	size_t value_len = len - (size_t)(value - text), masked = 0;
	struct json *j = table_row(pass->table);

	if (!pass->with_secrets) {
		masked = secrets_mask_value(text, key, value, value_len, pass->args, &value_len);
		value = pass->args;
	}
	json_i64(j, "pid", p->pid);
	json_bytes(j, "key", text, key < PROCESS_KEY_ROW ? key : PROCESS_KEY_ROW);
	json_bytes(j, "value", value,
		   value_len < PROCESS_ENV_ROW ? value_len : PROCESS_ENV_ROW);
	if (masked > 0)
		json_bool(j, "masked", true);
	if (key > PROCESS_KEY_ROW || value_len > PROCESS_ENV_ROW) {
		json_bool(j, "cut", true);
		*cut = true;
	}
	return table_row_end(pass->table);
}

/* Append one variable to the copy, masked. */
static int copy_variable(struct process_pass *pass, struct blob *b, const char *text,
			 size_t len)
{
	const char *sign = memchr(text, '=', len);
	size_t key = sign != NULL ? (size_t)(sign - text) + 1 : len, n;
	int r = blob_write(b, text, key);

	(void)secrets_mask_value(text, key, text + key, len - key, pass->args, &n);
	if (r == 0)
		r = blob_write(b, pass->args, n);
	return r < 0 ? r : blob_write(b, "", 1);
}

/* The environment as it is, "proc/PID/environ", but for its secrets. */
static int copy_masked(struct process_pass *pass, const struct process *p)
{
	AUTO_CLOSE int fd = openat(p->dir, "environ", O_RDONLY | O_CLOEXEC);
	char path[48];
	struct lines l;
	struct blob b;
	const char *text;
	bool cut = false;
	size_t len;
	int r, read;

	if (fd < 0)
		return process_gap(pass, p, "environ", -errno, NULL);
	(void)snprintf(path, sizeof(path), "proc/%d/environ", (int)p->pid);
	r = blob_open(&b, pass->sink, path);
	if (r < 0)
		return r;
	lines_open(&l, fd, pass->lines, PROCESS_LINES, '\0');
	while ((read = lines_next(&l, &text, &len, &cut)) > 0)
		if (copy_variable(pass, &b, text, len) < 0)
			break; /* the blob keeps the error */
	r = blob_close(&b);
	if (r == 0 && read < 0)
		r = process_gap(pass, p, "environ", read, NULL);
	if (r == 0 && cut)
		r = process_gap(pass, p, "environ", -EFBIG, "a variable over 256 KiB is cut");
	return r;
}

static int envs(struct process_pass *pass, const struct process *p)
{
	AUTO_CLOSE int fd = openat(p->dir, "environ", O_RDONLY | O_CLOEXEC);
	bool cut = false, any_cut = false;
	struct lines l;
	const char *text;
	size_t len;
	int r;

	if ((p->stat.flags & PROCFS_PF_KTHREAD) != 0)
		return 0;
	if (fd < 0)
		return process_gap(pass, p, "environ", -errno, NULL);
	lines_open(&l, fd, pass->lines, PROCESS_LINES, '\0');
	while ((r = lines_next(&l, &text, &len, &cut)) > 0) {
		any_cut |= cut;
		if (len == 0) /* a process may overwrite its environment */
			continue;
		r = env_row(pass, p, text, len, &any_cut);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return process_gap(pass, p, "environ", r, NULL);
	if (!any_cut)
		return 0;
	return pass->with_secrets ? process_copy(pass, p, "environ") : copy_masked(pass, p);
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	return process_collect(host, req, sink, "process_envs", "process_envs", envs);
}

const struct collector collector_process_envs = {
	.name = "process_envs",
	.group = "volatile",
	.reads = "/proc/PID/environ: environments, their secrets masked",
	.rank = RANK_DETAIL,
	.cost = COST_LOW,
	.profile = PROFILE_FAST,
	.budget_s = 60,
	.run = run,
};
