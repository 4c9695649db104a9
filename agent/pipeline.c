/*
 * pipeline.c - the whole flow of evidence:
 *
 *   collectors -> sink -> segment -> [queue] -> worker: archive, seal, sign -> vault
 *
 * Made once, before the first collector runs; nothing is allocated later.
 */
#include "pipeline.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "buf.h"
#include "collection_id.h"
#include "comment.h"
#include "digest.h"
#include "log.h"
#include "manifest.h"
#include "minisign.h"
#include "options.h"
#include "queue.h"
#include "segment.h"
#include "worker.h"

struct pipeline {
	const struct options *o;
	const struct collection_id *id;
	struct minisign_key *key;      /* locked memory */
	char public_text[MINISIGN_PUBLIC_TEXT];
	struct queue *queue;
	struct manifest *manifest;
	struct vault_session *session; /* for what no worker sends */
	struct workers *workers;
	struct worker_context ctx;
};

static int make_key(struct pipeline *p)
{
	p->key = sodium_malloc(sizeof(*p->key));
	if (p->key == NULL)
		return -ENOMEM;
	minisign_keygen(p->key);
	(void)sodium_mprotect_readonly(p->key);
	minisign_public_text(&p->key->public, p->public_text);
	return 0;
}

static int make_manifest(struct pipeline *p)
{
	const struct manifest_facts facts = {
		.collection = p->id->id, .case_id = p->o->case_id,
		.host = p->id->host, .path = p->id->path,
		.public_key = p->public_text, .recipients = p->o->recipient_text,
		.recipient_count = p->o->recipients.count,
		.workers = p->o->workers, .segment_bytes = p->o->segment_size,
	};

	return manifest_open(&p->manifest, &facts);
}

int pipeline_prepare(struct pipeline **ret, const struct options *o,
		     const struct collection_id *id)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	int r = p == NULL ? -ENOMEM : 0;

	if (r == 0) {
		p->o = o;
		p->id = id;
		r = make_key(p);
	}
	if (r == 0)
		r = make_manifest(p);
	/* One segment fills while each worker has one: with the workers' output
	 * buffers at most 2 * workers + 1 times the segment size. */
	if (r == 0)
		r = queue_open(&p->queue, o->workers + 1, o->segment_size);
	if (r < 0) {
		log_line(LOG_ERROR, "no memory for %u workers with segments of %zu bytes",
			 o->workers, o->segment_size);
		pipeline_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

static int store_public(struct pipeline *p, char error[VAULT_ERROR_MAX])
{
	char text[MINISIGN_PUBLIC_FILE_MAX];
	struct vault_object obj = { .name = "evac.pub", .data = text };
	int r;

	minisign_public_file(&p->key->public, text);
	obj.len = strlen(text);
	r = digest_memory(obj.data, obj.len, obj.sha256);
	return r < 0 ? r : p->ctx.ops->put(p->session, &obj, error);
}

static void fill_context(struct pipeline *p)
{
	p->ctx.queue = p->queue;
	p->ctx.recipients = &p->o->recipients;
	p->ctx.key = p->key;
	p->ctx.collection = p->id->id;
	p->ctx.manifest = p->manifest;
	p->ctx.segment_size = p->o->segment_size;
	p->ctx.ops = vault_find(p->o->to);
}

int pipeline_start(struct pipeline *p, int64_t deadline_ms)
{
	const struct vault_options vo = {
		.url = p->o->to, .region = p->o->region,
		.endpoint_url = p->o->endpoint_url, .ca_file = p->o->ca_file,
		.path_style = p->o->path_style, .deadline_ms = deadline_ms,
	};
	char error[VAULT_ERROR_MAX] = "";
	int r;

	fill_context(p);
	r = p->ctx.ops->open(&p->ctx.vault, &vo, p->id->path, error);
	if (r == 0)
		r = p->ctx.ops->session(&p->session, p->ctx.vault);
	if (r == 0)
		r = store_public(p, error);
	if (r == 0)
		r = worker_start(&p->workers, &p->ctx, p->o->workers);
	if (r < 0)
		log_line(LOG_ERROR, "%s", error[0] != '\0' ? error : strerror(-r));
	return r;
}

const char *pipeline_public_key(const struct pipeline *p)
{
	return p->public_text;
}

struct queue *pipeline_queue(struct pipeline *p)
{
	return p->queue;
}

void pipeline_put(struct pipeline *p, struct segment *seg)
{
	if (seg->entry_count > 0)
		queue_put(p->queue, seg);
	else
		queue_release(p->queue, seg);
}

int pipeline_dead(const struct pipeline *p)
{
	return atomic_load(&p->ctx.dead);
}

int pipeline_report(struct pipeline *p, const char *name, const char *status,
		    const char *why, double seconds, const struct sink_summary *sum)
{
	return manifest_collector(p->manifest, name, status, why, seconds, sum);
}

void pipeline_flow(const struct pipeline *p, struct pipeline_flow *ret)
{
	ret->segments = atomic_load(&p->ctx.stored);
	ret->sealed_bytes = atomic_load(&p->ctx.sealed_bytes);
	ret->stored_bytes = atomic_load(&p->ctx.stored_bytes);
}

void pipeline_totals(struct pipeline *p, struct manifest_totals *ret)
{
	manifest_sum(p->manifest, ret);
}

static int store_manifest(struct pipeline *p, char error[VAULT_ERROR_MAX])
{
	struct vault_object obj = { .name = "manifest.json" };
	struct comment about = { .is_segment = false };
	struct buf text;
	int r = manifest_write(p->manifest, &text);

	if (r < 0)
		return r;
	obj.data = text.data;
	obj.len = text.len;
	r = digest_memory(obj.data, obj.len, obj.sha256);
	if (r == 0)
		r = worker_store(&p->ctx, p->session, &obj, &about, error);
	buf_free(&text);
	return r;
}

int pipeline_finish(struct pipeline *p)
{
	char error[VAULT_ERROR_MAX] = "";
	int r;

	queue_close(p->queue);
	worker_join(p->workers);
	p->workers = NULL;
	r = store_manifest(p, error);
	if (r < 0)
		log_line(LOG_ERROR, "manifest not stored: %s",
			 error[0] != '\0' ? error : strerror(-r));
	return r;
}

void pipeline_free(struct pipeline *p)
{
	if (p == NULL)
		return;
	if (p->queue != NULL)
		queue_close(p->queue);
	worker_join(p->workers);
	if (p->session != NULL)
		p->ctx.ops->session_close(p->session);
	if (p->ctx.ops != NULL)
		p->ctx.ops->close(p->ctx.vault);
	manifest_free(p->manifest);
	queue_free(p->queue);
	sodium_free(p->key);
	free(p);
}
