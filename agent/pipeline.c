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
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "budget.h"
#include "buf.h"
#include "clock.h"
#include "collection_id.h"
#include "comment.h"
#include "delivery.h"
#include "digest.h"
#include "log.h"
#include "manifest.h"
#include "meter.h"
#include "minisign.h"
#include "options.h"
#include "queue.h"
#include "segment.h"
#include "spool.h"
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
	struct delivery delivery;
	struct spool *spool;           /* NULL: none allowed */
	struct meter meter;
	const struct budget *budget;   /* the time */
	bool public_stored;            /* evac.pub is in the vault */
	bool hung;                     /* a worker's thread lives on */
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

static void public_object(const struct pipeline *p, struct vault_object *obj,
			  char text[MINISIGN_PUBLIC_FILE_MAX])
{
	*obj = (struct vault_object){ .name = "evac.pub", .data = text, .last = true };
	minisign_public_file(&p->key->public, text);
	obj->len = strlen(text);
	(void)digest_memory(obj->data, obj->len, obj->sha256);
}

/* What the server said of the time just now, to a second: the host's own may be wrong. */
static void note_clock(struct pipeline *p, struct vault_session *session)
{
	struct vault_facts facts = { 0 };
	char text[32];

	if (p->delivery.ops->facts == NULL)
		return;
	p->delivery.ops->facts(session, &facts);
	if (facts.date == 0)
		return;
	(void)snprintf(text, sizeof(text), "%lld",
		       (long long)facts.date - (long long)time(NULL));
	(void)manifest_note(p->manifest, "vault_clock_offset_s", text);
}

static int store_public(struct pipeline *p, struct vault_session *session,
			char error[VAULT_ERROR_MAX])
{
	char text[MINISIGN_PUBLIC_FILE_MAX];
	enum delivery_place place;
	struct vault_object obj;
	int r;

	public_object(p, &obj, text);
	r = delivery_send(&p->delivery, session, &obj, NULL, &place, error);
	p->public_stored = place == DELIVERY_VAULT;
	if (r == 0 && p->public_stored)
		note_clock(p, session);
	return r;
}

/* Where there is a spool, a dead vault keeps nobody from reading what is volatile. */
static void store_public_first(void *arg, struct vault_session *session)
{
	struct pipeline *p = arg;
	char error[VAULT_ERROR_MAX] = "";

	if (store_public(p, session, error) < 0)
		log_line(LOG_WARN, "evac.pub: %s", error);
}

static int open_spool(struct pipeline *p)
{
	struct spool_options so = p->o->spool;
	int r = 0;

	so.deadline_ms = budget_done(p->budget);
	so.hang_ms = budget_patience(p->budget, DELIVERY_PATIENCE_MS);
	if (so.dir != NULL)
		r = spool_open(&p->spool, &so, p->id->path);
	p->delivery.spool = p->spool;
	return r;
}

static int open_vault(struct pipeline *p, char error[VAULT_ERROR_MAX])
{
	struct vault_options vo;
	struct delivery *d = &p->delivery;
	int r;

	d->ops = options_vault(p->o, &vo);
	vo.deadline_ms = budget_done(p->budget);
	vo.reserve_ms = p->budget->reserve_ms;
	d->give_up_ms = 1000 * (int64_t)p->o->patience_s;
	if (p->spool != NULL)
		vo.patience_ms = budget_patience(p->budget, DELIVERY_PATIENCE_MS);
	else
		vo.give_up_ms = d->give_up_ms;
	d->key = p->key;
	d->collection = p->id->id;
	atomic_store(&d->taken_ms, clock_now_ms());
	r = d->ops->open(&d->vault, &vo, p->id->path, error);
	if (r == 0)
		r = d->ops->session(&p->session, d->vault);
	if (r == 0 && d->ops->facts != NULL) {
		struct vault_facts facts;

		d->ops->facts(p->session, &facts);
		(void)manifest_note(p->manifest, "credentials", facts.credentials);
	}
	return r;
}

/* Everything that the workers share. */
static int start_workers(struct pipeline *p)
{
	p->ctx.queue = p->queue;
	p->ctx.recipients = &p->o->recipients;
	p->ctx.delivery = &p->delivery;
	p->ctx.manifest = p->manifest;
	p->ctx.meter = &p->meter;
	p->ctx.segment_size = p->o->segment_size;
	if (p->spool != NULL) {
		p->ctx.first = store_public_first;
		p->ctx.first_arg = p;
	}
	return worker_start(&p->workers, &p->ctx, p->o->workers);
}

int pipeline_start(struct pipeline *p, const struct budget *budget)
{
	char error[VAULT_ERROR_MAX] = "";
	int r;

	p->budget = budget;
	meter_open(&p->meter);
	r = open_spool(p);
	if (r == 0)
		r = open_vault(p, error);
	/* With a spool the run goes on without a vault. */
	if (r < 0 && p->spool != NULL) {
		log_line(LOG_WARN, "no vault, only the spool: %s",
			 error[0] != '\0' ? error : strerror(-r));
		r = 0;
	}
	if (r == 0 && p->spool == NULL)
		r = store_public(p, p->session, error);
	if (r == 0)
		r = start_workers(p);
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

void pipeline_volatile_done(struct pipeline *p)
{
	atomic_store(&p->ctx.marker_due, queue_count_group(p->queue, WORKER_MARKED_GROUP));
}

void pipeline_hurry(struct pipeline *p, bool on)
{
	unsigned n = queue_hurry(p->queue, on);

	if (n > 0)
		log_line(LOG_WARN, "%u segments given up unread: the time was over", n);
}

int pipeline_dead(const struct pipeline *p)
{
	return delivery_dead(&p->delivery);
}

int pipeline_report(struct pipeline *p, const char *name, const char *status,
		    const char *why, double seconds, const struct sink_summary *sum)
{
	return manifest_collector(p->manifest, name, status, why, seconds, sum);
}

int pipeline_note(struct pipeline *p, const char *key, const char *text)
{
	return manifest_note(p->manifest, key, text);
}

void pipeline_flow(const struct pipeline *p, struct pipeline_flow *ret)
{
	ret->segments = atomic_load(&p->ctx.stored);
	ret->sealed_bytes = atomic_load(&p->ctx.sealed_bytes);
	ret->stored_bytes = atomic_load(&p->ctx.stored_bytes);
	ret->waiting = p->spool != NULL ? spool_waiting(p->spool) : 0;
}

void pipeline_totals(struct pipeline *p, struct manifest_totals *ret)
{
	manifest_sum(p->manifest, ret);
}

/* What is only in the spool must be verifiable there, and be sent later. */
static int complete_spool(struct pipeline *p, const struct vault_object *manifest,
			  char error[VAULT_ERROR_MAX])
{
	struct comment about = { .is_segment = false };
	char text[MINISIGN_PUBLIC_FILE_MAX];
	struct vault_object obj;
	int r;

	public_object(p, &obj, text);
	r = delivery_spool(&p->delivery, &obj, NULL, error);
	if (r == 0 || r == -EEXIST)
		r = delivery_spool(&p->delivery, manifest, &about, error);
	return r == -EEXIST ? 0 : r;
}

static int store_manifest(struct pipeline *p, char error[VAULT_ERROR_MAX])
{
	bool held = false;
	struct vault_object obj = { .name = "manifest.json", .last = true, .held = &held };
	struct comment about = { .is_segment = false };
	enum delivery_place place = DELIVERY_LOST;
	bool spooled;
	struct buf text;
	int r = manifest_write(p->manifest, p->spool, &text);

	if (r < 0)
		return r;
	obj.data = text.data;
	obj.len = text.len;
	r = digest_memory(obj.data, obj.len, obj.sha256);
	if (r == 0)
		r = delivery_send(&p->delivery, p->session, &obj, &about, &place, error);
	spooled = place == DELIVERY_SPOOL ||
		  (p->spool != NULL && spool_waiting(p->spool) > 0);
	if (r == 0 && spooled)
		r = complete_spool(p, &obj, error);
	if (!held)
		buf_free(&text);
	return r == 0 && spooled ? 1 : r;
}

/* What the plan went by. */
static void note_rate(struct pipeline *p)
{
	double rate = meter_rate(&p->meter, clock_now_ms());
	char text[64];

	if (rate <= 0)
		return;
	(void)snprintf(text, sizeof(text), "%.0f", rate);
	(void)manifest_note(p->manifest, "vault_bytes_per_s", text);
}

bool pipeline_hung(const struct pipeline *p)
{
	return p->hung;
}

int64_t pipeline_need_ms(struct pipeline *p)
{
	/* Those that wait, and the one that fills. */
	uint64_t more = worker_guess(&p->ctx) * (uint64_t)(queue_waiting(p->queue) + 1);

	return meter_need_ms(&p->meter, more, clock_now_ms());
}

/* When workers must have ended: what did not leave by then may still go to the spool. */
static int64_t workers_end(const struct pipeline *p)
{
	int64_t reserve = p->budget->reserve_ms;

	return p->budget->end_ms == 0 ? 0 :
	       budget_done(p->budget) - (p->spool != NULL ? reserve / 2 : reserve);
}

int pipeline_finish(struct pipeline *p)
{
	char error[VAULT_ERROR_MAX] = "";
	int r;

	queue_close(p->queue);
	r = worker_join(p->workers, workers_end(p));
	p->hung = r < 0;
	p->workers = NULL;
	note_rate(p);
	worker_mark(&p->ctx, p->session);
	/* It went to the spool if the vault could not be reached at first. */
	if (!p->public_stored)
		(void)store_public(p, p->session, error);
	r = store_manifest(p, error);
	if (r < 0)
		log_line(LOG_ERROR, "manifest not stored: %s",
			 error[0] != '\0' ? error : strerror(-r));
	if (r == 1)
		log_line(LOG_WARN, "%u segments wait in the spool: evac push sends them",
			 spool_waiting(p->spool));
	return r;
}

void pipeline_wipe(struct pipeline *p)
{
	sodium_free(p->key);
	p->key = NULL;
}

void pipeline_free(struct pipeline *p)
{
	if (p == NULL)
		return;
	if (p->queue != NULL)
		if (p->queue != NULL)
		queue_close(p->queue);
	(void)worker_join(p->workers, 0);
	if (p->session != NULL)
		p->delivery.ops->session_close(p->session);
	if (p->delivery.ops != NULL)
		p->delivery.ops->close(p->delivery.vault);
	spool_close(p->spool);
	manifest_free(p->manifest);
	queue_free(p->queue);
	sodium_free(p->key);
	free(p);
}
