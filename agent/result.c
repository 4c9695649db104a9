/*
 * result.c - what the caller gets.
 *
 * SSM keeps the first 2,500 characters of stdout: both lines stay below 2,000
 * together.
 */
#include "result.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "collection_id.h"
#include "io.h"
#include "json.h"
#include "log.h"
#include "manifest.h"
#include "pipeline.h"
#include "version.h"

#define LINE_MAX_BYTES 1500

void result_collector(struct result *res, const char *name, const char *status)
{
	if (res->count == RESULT_COLLECTORS_MAX)
		return;
	res->collector[res->count].name = name;
	res->collector[res->count].status = status;
	res->count++;
}

/* What does not reach stdout goes to stderr: the key is the root of all trust. */
static void print(struct json *j, struct buf *line)
{
	int r;

	json_object_end(j);
	if (json_end(j) < 0 || buf_add(line, "\n", 1) < 0)
		return;
	r = io_write(STDOUT_FILENO, line->data, line->len);
	if (r < 0)
		log_line(LOG_ERROR, "stdout: %s: %.*s", strerror(-r),
			 (int)line->len - 1, (const char *)line->data);
}

void result_first_line(const struct collection_id *id, const char *public_key)
{
	uint8_t bytes[LINE_MAX_BYTES];
	struct buf line = { .data = bytes, .cap = sizeof(bytes) };
	struct json j;

	json_open(&j, &line);
	json_object(&j, NULL);
	json_str(&j, "evac", version_text());
	json_str(&j, "collection", id->id);
	json_str(&j, "public_key", public_key);
	json_str(&j, "path", id->path);
	print(&j, &line);
}

static void put_collectors(struct json *j, const struct result *res)
{
	json_object(j, "collectors");
	for (unsigned i = 0; i < res->count; i++)
		json_str(j, res->collector[i].name, res->collector[i].status);
	json_object_end(j);
}

int result_status(struct pipeline *pipe, int manifest)
{
	struct manifest_totals t;

	pipeline_totals(pipe, &t);
	if (t.complete && manifest == 0)
		return RESULT_COMPLETE;
	return t.stored > 0 ? RESULT_PARTIAL : RESULT_NOTHING;
}

void result_last_line(const struct result *res, struct pipeline *pipe, int manifest,
		      int status)
{
	static const char *const words[] = { "complete", "partial", "nothing" };
	uint8_t bytes[LINE_MAX_BYTES];
	struct buf line = { .data = bytes, .cap = sizeof(bytes) };
	struct manifest_totals t = { .stored = 0 };
	struct pipeline_flow flow = { .waiting = 0 };
	struct rusage ru;
	struct json j;
	char seconds[32];

	if (pipe != NULL) {
		pipeline_totals(pipe, &t);
		pipeline_flow(pipe, &flow);
	}
	(void)snprintf(seconds, sizeof(seconds), "%.1f",
		       (double)(clock_now_ms() - res->begun_ms) / 1000);
	json_open(&j, &line);
	json_object(&j, NULL);
	json_str(&j, "result", words[status]);
	json_u64(&j, "exit", (uint64_t)status);
	json_raw(&j, "seconds", seconds, strlen(seconds));
	json_u64(&j, "segments", t.stored);
	json_u64(&j, "lost", t.lost);
	json_u64(&j, "spooled", flow.waiting);
	json_u64(&j, "stored_bytes", t.stored_bytes);
	json_u64(&j, "evidence_bytes", t.entry_bytes);
	json_u64(&j, "gaps", t.gaps);
	json_bool(&j, "manifest", manifest >= 0);
	if (getrusage(RUSAGE_SELF, &ru) == 0)
		json_u64(&j, "peak_rss_kib", (uint64_t)ru.ru_maxrss);
	put_collectors(&j, res);
	print(&j, &line);
}
