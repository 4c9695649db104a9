/*
 * open_report.c - what `evac open` wrote.
 *
 * Writes stdout: a line for each group and one for all, or one JSON object.
 */
#include "open_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "buf.h"
#include "finding.h"
#include "join.h"
#include "json.h"
#include "quote.h"

void open_report_begin(struct open_report *r)
{
	memset(r, 0, sizeof(*r));
	(void)clock_gettime(CLOCK_MONOTONIC, &r->begun);
}

void open_report_add(struct open_report *r, const char *group, uint64_t entries,
		     uint64_t bytes)
{
	unsigned i = 0;

	while (i < r->group_count && strcmp(r->groups[i].name, group) != 0)
		i++;
	if (i == OPEN_REPORT_GROUPS) {
		i--;
		(void)snprintf(r->groups[i].name, sizeof(r->groups[i].name), "others");
	} else if (i == r->group_count) {
		r->group_count++;
		(void)snprintf(r->groups[i].name, sizeof(r->groups[i].name), "%s", group);
	}
	r->groups[i].segments++;
	r->groups[i].entries += entries;
	r->groups[i].bytes += bytes;
}

static struct open_report_group sum(const struct open_report *r)
{
	struct open_report_group all = { .segments = 0 };

	for (unsigned i = 0; i < r->group_count; i++) {
		all.segments += r->groups[i].segments;
		all.entries += r->groups[i].entries;
		all.bytes += r->groups[i].bytes;
	}
	return all;
}

static double seconds_since(const struct timespec *begun)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begun->tv_sec) +
	       (double)(now.tv_nsec - begun->tv_nsec) / 1e9;
}

static void print_group(const char *name, const struct open_report_group *g)
{
	(void)printf("%s: %" PRIu64 " segment%s, %" PRIu64 " file%s, %" PRIu64
		     " bytes\n", name, g->segments, g->segments == 1 ? "" : "s", g->entries,
		     g->entries == 1 ? "" : "s", g->bytes);
}

static void print_lines(const struct open_report *r, const struct audit *a,
			const char *out)
{
	struct open_report_group all = sum(r);
	char quoted[512];

	for (unsigned i = 0; i < r->group_count; i++)
		print_group(r->groups[i].name, &r->groups[i]);
	print_group("total", &all);
	if (r->memory_bytes > 0)
		(void)printf("%s: %" PRIu64 " bytes\n", r->memory_name != NULL ?
			     r->memory_name : JOIN_MEMORY, r->memory_bytes);
	(void)printf("%s: opened in %.1f s", quote_text(quoted, sizeof(quoted), out),
		     seconds_since(&r->begun));
	if (a->findings->problems > 0)
		(void)printf("; %zu PROBLEM%s, named above", a->findings->problems,
			     a->findings->problems == 1 ? "" : "S");
	else if (a->cut)
		(void)printf("; the run was cut short: no manifest");
	(void)printf("\n");
}

static void put_group(struct json *j, const struct open_report_group *g)
{
	json_u64(j, "segments", g->segments);
	json_u64(j, "entries", g->entries);
	json_u64(j, "bytes", g->bytes);
}

static void put_report(struct json *j, const struct open_report *r,
		       const struct audit *a, const char *out)
{
	struct open_report_group all = sum(r);
	char key[MINISIGN_PUBLIC_TEXT], seconds[32];

	minisign_public_text(&a->key, key);
	(void)snprintf(seconds, sizeof(seconds), "%.3f", seconds_since(&r->begun));
	json_object(j, NULL);
	json_u64(j, "evac_open", 1);
	json_str(j, "verdict", audit_verdict(audit_status(a)));
	json_str(j, "collection", a->id[0] != '\0' ? a->id : NULL);
	json_str(j, "signer", key);
	json_bool(j, "signer_given", a->key_given);
	json_bytes(j, "out", out, strlen(out));
	json_raw(j, "seconds", seconds, strlen(seconds));
	put_group(j, &all);
	json_u64(j, "memory_bytes", r->memory_bytes);
	json_array(j, "groups");
	for (unsigned i = 0; i < r->group_count; i++) {
		json_object(j, NULL);
		json_str(j, "group", r->groups[i].name);
		put_group(j, &r->groups[i]);
		json_object_end(j);
	}
	json_array_end(j);
	finding_json(a->findings, j);
	json_object_end(j);
}

int open_report_print(const struct open_report *r, const struct audit *a,
		      const char *out, bool json)
{
	struct buf text;
	struct json j;
	int error;

	if (!json) {
		print_lines(r, a, out);
		return 0;
	}
	error = buf_open(&text, finding_json_size(a->findings) + 16384 + 6 * strlen(out));
	if (error < 0)
		return error;
	json_open(&j, &text);
	put_report(&j, r, a, out);
	error = json_end(&j);
	if (error == 0) {
		(void)fwrite(text.data, 1, text.len, stdout);
		(void)putchar('\n');
	}
	buf_free(&text);
	return error;
}
