/*
 * hidden.c - what one view of the host shows and another does not.
 *
 * Writes hidden: one row for each disagreement that is still there at a second
 * look; on a clean host there is none.  Which views there are stands in each
 * part: processes, mounts over /proc/PID, kernel modules, interfaces.
 * A rootkit that lies to all views alike is not found: memory is for that.
 */
#include "hidden.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector.h"
#include "scope.h"
#include "sink.h"
#include "table.h"

static const char *const names[] = {
	"proc_list", "proc_list_of_host", "proc_open", "signal", "scheduler",
	"process_group", "cgroup", "children",
};

void hidden_view_names(unsigned views, char *ret, size_t cap)
{
	size_t len = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if ((views >> i & 1) != 0 && len < cap)
			len += (size_t)snprintf(ret + len, cap - len, "%s%s",
						len > 0 ? " " : "", names[i]);
}

bool hidden_disagree(unsigned seen, unsigned asked)
{
	unsigned all = (HIDDEN_ALL | HIDDEN_HOST) & asked;

	return seen != 0 && (seen & all) != all;
}

static void add_words(struct json *j, const char *key, const char *words)
{
	json_array(j, key);
	while (*words != '\0') {
		size_t n = strcspn(words, " ");

		json_bytes(j, NULL, words, n);
		words += n + strspn(words + n, " ");
	}
	json_array_end(j);
}

int hidden_row(struct hidden *h, const struct hidden_row *row)
{
	struct json *j = table_row(h->table);

	json_str(j, "kind", row->kind);
	if (row->pid != 0)
		json_i64(j, "pid", row->pid);
	if (row->port != 0)
		json_i64(j, "port", row->port);
	json_bytes(j, "name", row->name, row->name_len);
	add_words(j, "seen_by", row->seen);
	add_words(j, "missing_from", row->missing);
	if (row->detail != NULL)
		json_bytes(j, "detail", row->detail, strlen(row->detail));
	h->count++;
	return table_row_end(h->table);
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	static int (*const parts[])(struct hidden *h) = {
		hidden_mounts, hidden_pids, hidden_modules, hidden_interfaces,
	};
	struct hidden h = { .host = host, .sink = sink };
	int r = table_open(&h.table, sink, "hidden"), end;

	(void)req;
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(parts) && r == 0; i++)
		r = parts[i](&h);
	if (r == 0)
		r = sink_note(sink, "hidden.found", "%llu", (unsigned long long)h.count);
	end = table_close(h.table);
	return r == 0 ? end : r;
}

const struct collector collector_hidden = {
	.name = "hidden",
	.group = "volatile",
	.reads = "/proc, cgroups, signals, /sys/module, links: what one view has and another lacks",
	.rank = RANK_NETWORK,
	.cost = COST_LOW,
	.profile = PROFILE_FAST,
	.budget_s = 30,
	.run = run,
};
