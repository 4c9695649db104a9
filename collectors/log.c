/*
 * log.c - the host's logs, as files.
 *
 * Takes /var/log whole, the volatile journal, and the records of logins.  All
 * that was seen is listed in "files".
 */
#include <inttypes.h>
#include <stddef.h>

#include "collector.h"
#include "scope.h"
#include "sink.h"
#include "table.h"
#include "tree.h"

/* The records of logins first: they are small, and tell most. */
static const char *const paths[] = {
	"/run/utmp",
	"/var/run/utmp", /* where /var/run is no link */
	"/run/log/journal",
	"/var/log",
};

static const struct tree_limits limits = {
	.depth = 32,
	.entries = 1000000,
	.file_bytes = (uint64_t)64 << 30,
};

static int notes(struct sink *sink, const struct tree *t)
{
	const struct tree_counts *c = tree_count(t);
	const struct { const char *key; uint64_t value; } all[] = {
		{ "log.entries", c->entries },
		{ "log.files", c->files },
		{ "log.bytes", c->bytes },
		{ "log.access_times_touched", c->touched },
		{ "log.not_entered", c->skipped },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(all) && r == 0; i++)
		r = sink_note(sink, all[i].key, "%" PRIu64, all[i].value);
	return r;
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	struct table *files;
	struct tree *t;
	int r = table_open(&files, sink, "files"), end;

	(void)req;
	if (r < 0)
		return r;
	r = tree_open(&t, host, sink, files, &limits);
	if (r == 0) {
		for (size_t i = 0; i < ARRAY_LEN(paths) && r == 0; i++)
			r = tree_take(t, paths[i]);
		if (r == 0)
			r = notes(sink, t);
		tree_free(t);
	}
	end = table_close(files);
	return r < 0 ? r : end;
}

const struct collector collector_log = {
	.name = "log",
	.group = "logs",
	.reads = "/var/log, the journals and the records of logins",
	.rank = RANK_LOG,
	.cost = COST_MEDIUM,
	.profile = PROFILE_DEFAULT,
	.budget_s = 0,
	.run = run,
};
