/*
 * ticket_words.c - the command line of `evac ticket`.
 *
 * What is wrong is said here, at the responder's, and not on the host that
 * gets the ticket.
 */
#include "ticket_words.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "collector.h"
#include "kmod_store.h"
#include "parse.h"
#include "policy.h"
#include "scope.h"
#include "vault_cli.h"
#include "words.h"

#define EXPIRES_DEFAULT_S (12 * 3600)
#define SIZE_DEFAULT (64u << 20)
#define SEGMENTS_DEFAULT 256u

static int set_case(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	((struct ticket_words *)ctx)->t.case_id = value;
	return words_case(value, error);
}

static int set_host(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	((struct ticket_words *)ctx)->host = value;
	return words_case(value, error);
}

static int set_recipient(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	struct ticket_words *w = ctx;
	uint8_t key[32];
	int r = words_recipient(value, w->t.recipient_count, key, error);

	if (r == 0)
		w->t.recipient[w->t.recipient_count++] = value;
	return r;
}

static int set_kind(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	static const char *const words[] = { "post", "put", "credentials" };
	static const enum ticket_kind kinds[] = { TICKET_POST, TICKET_PUT, TICKET_CREDENTIALS };
	struct ticket_words *w = ctx;

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(value, words[i]) == 0) {
			w->t.kind = kinds[i];
			return 0;
		}
	(void)snprintf(error, CLI_ERROR_MAX, "post, put or credentials");
	return -EINVAL;
}

static int set_checksum(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	struct ticket_words *w = ctx;

	w->t.sha256 = strcmp(value, "sha256") == 0;
	if (w->t.sha256 || strcmp(value, "md5") == 0)
		return 0;
	(void)snprintf(error, CLI_ERROR_MAX, "md5 or sha256");
	return -EINVAL;
}

static int set_expires(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	struct ticket_words *w = ctx;

	if (parse_duration(value, &w->valid_s) == 0 && w->valid_s >= 1 &&
	    w->valid_s <= POLICY_AGE_MAX)
		return 0;
	(void)snprintf(error, CLI_ERROR_MAX, "a time up to 168h: a number with s, m or h");
	return -EINVAL;
}

static int set_deadline(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	return words_deadline(value, &((struct ticket_words *)ctx)->t.deadline_s, error);
}

static int set_size_max(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	struct ticket_words *w = ctx;

	if (parse_size(value, &w->t.size_max) == 0 && w->t.size_max >= (2u << 20) &&
	    w->t.size_max <= (5ull << 30))
		return 0;
	(void)snprintf(error, CLI_ERROR_MAX, "a size from 2M to 5G: a number with K, M or G");
	return -EINVAL;
}

static int set_segments(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	struct ticket_words *w = ctx;
	uint64_t n;

	if (parse_dec(value, &n) < 0 || n < 1 || n > TICKET_SEGMENTS_MAX) {
		(void)snprintf(error, CLI_ERROR_MAX, "a number from 1 to %u",
			       TICKET_SEGMENTS_MAX);
		return -EINVAL;
	}
	w->t.segments = (unsigned)n;
	return 0;
}

static int set_profile(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	enum collector_profile profile;

	((struct ticket_words *)ctx)->t.profile = value;
	return words_profile(value, &profile, error);
}

static int set_memory(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	enum collector_memory method;

	((struct ticket_words *)ctx)->t.memory = value;
	return words_memory(value, &method, error);
}

/* The host's working directory is not ours. */
static int set_lime_store(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	((struct ticket_words *)ctx)->t.lime_store = value;
	if (kmod_store_is_place(value))
		return 0;
	(void)snprintf(error, CLI_ERROR_MAX,
		       "an absolute directory, https://HOST/PATH or s3://BUCKET/PREFIX");
	return -EINVAL;
}

/* The host shall not need the file. */
static int set_lime_key(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	struct ticket_words *w = ctx;
	struct minisign_public key;
	char why[MINISIGN_ERROR_MAX];

	if (minisign_load_public(value, &key, why) < 0) {
		(void)snprintf(error, CLI_ERROR_MAX, "%s", why);
		return -EINVAL;
	}
	minisign_public_text(&key, w->lime_key);
	w->t.lime_key = w->lime_key;
	return 0;
}

/* Names out of the registry, so that they live on. */
static int add_names(struct ticket_names *names, const char *list, char error[CLI_ERROR_MAX])
{
	size_t row;
	int r = 0;

	while (r == 0 && list != NULL) {
		r = words_collector(&list, &row, error);
		if (r == 0 && names->count == TICKET_NAMES_MAX) {
			(void)snprintf(error, CLI_ERROR_MAX, "at most %d names",
				       (int)TICKET_NAMES_MAX);
			r = -E2BIG;
		}
		if (r == 0)
			names->name[names->count++] = collectors[row]->name;
	}
	return r;
}

static int set_only(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	return add_names(&((struct ticket_words *)ctx)->t.only, value, error);
}

static int set_skip(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	return add_names(&((struct ticket_words *)ctx)->t.skip, value, error);
}

static const struct cli_option options[] = {
	{ .name = "case", .arg = "ID", .set = set_case, .help = "the case" },
	WORDS_RECIPIENT(set_recipient),
	{ .name = "to", .arg = "s3://...", .offset = offsetof(struct ticket_words, t.to),
	  .help = "the vault: s3://BUCKET/PREFIX" },
	{ .name = "sign-key", .arg = "FILE", .offset = offsetof(struct ticket_words, sign_key),
	  .help = "signs the ticket: from evac keygen --signing" },
	{ .name = "kind", .arg = "KIND", .set = set_kind,
	  .help = "post (default): uploads below one prefix;\n"
		  "put: one presigned URL for each object, for buckets that ask for\n"
		  "what a POST cannot say; credentials: temporary ones" },
	{ .name = "expires", .arg = "TIME", .set = set_expires,
	  .help = "how long it is valid (90m, 12h; default 12h, at most 168h)" },
	{ .name = "from", .arg = "FILE", .offset = offsetof(struct ticket_words, from),
	  .help = "with --kind credentials: what aws sts assume-role printed, - for stdin" },
	{ .name = "output", .letter = 'o', .arg = "FILE", .offset = offsetof(struct ticket_words, output),
	  .help = "write it to FILE, which must not exist, and not to stdout" },
	{ .name = "print-policy", .offset = offsetof(struct ticket_words, print_policy),
	  .help = "print the session policy for aws sts assume-role, and nothing else" },
	WORDS_SECRETS(struct ticket_words, t.with_secrets),
	WORDS_ORDER(set_profile, set_only, set_skip, set_memory, set_deadline),
	{ .name = "lime-store", .arg = "WHERE", .set = set_lime_store,
	  .help = "where the host finds modules: a directory of it, https://... or s3://..." },
	{ .name = "lime-key", .arg = "KEY", .set = set_lime_key,
	  .help = "the public key that must have signed them, or a file that has it" },
	VAULT_CLI_ADDRESS(struct ticket_words, t),
	{ .name = "ca-file", .arg = "FILE", .offset = offsetof(struct ticket_words, ca_file),
	  .help = "PEM certificates that the host shall trust for the vault" },
	{ .name = "checksum", .arg = "KIND", .set = set_checksum,
	  .help = "what the server checks a POST by: md5 (default; Amazon), sha256 (Ceph)" },
	{ .name = "size-max", .arg = "SIZE", .set = set_size_max,
	  .help = "the largest object that a POST may send (default 64M)" },
	{ .name = "host", .arg = "NAME", .set = set_host,
	  .help = "with --kind put: the host's folder (default \"host\")" },
	{ .name = "segments", .arg = "N", .set = set_segments,
	  .help = "with --kind put: URLs for so many segments (default 256, at most 500)" },
};

static const struct cli cli = {
	.verb = "ticket",
	.usage = "--case ID --recipient age1... --to s3://... --sign-key FILE [OPTIONS]",
	.about = "Makes a ticket: a signed order to collect, with the right to upload, for\n"
		 "evac collect --ticket.  Credentials come from the environment; the host gets\n"
		 "none of them, but with --kind credentials.  Whoever has the ticket can upload\n"
		 "by it until it expires.\n",
	.options = options,
	.option_count = ARRAY_LEN(options),
	.end = "Exit status: 0 made, 1 not, 64 usage.\n",
};

/* 0, or the usage error's exit status. */
static int check_words(const struct ticket_words *w)
{
	if (w->t.case_id == NULL)
		return cli_usage(&cli, "--case is missing");
	if (w->t.to == NULL)
		return cli_usage(&cli, "--to is missing");
	if (w->print_policy)
		return 0;
	if (w->t.recipient_count == 0)
		return cli_usage(&cli, "--recipient is missing");
	if (w->sign_key == NULL)
		return cli_usage(&cli, "--sign-key is missing: no host takes an unsigned ticket");
	if (w->from != NULL && w->t.kind != TICKET_CREDENTIALS)
		return cli_usage(&cli, "--from goes with --kind credentials");
	if (w->output == NULL && isatty(STDOUT_FILENO))
		return cli_usage(&cli, "a ticket is secret: give -o FILE, or send it into a pipe");
	return 0;
}

int ticket_words_parse(struct ticket_words *w, int argc, char **argv)
{
	int r;

	*w = (struct ticket_words){
		.t = { .kind = TICKET_POST, .size_max = SIZE_DEFAULT,
		       .segments = SEGMENTS_DEFAULT },
		.valid_s = EXPIRES_DEFAULT_S, .host = "host",
	};
	r = cli_parse(&cli, argc, argv, w, NULL, 0, NULL);
	if (r < 0)
		return r == -ECANCELED ? 1 : r;
	return check_words(w) == 0 ? 0 : -EINVAL;
}
