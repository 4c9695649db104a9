/*
 * list.c - `evac collectors`: the table of collectors, for people or programs.
 *
 * Reads nothing of the host.
 */
#include "list.h"

#include <stdbool.h>
#include <stdio.h>

#include "buf.h"
#include "cli.h"
#include "collector.h"
#include "json.h"
#include "scope.h"
#include "words.h"

#define JSON_MAX (64u << 10)

struct arguments {
	bool json;
};

static const struct cli_option options[] = {
	{ .name = "json", .offset = offsetof(struct arguments, json),
	  .help = "print one JSON array instead" },
};

static const struct cli cli = {
	.verb = "collectors",
	.usage = "[--json]",
	.about = "Lists what evac collect can take, in the order in which it does: the most\n"
		 "volatile first.  Names are for --only and --skip.\n",
	.options = options,
	.option_count = ARRAY_LEN(options),
	.end = "order    of volatility: lower goes first\n"
	       "cost     low: about a second; medium: grows with the files it takes;\n"
	       "         high: grows with memory or with the whole disk\n"
	       "limit    time after which it is stopped; -: the deadline of the run\n"
	       "profile  the least --profile that has it\n",
};

static const char *cost_name(enum collector_cost cost)
{
	static const char *const names[] = { "low", "medium", "high" };

	return names[cost];
}

static void print_table(void)
{
	(void)printf("%-20s %5s  %-6s %6s  %-7s  %-8s  %s\n", "name", "order", "cost", "limit",
		     "profile", "segments", "what it reads");
	for (size_t i = 0; collectors[i] != NULL; i++) {
		const struct collector *c = collectors[i];
		char limit[16] = "-";

		if (c->budget_s != 0)
			(void)snprintf(limit, sizeof(limit), "%us", c->budget_s);
		(void)printf("%-20s %5d  %-6s %6s  %-7s  %-8s  %s\n", c->name, (int)c->rank + 1,
			     cost_name(c->cost), limit, words_profile_name(c->profile),
			     c->group, c->reads);
	}
}

static int print_json(void)
{
	struct buf out;
	struct json j;
	int r = buf_open(&out, JSON_MAX);

	if (r < 0)
		return r;
	json_open(&j, &out);
	json_array(&j, NULL);
	for (size_t i = 0; collectors[i] != NULL; i++) {
		const struct collector *c = collectors[i];

		json_object(&j, NULL);
		json_str(&j, "name", c->name);
		json_u64(&j, "order", (unsigned)c->rank + 1);
		json_str(&j, "cost", cost_name(c->cost));
		if (c->budget_s != 0)
			json_u64(&j, "limit_s", c->budget_s);
		else
			json_null(&j, "limit_s");
		json_str(&j, "profile", words_profile_name(c->profile));
		json_str(&j, "group", c->group);
		json_str(&j, "reads", c->reads);
		json_object_end(&j);
	}
	json_array_end(&j);
	r = json_end(&j);
	if (r == 0)
		(void)printf("%.*s\n", (int)out.len, (const char *)out.data);
	buf_free(&out);
	return r;
}

int list_main(int argc, char **argv)
{
	struct arguments args = { .json = false };
	int r = cli_parse(&cli, argc, argv, &args, NULL, 0, NULL);

	if (r < 0)
		return cli_status(r);
	if (args.json)
		r = print_json();
	else
		print_table();
	return r < 0 || fflush(stdout) != 0 || ferror(stdout) != 0;
}
