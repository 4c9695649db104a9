/*
 * verify.c - `evac verify`.
 *
 * Reads collections and says on stdout, in one line each, what is wrong with
 * which object, and then a summary; with --json one JSON object instead.  Writes
 * nothing.
 */
#include "verify.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "bar.h"
#include "buf.h"
#include "cli.h"
#include "collection.h"
#include "fetch.h"
#include "finding.h"
#include "json.h"
#include "manifest_read.h"
#include "quote.h"
#include "scope.h"
#include "signer.h"
#include "vault_cli.h"

#define PATH_SHOWN 512

struct arguments {
	struct signer signer;
	bool verbose, json;
	struct vault_cli vault;
	struct fetch *fetch;  /* NULL: it is a directory of the caller's */
};

static const struct cli_option options[] = {
	SIGNER_ROW(struct arguments, signer),
	{ .name = "verbose", .letter = 'v', .offset = offsetof(struct arguments, verbose),
	  .help = "name the objects that are genuine too" },
	{ .name = "json", .offset = offsetof(struct arguments, json),
	  .help = "print one JSON object instead" },
	VAULT_CLI_PLACE(struct arguments, vault),
};

static const struct cli cli = {
	.verb = "verify",
	.usage = "WHERE [--signer KEY] [--verbose] [--json] [OPTIONS]",
	.about = "Checks every signature, digest and name of the collections at or below\n"
		 "WHERE, a directory or s3://BUCKET/PREFIX, and that none is missing.\n",
	.options = options,
	.option_count = ARRAY_LEN(options),
	.end = "Exit status:\n"
	       "  0   whole and genuine\n"
	       "  1   something is wrong or missing: each object is named\n"
	       "  3   genuine, but the run was cut short and left no manifest\n"
	       "  64  usage\n",
};

static void check_segments(struct audit *a, const struct arguments *args)
{
	bar_begin("verify", a->collection->segment_count);
	for (size_t i = 0; i < a->collection->segment_count; i++) {
		const struct collection_object *o = &a->collection->segments[i];
		AUTO_FREE void *data = NULL;
		size_t len = 0;

		if (audit_segment(a, o, &data, &len) == 0 && args->verbose && !args->json) {
			bar_clear();
			(void)printf("%s: OK, %zu bytes\n", o->name, len);
		}
		bar_step(len);
	}
	bar_end();
}

static void print_summary(const struct audit *a, const char *path)
{
	uint64_t problems = a->findings->problems;

	(void)printf("%s: ", path);
	switch (audit_status(a)) {
	case AUDIT_GENUINE:
		(void)printf("whole and genuine: %" PRIu64 " segments, %" PRIu64 " bytes%s\n",
			     a->genuine, a->genuine_bytes,
			     a->manifest->complete ? "" :
			     "; the manifest says what the run could not take");
		break;
	case AUDIT_CUT:
		(void)printf("cut short: no manifest; %" PRIu64 " segments verify",
			     a->genuine);
		if (a->genuine > 0)
			(void)printf(", the highest is %u", a->highest);
		(void)printf("\n");
		break;
	case AUDIT_WRONG:
		(void)printf("WRONG: %" PRIu64 " problem%s; %" PRIu64 " segments verify\n",
			     problems, problems == 1 ? "" : "s", a->genuine);
		break;
	}
}

static int print_json(const struct audit *a, const char *path)
{
	const struct findings *f = a->findings;
	char key[MINISIGN_PUBLIC_TEXT] = "";
	struct buf out;
	struct json j;
	int r = buf_open(&out, finding_json_size(f) + 8192 + 6 * strlen(path));

	if (r < 0)
		return r;
	minisign_public_text(&a->key, key);
	json_open(&j, &out);
	json_object(&j, NULL);
	json_bytes(&j, "where", path, strlen(path));
	json_str(&j, "verdict", audit_verdict(audit_status(a)));
	json_str(&j, "collection", a->id[0] != '\0' ? a->id : NULL);
	json_str(&j, "signer", key);
	json_bool(&j, "signer_given", a->key_given);
	json_bool(&j, "manifest", a->manifest != NULL);
	json_bool(&j, "complete", a->manifest != NULL && a->manifest->complete);
	json_u64(&j, "segments_genuine", a->genuine);
	json_u64(&j, "segments_wrong", a->failed);
	json_u64(&j, "bytes_genuine", a->genuine_bytes);
	finding_json(f, &j);
	json_object_end(&j);
	r = json_end(&j);
	if (r == 0)
		(void)fwrite(out.data, 1, out.len, stdout);
	buf_free(&out);
	return r;
}

/* What people know it by. */
static void name_of(const struct arguments *args, const char *path, char *ret, size_t cap)
{
	if (args->fetch != NULL)
		fetch_name(args->fetch, path, ret, cap);
	else
		(void)snprintf(ret, cap, "%s", path);
}

/* One collection.  Its status. */
static enum audit_status verify_one(const char *path, const struct arguments *args)
{
	struct findings f = { .out = args->json ? NULL : stdout };
	enum audit_status status = AUDIT_WRONG;
	struct collection *c = NULL;
	struct audit a = { .collection = NULL };
	char quoted[PATH_SHOWN], shown[PATH_MAX];
	int r;

	name_of(args, path, shown, sizeof(shown));
	(void)quote_text(quoted, sizeof(quoted), shown);
	r = collection_open(path, &c);
	if (r < 0) {
		(void)fprintf(stderr, "evac verify: %s: %s\n", quoted, strerror(-r));
		if (args->json)
			(void)printf("null");
		return status;
	}
	r = audit_open(&a, c, signer_key(&args->signer), &f);
	if (r == 0) {
		if (!a.key_given)
			(void)fprintf(stderr, "evac verify: %s: the public key came with the "
				      "collection, so it proves only that all is of one "
				      "origin; give --signer with the key that evac collect "
				      "printed\n", quoted);
		check_segments(&a, args);
		audit_end(&a);
	}
	status = r < 0 ? AUDIT_WRONG : audit_status(&a);
	if (!args->json)
		print_summary(&a, quoted);
	else if (print_json(&a, shown) < 0)
		status = AUDIT_WRONG;
	audit_close(&a);
	collection_free(c);
	finding_free(&f);
	return status;
}

/* The worse of two statuses. */
static enum audit_status worse(enum audit_status a, enum audit_status b)
{
	if (a == AUDIT_WRONG || b == AUDIT_WRONG)
		return AUDIT_WRONG;
	return a > b ? a : b;
}

static int find(const char *where, const struct arguments *args, struct collection_paths *ret)
{
	char quoted[PATH_SHOWN], shown[PATH_MAX];
	int r = collection_find(where, ret);

	name_of(args, where, shown, sizeof(shown));
	(void)quote_text(quoted, sizeof(quoted), shown);
	if (r < 0)
		(void)fprintf(stderr, "evac verify: %s: %s\n", quoted, strerror(-r));
	else if (ret->count == 0)
		(void)fprintf(stderr, "evac verify: %s: there is no collection here\n",
			      quoted);
	return r < 0 || ret->count == 0 ? -ENOENT : 0;
}

static int verify_all(const char *where, const struct arguments *args)
{
	enum audit_status status = AUDIT_GENUINE;
	struct collection_paths paths;

	if (find(where, args, &paths) < 0)
		return AUDIT_WRONG;
	if (args->json)
		(void)printf("{\"evac_verify\":1,\"collections\":[");
	for (size_t i = 0; i < paths.count; i++) {
		if (args->json && i > 0)
			(void)printf(",");
		status = worse(status, verify_one(paths.list[i], args));
	}
	if (args->json)
		(void)printf("],\"verdict\":\"%s\"}\n", audit_verdict(status));
	collection_free_paths(&paths);
	return fflush(stdout) == 0 ? (int)status : AUDIT_WRONG;
}

/* What is in a bucket is downloaded first. */
static int verify_remote(const char *where, struct arguments *args)
{
	struct vault_options o = { .url = where };
	char error[FETCH_ERROR_MAX], wrong[CLI_ERROR_MAX];
	int status;

	vault_cli_apply(&args->vault, &o);
	if (vault_cli_check(&o, wrong) < 0)
		return cli_usage(&cli, "%s", wrong);
	if (fetch_open(&args->fetch, &o, NULL, error) < 0) {
		(void)fprintf(stderr, "evac verify: %s\n", error);
		return AUDIT_WRONG;
	}
	status = verify_all(fetch_dir(args->fetch), args);
	if (fetch_failed(args->fetch) > 0)
		status = AUDIT_WRONG;
	fetch_close(args->fetch);
	return status;
}

int verify_main(int argc, char **argv)
{
	struct arguments args = { .verbose = false };
	const char *where;
	size_t count;
	int r = cli_parse(&cli, argc, argv, &args, &where, 1, &count);

	if (r < 0)
		return cli_status(r);
	if (count == 0)
		return cli_usage(&cli, "WHERE is missing: a directory, or s3://BUCKET/PREFIX");
	return fetch_is_remote(where) ? verify_remote(where, &args) : verify_all(where, &args);
}
