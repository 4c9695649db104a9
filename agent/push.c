/*
 * push.c - `evac push`.
 *
 * Reads collections that a spool kept, checks each object's signature, and
 * puts it where the agent would have put it.  What is in the vault already
 * stays as it is, so it can be run again.  The files stay too: they are
 * evidence.
 */
#include "push.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "bar.h"
#include "cli.h"
#include "collection.h"
#include "collection_id.h"
#include "digest.h"
#include "finding.h"
#include "manifest_read.h"
#include "quote.h"
#include "scope.h"
#include "signer.h"
#include "vault.h"
#include "vault_cli.h"

#define NAME_BYTES 128

struct arguments {
	const char *to;
	struct vault_cli vault;
	struct signer signer;
};

static const struct cli_option options[] = {
	{ .name = "to", .arg = "WHERE", .offset = offsetof(struct arguments, to),
	  .help = "the vault that evac collect was given: s3://BUCKET/PREFIX or a directory" },
	SIGNER_ROW(struct arguments, signer),
	VAULT_CLI_PLACE(struct arguments, vault),
	VAULT_CLI_KEEP(struct arguments, vault),
};

static const struct cli cli = {
	.verb = "push",
	.usage = "DIR --to WHERE [OPTIONS]",
	.about = "Sends the collections at or below the directory DIR, which a spool kept,\n"
		 "to their vault.  Only what verifies is sent; nothing is overwritten or removed.\n",
	.options = options,
	.option_count = ARRAY_LEN(options),
	.end = "Exit status:\n"
	       "  0   all of it is in the vault, and the collection there is whole\n"
	       "  1   something is wrong, missing or could not be sent: each object is named\n"
	       "  64  usage\n",
};

/* One collection on its way. */
struct push {
	struct audit *audit;
	const struct vault_ops *ops;
	struct vault_session *session;
	uint64_t sent, there, failed, bytes;
	uint64_t elsewhere; /* segments that are not in the spool */
};

static int put(struct push *p, const char *name, const void *data, size_t len)
{
	struct vault_object obj = { .name = name, .data = data, .len = len };
	char error[VAULT_ERROR_MAX] = "";
	int r = digest_memory(data, len, obj.sha256);

	if (r == 0)
		r = p->ops->put(p->session, &obj, error);
	if (r == -EEXIST) {
		p->there++;
		return 0;
	}
	if (r < 0) {
		p->failed++;
		finding_problem(p->audit->findings, name, "not sent: %s",
				error[0] != '\0' ? error : strerror(-r));
		return r;
	}
	p->sent++;
	p->bytes += len;
	return 0;
}

/* An object that is a file of the collection, as it is. */
static int put_file(struct push *p, const char *name)
{
	AUTO_FREE void *data = NULL;
	size_t len;
	int r = collection_load(p->audit->collection, name, COLLECTION_OBJECT_MAX,
				&data, &len);

	if (r < 0) {
		p->failed++;
		finding_problem(p->audit->findings, name, "%s", strerror(-r));
		return r;
	}
	return put(p, name, data, len);
}

static void push_segment(struct push *p, const struct collection_object *o)
{
	AUTO_FREE void *data = NULL;
	char sig[NAME_BYTES];
	size_t len;
	int r = audit_segment(p->audit, o, &data, &len);

	if (r == -ENOENT)
		return; /* a signature whose segment was sent or never came */
	if (r < 0) {
		p->failed++;
		return;
	}
	(void)snprintf(sig, sizeof(sig), "%s.minisig", o->name);
	if (put_file(p, sig) == 0)
		(void)put(p, o->name, data, len);
}

static bool is_here(const struct collection *c, const char *name)
{
	for (size_t i = 0; i < c->segment_count; i++)
		if (c->segments[i].present && strcmp(c->segments[i].name, name) == 0)
			return true;
	return false;
}

/*
 * Segments of the manifest that are not here went to the vault during the run,
 * unless the manifest says that they waited in the spool.
 */
static void check_whole(struct push *p)
{
	const struct manifest_view *m = p->audit->manifest;

	for (size_t i = 0; m != NULL && i < m->segment_count; i++)
		p->elsewhere += !is_here(p->audit->collection, m->segments[i].name);
	for (size_t i = 0; m != NULL && i < m->spooled_count; i++) {
		if (is_here(p->audit->collection, m->spooled[i]))
			continue;
		p->failed++;
		finding_problem(p->audit->findings, m->spooled[i],
				"waited in the spool, but is not here");
	}
}

static void push_all(struct push *p)
{
	const struct collection *c = p->audit->collection;

	if (c->has_public)
		(void)put_file(p, COLLECTION_PUBLIC);
	bar_begin("push", c->segment_count);
	for (size_t i = 0; i < c->segment_count; i++) {
		uint64_t before = p->bytes;

		push_segment(p, &c->segments[i]);
		bar_step(p->bytes - before);
	}
	bar_end();
	check_whole(p);
	/* The manifest says that the collection is complete: it comes last. */
	if (p->failed == 0 && p->audit->manifest != NULL &&
	    put_file(p, COLLECTION_MANIFEST ".minisig") == 0)
		(void)put_file(p, COLLECTION_MANIFEST);
}

/* "CASE/HOST/ID": by the manifest, else by the directories' names. */
static int place_of(const struct audit *a, char *ret, size_t cap)
{
	const struct manifest_view *m = a->manifest;
	const char *tail = a->collection->path, *at;
	AUTO_FREE char *full = NULL;
	int slashes = 0;

	/* Its words become directories or keys: only what evac would write. */
	if (m != NULL && (!collection_case_ok(m->case_id) ||
			  !collection_case_ok(m->host) ||
			  !collection_case_ok(m->collection)))
		return -EINVAL;
	if (m != NULL)
		return (size_t)snprintf(ret, cap, "%s/%s/%s", m->case_id, m->host,
					m->collection) < cap ? 0 : -ENAMETOOLONG;
	full = realpath(tail, NULL);
	if (full == NULL)
		return -errno;
	for (at = full + strlen(full); at > full && slashes < 3; at--)
		slashes += at[-1] == '/';
	if (slashes < 3)
		return -ENOENT;
	return (size_t)snprintf(ret, cap, "%s", at + 1) < cap ? 0 : -ENAMETOOLONG;
}

static int send_collection(struct push *p, const struct arguments *args)
{
	struct vault_options vo = { .url = args->to };
	char error[VAULT_ERROR_MAX] = "", path[512];
	struct vault *vault = NULL;
	int r = place_of(p->audit, path, sizeof(path));

	vault_cli_apply(&args->vault, &vo);
	if (r < 0)
		(void)snprintf(error, sizeof(error), "its place CASE/HOST/ID is not known");
	if (r == 0)
		r = p->ops->open(&vault, &vo, path, error);
	if (r == 0)
		r = p->ops->session(&p->session, vault);
	if (r == 0)
		push_all(p);
	else
		(void)fprintf(stderr, "evac push: %s\n",
			      error[0] != '\0' ? error : strerror(-r));
	if (p->session != NULL)
		p->ops->session_close(p->session);
	p->ops->close(vault);
	return r;
}

/* True when it is whole in the vault. */
static bool push_one(const char *path, const struct arguments *args)
{
	struct findings f = { .out = stdout };
	struct audit a = { .collection = NULL };
	struct push p = { .audit = &a, .ops = vault_find(args->to) };
	struct collection *c = NULL;
	char quoted[512];
	int r = collection_open(path, &c);

	(void)quote_text(quoted, sizeof(quoted), path);
	if (r < 0) {
		(void)fprintf(stderr, "evac push: %s: %s\n", quoted, strerror(-r));
		return false;
	}
	r = audit_open(&a, c, signer_key(&args->signer), &f);
	if (r == 0)
		r = send_collection(&p, args);
	if (r == 0)
		(void)printf("%s: %" PRIu64 " objects sent, %" PRIu64 " bytes; %" PRIu64
			     " there already; %" PRIu64 " failed%s\n", quoted, p.sent,
			     p.bytes, p.there, p.failed,
			     a.manifest != NULL ? "" : "; no manifest: the run was cut short");
	if (r == 0 && p.elsewhere > 0)
		(void)printf("%s: %" PRIu64 " of the manifest's segments went there during the "
			     "run and are not here: evac verify WHERE looks at them too\n",
			     quoted, p.elsewhere);
	r = r < 0 || p.failed > 0 || f.problems > 0 ? -1 : 0;
	audit_close(&a);
	collection_free(c);
	finding_free(&f);
	return r == 0;
}

static int push_paths(const char *where, const struct arguments *args)
{
	struct collection_paths paths;
	char quoted[512];
	bool whole = true;
	int r = collection_find(where, &paths);

	(void)quote_text(quoted, sizeof(quoted), where);
	if (r < 0 || paths.count == 0) {
		(void)fprintf(stderr, "evac push: %s: %s\n", quoted,
			      r < 0 ? strerror(-r) : "there is no collection here");
		return 1;
	}
	for (size_t i = 0; i < paths.count; i++)
		whole &= push_one(paths.list[i], args);
	collection_free_paths(&paths);
	return whole ? 0 : 1;
}

int push_main(int argc, char **argv)
{
	struct arguments args = { .to = NULL };
	char error[CLI_ERROR_MAX];
	struct vault_options vo;
	const char *where;
	size_t count;
	int r = cli_parse(&cli, argc, argv, &args, &where, 1, &count);

	if (r < 0)
		return cli_status(r);
	if (count == 0)
		return cli_usage(&cli, "DIR is missing");
	if (args.to == NULL)
		return cli_usage(&cli, "--to is missing");
	vo = (struct vault_options){ .url = args.to };
	vault_cli_apply(&args.vault, &vo);
	if (vault_cli_check(&vo, error) < 0)
		return cli_usage(&cli, "%s", error);
	return push_paths(where, &args);
}
