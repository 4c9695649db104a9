/*
 * open.c - `evac open`: verify, decrypt, unpack and join a collection.
 *
 * Reads a collection and the responder's identity; writes below one new
 * directory.  Only what verifies is unpacked, from the very bytes that were
 * verified; what does not is named on stderr and the rest goes on.
 */
#include "open.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agekey.h"
#include "audit.h"
#include "bar.h"
#include "cli.h"
#include "collection.h"
#include "extract.h"
#include "fetch.h"
#include "finding.h"
#include "image.h"
#include "image_cover.h"
#include "join.h"
#include "manifest_read.h"
#include "open_report.h"
#include "quote.h"
#include "scope.h"
#include "signer.h"
#include "unpack.h"
#include "unseal.h"
#include "vault_cli.h"

#define SHOWN 512

/* For a segment without a record in a manifest: more than the agent makes. */
#define ENTRIES_MAX (1u << 20)
#define BYTES_MAX ((uint64_t)4 << 30)

struct arguments {
	const char *identity, *out;
	struct signer signer;
	enum image_form image;
	bool json;
	struct vault_cli vault;
	struct fetch *fetch;  /* NULL: it is a directory of the caller's */
};

static int set_image(void *ctx, const char *value, char error[CLI_ERROR_MAX])
{
	struct arguments *args = ctx;

	(void)snprintf(error, CLI_ERROR_MAX, "lime, raw or elf");
	return image_parse_form(value, &args->image);
}

static const struct cli_option options[] = {
	{ .name = "identity", .letter = 'i', .arg = "FILE",
	  .offset = offsetof(struct arguments, identity),
	  .help = "the secret key of a recipient, as evac keygen or age-keygen\n"
		  "wrote it" },
	{ .name = "out", .arg = "DIR", .offset = offsetof(struct arguments, out),
	  .help = "where the evidence goes: a new or empty directory" },
	SIGNER_ROW(struct arguments, signer),
	{ .name = "image", .arg = "FORM", .set = set_image,
	  .help = "the memory image as lime (default), raw (sparse: offsets are\n"
		  "addresses) or elf (for crash, drgn and gdb)" },
	{ .name = "json", .offset = offsetof(struct arguments, json),
	  .help = "print one JSON object as the summary" },
	VAULT_CLI_PLACE(struct arguments, vault),
};

static const struct cli cli = {
	.verb = "open",
	.usage = "WHERE --identity FILE --out DIR [OPTIONS]",
	.about = "Verifies, decrypts and unpacks the collection at or below WHERE, a directory\n"
		 "or s3://BUCKET/PREFIX, and joins the files that it holds in pieces.\n",
	.options = options,
	.option_count = ARRAY_LEN(options),
	.end = "Exit status:\n"
	       "  0   all of it is genuine and unpacked\n"
	       "  1   something is wrong or missing: each object or file is named\n"
	       "  3   the run was cut short: what arrived is genuine and unpacked\n"
	       "  64  usage\n",
};

/* One collection being opened. */
struct job {
	const struct arguments *args;
	struct findings findings;
	struct agekey_identities *identities;
	struct audit audit;
	struct unpack unpack;
	struct open_report report;
};

/* One line of why nothing can be done.  1, the exit status. */
static int fail(const char *name, const char *why)
{
	char quoted[SHOWN];

	bar_clear();
	(void)fprintf(stderr, "evac open: %s: %s\n",
		      quote_text(quoted, sizeof(quoted), name), why);
	return AUDIT_WRONG;
}

/* Make the directory, once it is clear that the identity opens something. */
static int begin(struct job *j, const void *data, size_t len)
{
	char error[UNSEAL_ERROR_MAX];
	struct unseal u;
	int r;

	if (j->unpack.extract != NULL)
		return 0;
	r = unseal_open(&u, data, len, j->identities, error);
	unseal_close(&u);
	if (r == -ENOKEY) {
		(void)fail(j->args->identity,
			   "it opens nothing here: it is no recipient of this collection");
		return r;
	}
	r = extract_open(&j->unpack.extract, j->args->out);
	if (r == 0)
		r = join_open(&j->unpack.join);
	if (r < 0)
		(void)fail(j->args->out, strerror(-r));
	return r;
}

/* Unpack one verified segment.  0, or what ends the whole. */
static int open_segment(struct job *j, const struct collection_object *o,
			const void *data, size_t len)
{
	const struct manifest_read_segment *record = audit_record(&j->audit, o->name);
	struct unpack_segment s = {
		.name = o->name,
		.data = data,
		.len = len,
		.entries_max = record == NULL ? ENTRIES_MAX : record->entries,
		.bytes_max = record == NULL ? BYTES_MAX : record->entry_bytes,
	};
	struct unpack_totals totals = { 0, 0 };
	int r = begin(j, data, len);

	if (r < 0)
		return r;
	r = unpack_segment(&j->unpack, &s, &totals);
	open_report_add(&j->report, o->group, totals.entries, totals.bytes);
	if (r < 0 && r != -EBADMSG) {
		(void)fail(j->args->out, strerror(-r));
		return r;
	}
	return 0;
}

static int open_segments(struct job *j)
{
	const struct collection *c = j->audit.collection;
	int r = 0;

	bar_begin("open", c->segment_count);
	for (size_t i = 0; r == 0 && i < c->segment_count; i++) {
		AUTO_FREE void *data = NULL;
		size_t len = 0;

		if (audit_segment(&j->audit, &c->segments[i], &data, &len) == 0)
			r = open_segment(j, &c->segments[i], data, len);
		bar_step(len);
	}
	bar_end();
	return r;
}

/* The image in the form that was asked for.  0, or a negative errno after a message. */
static int convert(struct job *j)
{
	enum image_form form = j->args->image;
	int r;

	if (form == IMAGE_LIME || j->report.memory_bytes == 0)
		return 0;
	r = image_convert(j->unpack.extract, form, &j->report.memory_bytes);
	if (r == 0) {
		j->report.memory_name = image_name(form);
	} else if (r == -EPROTO) {
		finding_problem(&j->findings, JOIN_MEMORY, "it is no clean image and stays "
				"as it is");
		r = 0;
	} else {
		(void)fail(image_name(form), strerror(-r));
	}
	return r;
}

/* All of a collection whose key is known.  The exit status. */
static int open_audited(struct job *j)
{
	int r;

	if (!j->audit.key_given)
		(void)fprintf(stderr, "evac open: the public key came with the collection, so "
			      "it proves only that all is of one origin; give --signer with "
			      "the key that evac collect printed\n");
	r = open_segments(j);
	if (r < 0)
		return AUDIT_WRONG;
	audit_end(&j->audit);
	if (j->unpack.extract == NULL)
		return fail(j->audit.collection->path, "there is no segment that can be opened");
	r = join_end(j->unpack.join, j->unpack.extract, &j->findings, j->audit.cut,
		     &j->report.memory_bytes);
	if (r < 0)
		return fail(j->args->out, strerror(-r));
	if (j->report.memory_bytes > 0)
		image_cover_note(j->unpack.extract, &j->findings);
	if (convert(j) < 0)
		return AUDIT_WRONG;
	if (open_report_print(&j->report, &j->audit, j->args->out, j->args->json) < 0)
		return AUDIT_WRONG;
	return (int)audit_status(&j->audit);
}

static int open_collection(const struct arguments *args, const struct collection *c,
			   struct agekey_identities *identities)
{
	struct job j = { .args = args, .identities = identities };
	int status = AUDIT_WRONG;

	j.findings.out = stderr;
	open_report_begin(&j.report);
	j.unpack.identities = identities;
	j.unpack.findings = &j.findings;
	if (audit_open(&j.audit, c, signer_key(&args->signer),
		       &j.findings) == 0)
		status = open_audited(&j);
	audit_close(&j.audit);
	join_close(j.unpack.join);
	extract_close(j.unpack.extract);
	finding_free(&j.findings);
	return status;
}

/* What people know it by. */
static void name_of(const struct arguments *args, const char *path, char *ret, size_t cap)
{
	if (args->fetch != NULL)
		fetch_name(args->fetch, path, ret, cap);
	else
		(void)snprintf(ret, cap, "%s", path);
}

/*
 * Download what is in a bucket, beside ${args->out}: there is room, and it is
 * where the responder wants the evidence.
 */
static int fetch(const char *where, struct arguments *args)
{
	struct vault_options o = { .url = where };
	char error[FETCH_ERROR_MAX], wrong[CLI_ERROR_MAX], near[PATH_MAX];
	size_t len = strlen(args->out);

	while (len > 1 && args->out[len - 1] == '/')
		len--;
	(void)snprintf(near, sizeof(near), "%.*s.download", (int)(len < 4000 ? len : 4000),
		       args->out);
	vault_cli_apply(&args->vault, &o);
	if (vault_cli_check(&o, wrong) < 0)
		return cli_usage(&cli, "%s", wrong);
	if (fetch_open(&args->fetch, &o, near, error) < 0) {
		(void)fprintf(stderr, "evac open: %s\n", error);
		return AUDIT_WRONG;
	}
	return 0;
}

/* The one collection at or below ${where}.  0 or -ENOENT after a message. */
static int find(const char *where, const struct arguments *args, struct collection **ret)
{
	struct collection_paths paths;
	char quoted[SHOWN], shown[PATH_MAX];
	int r = collection_find(where, &paths);

	if (r == 0 && paths.count == 1)
		r = collection_open(paths.list[0], ret);
	name_of(args, where, shown, sizeof(shown));
	if (r < 0) {
		(void)fail(shown, strerror(-r));
	} else if (paths.count == 0) {
		(void)fail(shown, "there is no collection here");
		r = -ENOENT;
	} else if (paths.count > 1) {
		(void)fail(shown, "there are several collections here; name one:");
		for (size_t i = 0; i < paths.count; i++) {
			name_of(args, paths.list[i], shown, sizeof(shown));
			(void)fprintf(stderr, "  %s\n",
				      quote_text(quoted, sizeof(quoted), shown));
		}
		r = -ENOENT;
	}
	collection_free_paths(&paths);
	return r;
}

static int run(const char *where, struct arguments *args)
{
	struct agekey_identities *identities = NULL;
	struct collection *c = NULL;
	char error[AGEKEY_ERROR_MAX];
	int status = AUDIT_WRONG, r;

	r = extract_probe(args->out);
	if (r < 0)
		return fail(args->out, r == -ENOTEMPTY ?
			    "it is not empty; give a new directory" : strerror(-r));
	if (agekey_load_identities(args->identity, &identities, error) < 0)
		return fail(args->identity, error);
	r = fetch_is_remote(where) ? fetch(where, args) : 0;
	if (r != 0)
		status = r;
	if (r == 0 && args->fetch != NULL)
		where = fetch_dir(args->fetch);
	if (r == 0 && find(where, args, &c) == 0)
		status = extract_is_below(args->out, c->path) ?
			 fail(args->out, "it is in the collection, which stays as it is") :
			 open_collection(args, c, identities);
	if (args->fetch != NULL && fetch_failed(args->fetch) > 0)
		status = AUDIT_WRONG;
	fetch_close(args->fetch);
	collection_free(c);
	agekey_free_identities(identities);
	return fflush(stdout) == 0 ? status : AUDIT_WRONG;
}

int open_main(int argc, char **argv)
{
	struct arguments args = { .identity = NULL };
	const char *where;
	size_t count;
	int r = cli_parse(&cli, argc, argv, &args, &where, 1, &count);

	if (r < 0)
		return cli_status(r);
	if (count == 0)
		return cli_usage(&cli, "WHERE is missing: a directory, or s3://BUCKET/PREFIX");
	if (args.identity == NULL)
		return cli_usage(&cli, "--identity is missing");
	if (args.out == NULL)
		return cli_usage(&cli, "--out is missing");
	return run(where, &args);
}
