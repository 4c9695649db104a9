/*
 * options.c - the command line of `evac collect`.
 *
 * Everything that can be checked without touching the host or the network is
 * checked here, so that a mistake costs one line and no time.
 */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "aws_ranges.h"
#include "cli.h"
#include "delivery.h"
#include "http.h"
#include "parse.h"
#include "quote.h"
#include "scope.h"
#include "segment.h"
#include "ticket.h"
#include "vault.h"
#include "words.h"

#define WORKERS_MAX 64u
#define WORKERS_DEFAULT_MAX 8u
/* Without --workers, evac's memory stays below this part of the machine's. */
#define MEMORY_PART 16

static int set_case(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	((struct options *)ctx)->case_id = value;
	return words_case(value, error);
}

static int set_recipient(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	struct options *o = ctx;
	size_t n = o->recipients.count;
	uint8_t key[32];
	int r = words_recipient(value, n, key, error);

	if (r < 0)
		return r;
	memcpy(o->recipients.key[n], key, sizeof(key));
	o->recipient_text[n] = value;
	o->recipients.count++;
	return 0;
}

/* Mark the rows of collectors[] that the comma-separated ${list} names. */
static int mark(const char *list, bool rows[OPTIONS_COLLECTORS_MAX],
		char error[CLI_ERROR_MAX])
{
	size_t row;
	int r = 0;

	while (r == 0 && list != NULL) {
		r = words_collector(&list, &row, error);
		if (r == 0)
			words_mark(row, rows);
	}
	return r;
}

/* A mistyped address must not become a directory of the suspect's disk. */
static int set_to(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	size_t scheme = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789+.-");

	if (value[0] == '\0' || (strncmp(value, "s3://", 5) != 0 && scheme > 0 &&
				 value[scheme] == ':')) {
		(void)snprintf(error, CLI_ERROR_MAX, "a directory, or s3://BUCKET/PREFIX "
			       "(a directory with a colon in its name: ./NAME)");
		return -EINVAL;
	}
	((struct options *)ctx)->to = value;
	return 0;
}

static int set_only(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	struct options *o = ctx;

	if (!o->only_given)
		memset(o->selected, 0, sizeof(o->selected));
	o->only_given = true;
	o->selection_given = true;
	return mark(value, o->selected, error);
}

static int set_skip(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	bool rows[OPTIONS_COLLECTORS_MAX] = { false };
	struct options *o = ctx;
	int r = mark(value, rows, error);

	o->selection_given = true;
	for (size_t i = 0; r == 0 && i < OPTIONS_COLLECTORS_MAX; i++)
		if (rows[i])
			o->selected[i] = false;
	return r;
}

static int set_memory(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	struct options *o = ctx;

	o->memory_given = true;
	return words_memory(value, &o->memory, error);
}

static int set_profile(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	struct options *o = ctx;

	o->profile_given = true;
	return words_profile(value, &o->profile, error);
}

static int set_process_budget(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	struct options *o = ctx;

	if (parse_size(value, &o->process_budget) == 0 && o->process_budget > 0)
		return 0;
	(void)snprintf(error, CLI_ERROR_MAX, "a size: a number with K, M or G");
	return -EINVAL;
}

static int set_deadline(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	return words_deadline(value, &((struct options *)ctx)->deadline_s, error);
}

static int set_patience(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	struct options *o = ctx;

	if (parse_duration(value, &o->patience_s) == 0 && o->patience_s >= 1 &&
	    o->patience_s <= 24 * 3600)
		return 0;
	(void)snprintf(error, CLI_ERROR_MAX, "a time from 1s to 24h: a number with s, m or h");
	return -EINVAL;
}

static int set_segment_size(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	struct options *o = ctx;
	uint64_t bytes;

	if (parse_size(value, &bytes) < 0 || bytes < SEGMENT_SIZE_MIN ||
	    bytes > SEGMENT_SIZE_MAX) {
		(void)snprintf(error, CLI_ERROR_MAX,
			       "a size from 1M to 1G: a number with K, M or G");
		return -EINVAL;
	}
	o->segment_size = (size_t)bytes & ~(size_t)4095;
	return 0;
}

static int set_workers(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	struct options *o = ctx;
	uint64_t n;

	if (parse_dec(value, &n) < 0 || n < 1 || n > WORKERS_MAX) {
		(void)snprintf(error, CLI_ERROR_MAX, "a number from 1 to %u", WORKERS_MAX);
		return -EINVAL;
	}
	o->workers = (unsigned)n;
	return 0;
}

static int set_spool(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	struct options *o = ctx;

	if (spool_parse(value, &o->spool, o->spool_dir, sizeof(o->spool_dir)) < 0) {
		(void)snprintf(error, CLI_ERROR_MAX, "a directory, or DIR,max=SIZE");
		return -EINVAL;
	}
	return 0;
}

static int set_aws_ranges(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	struct options *o = ctx;
	int r;

	aws_ranges_free(o->aws_ranges);
	o->aws_ranges = NULL;
	r = aws_ranges_load(&o->aws_ranges, value);
	if (r < 0)
		(void)snprintf(error, CLI_ERROR_MAX, "Amazon's ip-ranges.json: %s",
			       r == -EBADMSG ? "this is none" : strerror(-r));
	return r < 0 ? -EINVAL : 0;
}

static const struct cli_option rows[] = {
	{ .name = "case", .arg = "ID", .set = set_case,
	  .help = "the case; the first folder below the vault's prefix" },
	WORDS_RECIPIENT(set_recipient),
	{ .name = "to", .arg = "WHERE", .set = set_to,
	  .help = "the vault: a directory, or s3://BUCKET/PREFIX" },
	{ .name = "ticket", .arg = "FILE", .offset = offsetof(struct options, ticket_from),
	  .help = "a responder's ticket, in place of all of the above: a file,\n"
		  "- for standard input, or an https:// URL" },
	{ .name = "responder", .arg = "KEY", .offset = offsetof(struct options, responder),
	  .help = "whose tickets count: a public key or a file that has it\n"
		  "(default: /etc/evac/responder.pub, /etc/evac/responders/*.pub)" },
	WORDS_ORDER(set_profile, set_only, set_skip, set_memory, set_deadline),
	{ .name = "process-budget", .arg = "SIZE", .set = set_process_budget,
	  .help = "memory of processes at most (default 64G; 4G of each)" },
	{ .name = "freeze", .offset = offsetof(struct options, freeze),
	  .help = "hold a process still while its own memory is read (10 s at most)" },
	WORDS_SECRETS(struct options, with_secrets),
	{ .name = "lime", .arg = "FILE", .offset = offsetof(struct options, lime.file),
	  .help = "the LiME kernel module for this kernel" },
	{ .name = "lime-key", .arg = "KEY", .offset = offsetof(struct options, lime.key),
	  .help = "minisign's public key that must have signed it (default " MODULE_KEY ")" },
	WORDS_LIME_STORE(struct options, lime.store),
	{ .name = "time-server", .arg = "ADDRESS", .offset = offsetof(struct options, time_server),
	  .help = "IPv4 address[:PORT] that is asked for the time (default: Amazon\n"
		  "Time Sync, 169.254.169.123); none: nobody" },
	{ .name = "aws-ranges", .arg = "FILE", .set = set_aws_ranges,
	  .help = "Amazon's ip-ranges.json: remote peers are marked by it" },
	{ .name = "patience", .arg = "TIME", .set = set_patience,
	  .help = "without a spool: give the vault up when it has taken nothing\n"
		  "for TIME (default 5m)" },
	{ .name = "memory-first", .offset = offsetof(struct options, memory_first),
	  .help = "the memory before processes, sockets and kernel state" },
	{ .name = "segment-size", .arg = "SIZE", .set = set_segment_size,
	  .help = "evidence in one object, before compression (default 8M)" },
	{ .name = "workers", .arg = "N", .set = set_workers,
	  .help = "objects that are built and sent side by side" },
	{ .name = "spool", .arg = "DIR[,max=SIZE]", .set = set_spool,
	  .help = "keep here, sealed, what the vault cannot take; evac push sends it" },
	VAULT_CLI_PLACE(struct options, vault),
	VAULT_CLI_KEEP(struct options, vault),
	{ .name = "verbose", .letter = 'v', .offset = offsetof(struct options, verbose),
	  .help = "more on stderr" },
};

static const struct cli cli = {
	.verb = "collect",
	.usage = "--case ID --recipient age1... --to WHERE [OPTIONS]\n"
		 "       evac collect --ticket FILE [OPTIONS]",
	.about = "Collect the evidence of this host into a vault: sealed for the recipients,\n"
		 "signed with a key that is made now and wiped at the end.\n"
		 "Credentials for S3 come from the environment: AWS_ACCESS_KEY_ID,\n"
		 "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; else from the instance's role.\n",
	.options = rows,
	.option_count = ARRAY_LEN(rows),
	.end = "Exit status: 0 complete, 1 partial (evidence is safe, something is missing),\n"
	       "2 nothing could be saved, 64 usage.\n",
};

/* As many as keep the processors busy while uploads wait, within memory. */
static unsigned default_workers(size_t segment_size)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = cpus > 0 ? 2 * (unsigned)cpus : 2;
	struct sysinfo si;

	if (n > WORKERS_DEFAULT_MAX)
		n = WORKERS_DEFAULT_MAX;
	if (sysinfo(&si) == 0) {
		uint64_t ram = (uint64_t)si.totalram * si.mem_unit;

		while (n > 1 && 3 * (uint64_t)n * segment_size > ram / MEMORY_PART)
			n--;
	}
	return n;
}

/* What a ticket says in their place. */
static int check_ticket_words(const struct options *o)
{
	const struct {
		const char *name;
		bool given;
	} words[] = {
		{ "case", o->case_id != NULL }, { "recipient", o->recipients.count > 0 },
		{ "to", o->to != NULL }, { "region", o->vault.region != NULL },
		{ "endpoint-url", o->vault.endpoint_url != NULL }, { "path-style", o->vault.path_style },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i].given)
			return cli_usage(&cli, "--%s stands in the ticket", words[i].name);
	return 0;
}

/* All that can be known of it without looking at the network. */
static int check_vault(const struct options *o)
{
	struct vault_options vo;
	char why[HTTP_ERROR_MAX];

	if (o->ticket_from != NULL) {
		if (http_check_roots(o->vault.ca_file, why) < 0)
			return cli_usage(&cli, "--ca-file: %s", why);
		return 0;
	}
	(void)options_vault(o, &vo);
	return vault_cli_check(&vo, why) < 0 ? cli_usage(&cli, "%s", why) : 0;
}

/* Leave out what the profile does not have, unless it was asked for by name. */
static void apply_profile(struct options *o)
{
	for (size_t i = 0; !o->only_given && collectors[i] != NULL; i++)
		if (collectors[i]->profile > o->profile &&
		    !(collectors[i] == &collector_memory && o->memory_given))
			o->selected[i] = false;
}

/* What depends on several options. */
static void settle(struct options *o)
{
	for (size_t i = 0; o->memory == MEMORY_NONE && collectors[i] != NULL; i++)
		if (collectors[i] == &collector_memory)
			o->selected[i] = false;
	if (o->workers == 0)
		o->workers = default_workers(o->segment_size);
}

static bool any_selected(const struct options *o)
{
	for (size_t i = 0; i < OPTIONS_COLLECTORS_MAX; i++)
		if (o->selected[i])
			return true;
	return false;
}

int options_parse(struct options *o, int argc, char **argv)
{
	int r;

	*o = (struct options){ .segment_size = SEGMENT_SIZE_DEFAULT,
				.profile = PROFILE_DEFAULT, .patience_s = DELIVERY_GIVE_UP_S };
	for (size_t i = 0; collectors[i] != NULL && i < OPTIONS_COLLECTORS_MAX; i++)
		o->selected[i] = true;
	r = cli_parse(&cli, argc, argv, o, NULL, 0, NULL);
	if (r < 0)
		return r == -ECANCELED ? 1 : r;
	if (o->ticket_from != NULL)
		r = check_ticket_words(o);
	else if (o->responder != NULL)
		r = cli_usage(&cli, "--responder goes with --ticket");
	else if (o->case_id == NULL)
		r = cli_usage(&cli, "--case is missing");
	else if (o->recipients.count == 0)
		r = cli_usage(&cli, "--recipient is missing");
	else if (o->to == NULL)
		r = cli_usage(&cli, "--to is missing");
	if (r == 0)
		r = check_vault(o);
	if (r == 0 && o->memory == MEMORY_LIME && !module_expected(&o->lime))
		r = cli_usage(&cli, "--memory lime needs --lime FILE or --lime-store WHERE");
	if (r != 0)
		return -EINVAL;
	if (o->ticket_from == NULL) /* else its own words come first */
		apply_profile(o);
	settle(o);
	if (o->selection_given && !any_selected(o)) {
		(void)cli_usage(&cli, "--only, --skip and --memory leave nothing to collect");
		return -EINVAL;
	}
	return 0;
}

/* The collectors that it names, unless the command line names some. */
static int take_selection(struct options *o, const struct ticket *t, char error[CLI_ERROR_MAX])
{
	bool skip[OPTIONS_COLLECTORS_MAX] = { false };
	int r = 0;

	if (o->selection_given)
		return 0;
	if (t->only.count > 0)
		memset(o->selected, 0, sizeof(o->selected));
	o->only_given = t->only.count > 0;
	for (size_t i = 0; r == 0 && i < t->only.count; i++)
		r = mark(t->only.name[i], o->selected, error);
	for (size_t i = 0; r == 0 && i < t->skip.count; i++)
		r = mark(t->skip.name[i], skip, error);
	for (size_t i = 0; i < OPTIONS_COLLECTORS_MAX; i++)
		o->selected[i] = o->selected[i] && !skip[i];
	return r;
}

static int take(struct options *o, const struct ticket *t, char error[CLI_ERROR_MAX])
{
	int r = 0;

	o->case_id = t->case_id;
	o->to = t->to;
	o->vault.region = t->region;
	o->vault.endpoint_url = t->endpoint_url;
	o->vault.path_style = t->path_style;
	for (size_t i = 0; r == 0 && i < t->recipient_count; i++)
		r = set_recipient(o, t->recipient[i], error);
	if (r == 0)
		r = take_selection(o, t, error);
	if (r == 0 && !o->profile_given && t->profile != NULL)
		r = set_profile(o, t->profile, error);
	o->with_secrets = o->with_secrets || t->with_secrets;
	if (o->deadline_s == 0)
		o->deadline_s = t->deadline_s;
	if (r == 0 && !o->memory_given && t->memory != NULL)
		r = set_memory(o, t->memory, error);
	if (o->lime.store == NULL)
		o->lime.store = t->lime_store;
	if (o->lime.key == NULL)
		o->lime.key = t->lime_key;
	if (r == 0 && o->memory == MEMORY_LIME && !module_expected(&o->lime)) {
		(void)snprintf(error, CLI_ERROR_MAX, "it wants --lime FILE or --lime-store WHERE");
		r = -EINVAL;
	}
	/* What is signed gets no other headers. */
	if (r == 0 && t->kind != TICKET_CREDENTIALS && vault_cli_keeps(&o->vault.keeping)) {
		(void)snprintf(error, CLI_ERROR_MAX, "how the bucket keeps objects is the "
			       "bucket's to say, where the ticket has no credentials");
		r = -EINVAL;
	}
	if (r == 0 && t->kind != TICKET_CREDENTIALS && (o->vault.dualstack || o->vault.fips)) {
		(void)snprintf(error, CLI_ERROR_MAX, "--dualstack and --fips cannot change the "
			       "address that it was signed for");
		r = -EINVAL;
	}
	/* A segment that cannot be compressed gets a little larger. */
	if (r == 0 && t->kind == TICKET_POST &&
	    o->segment_size + o->segment_size / 8 > t->size_max) {
		(void)snprintf(error, CLI_ERROR_MAX, "its objects have at most %llu bytes: "
			       "use a smaller --segment-size", (unsigned long long)t->size_max);
		r = -EINVAL;
	}
	apply_profile(o);
	settle(o);
	if (r == 0) {
		struct vault_options vo;

		(void)options_vault(o, &vo);
		r = vault_cli_check(&vo, error);
	}
	return r;
}

int options_take_ticket(struct options *o, char error[OPTIONS_ERROR_MAX])
{
	const struct http_options how = { .ca_file = o->vault.ca_file, .proxy = o->vault.proxy };
	char why[TICKET_ERROR_MAX], wrong[CLI_ERROR_MAX];
	int r;

	if (o->ticket_from == NULL)
		return 0;
	r = ticket_load(o->ticket_from, o->responder, &how, &o->ticket, why);
	if (r < 0) {
		(void)snprintf(error, OPTIONS_ERROR_MAX, "the ticket is refused: %s", why);
		return r;
	}
	o->ticket_credentials = (struct credentials_source){ ticket_credentials, o->ticket };
	r = take(o, o->ticket, wrong);
	if (r < 0)
		(void)snprintf(error, OPTIONS_ERROR_MAX, "the ticket cannot be followed: %s", wrong);
	return r;
}

void options_request(const struct options *o, struct collector_request *ret)
{
	ret->memory = o->memory;
	ret->process_budget = o->process_budget;
	ret->may_be_cut = o->deadline_s != 0;
	ret->freeze = o->freeze;
	ret->profile = o->profile;
	ret->with_secrets = o->with_secrets;
	ret->aws_ranges = o->aws_ranges;
	ret->time_server = o->time_server;
}

const struct vault_ops *options_vault(const struct options *o, struct vault_options *ret)
{
	*ret = (struct vault_options){
		.url = o->to, .ticket = o->ticket,
	};
	vault_cli_apply(&o->vault, ret);
	if (o->ticket == NULL)
		return o->to != NULL ? vault_find(o->to) : NULL;
	ret->ca_pem = o->ticket->ca;
	if (o->ticket->kind != TICKET_CREDENTIALS)
		return &vault_post;
	ret->credentials = &o->ticket_credentials;
	return &vault_s3;
}
