/*
 * log.c - the host's logs, as files.
 *
 * Takes /var/log whole, the volatile journal, and the records of logins.  All
 * that was seen is listed in "files".  Logs are evidence as they are: nothing in
 * them is masked.
 */
#include <stddef.h>

#include "collector.h"
#include "scope.h"
#include "sink.h"
#include "take.h"

/* The records of logins first: they are small, and tell most. */
static const char *const paths[] = {
	"/run/utmp",
	"/var/run/utmp", /* where /var/run is no link */
	"/run/log/journal",
	"/var/log",
	"/run/cloud-init",
	"/var/lib/amazon/ssm",
	"/var/snap/amazon-ssm-agent/common",
	"/usr/local/nginx/logs",
	"/usr/local/apache2/logs",
	"/opt/nginx/logs",
	"/var/lib/ecs/data",
	"/opt/aws/amazon-cloudwatch-agent/logs",
	"/var/lib/systemd/coredump",
};

static const struct tree_limits limits = {
	.depth = TREE_DEPTH,
	.entries = 1000000,
	.file_bytes = (uint64_t)64 << 30,
};

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	struct take t;
	int r = take_open(&t, host, req, sink, &limits, "log");

	if (r == 0)
		r = take_paths(&t, paths, ARRAY_LEN(paths));
	return take_close(&t, r);
}

const struct collector collector_log = {
	.name = "log",
	.group = "logs",
	.reads = "/var/log, the journals, logs of web servers and agents elsewhere",
	.rank = RANK_LOG,
	.cost = COST_MEDIUM,
	.profile = PROFILE_DEFAULT,
	.budget_s = 0,
	.run = run,
};
