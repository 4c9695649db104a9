/*
 * worker.c - threads that turn segments into stored objects:
 *
 *   queue -> archive (tar, zstd) -> seal (age) -> delivery (minisign, vault)
 *
 * All memory is taken at the start.  A segment goes back to the free list as
 * soon as it is sealed: while the network is slow, the next one fills.
 */
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "buf.h"
#include "clock.h"
#include "comment.h"
#include "delivery.h"
#include "digest.h"
#include "log.h"
#include "manifest.h"
#include "queue.h"
#include "seal.h"
#include "segment.h"
#include "vault.h"

#define STACK_BYTES (512u << 10)

struct worker {
	pthread_t thread;
	struct worker_context *ctx;
	struct archive_maker *archive;
	struct vault_session *session;
	struct seal seal;
	struct buf out;
};

struct workers {
	unsigned count;
	struct worker worker[];
};

/* zstd's worst case adds 1/256 and some bytes; tar's cost is in the budget. */
static size_t out_bytes(size_t segment_size)
{
	return seal_bound(segment_size + segment_size / 128 + 65536);
}

static int on_archive(void *arg, const void *data, size_t len)
{
	return seal_write(arg, data, len);
}

/* Build the sealed object in ${w->out}. */
static int build(struct worker *w, const struct segment *seg, uint64_t *ret_bytes)
{
	int r;

	w->out.len = 0;
	r = seal_begin(&w->seal, w->ctx->recipients, &w->out);
	if (r == 0)
		r = archive_segment(w->archive, seg, on_archive, &w->seal, ret_bytes);
	if (r == 0)
		r = seal_end(&w->seal);
	return r;
}

static int store(struct worker *w, const struct manifest_segment *ms,
		 enum delivery_place *ret_place, char error[VAULT_ERROR_MAX])
{
	struct vault_object obj = { .name = ms->name, .data = w->out.data,
				    .len = w->out.len };
	struct comment about = { .is_segment = true, .segment = ms->number };

	memcpy(obj.sha256, ms->sha256, sizeof(obj.sha256));
	return delivery_send(w->ctx->delivery, w->session, &obj, &about, ret_place, error);
}

void worker_mark(struct worker_context *ctx, struct vault_session *session)
{
	unsigned due = atomic_load(&ctx->marker_due);
	struct vault_object obj = { .name = WORKER_MARKER };
	struct comment about = { .is_segment = false };
	char text[160], error[VAULT_ERROR_MAX] = "", utc[CLOCK_UTC_MAX];
	enum delivery_place place = DELIVERY_LOST;

	if (session == NULL || due == 0 || atomic_load(&ctx->marker_have) < due ||
	    atomic_exchange(&ctx->marker_sent, true))
		return;
	clock_utc(time(NULL), utc);
	obj.len = (size_t)snprintf(text, sizeof(text), "{\"volatile\":\"done\","
				   "\"segments\":%u,\"time\":\"%s\"}\n", due, utc);
	obj.data = text;
	if (digest_memory(text, obj.len, obj.sha256) == 0 &&
	    delivery_send(ctx->delivery, session, &obj, &about, &place, error) < 0)
		log_line(LOG_WARN, "%s not stored: %s", obj.name, error);
	if (place == DELIVERY_VAULT)
		manifest_marked(ctx->manifest);
}

static void work(struct worker *w, struct segment *seg)
{
	struct worker_context *ctx = w->ctx;
	char name[SEGMENT_NAME_MAX], error[VAULT_ERROR_MAX] = "";
	struct manifest_segment ms = {
		.number = seg->number, .group = seg->group, .name = name,
		.entries = seg->entry_count, .begun = seg->begun.tv_sec,
	};
	enum delivery_place place = DELIVERY_LOST;
	int r = delivery_dead(ctx->delivery);

	segment_name(seg, name);
	if (r < 0)
		(void)snprintf(error, sizeof(error), "not tried: the vault is lost");
	if (r == 0) {
		r = build(w, seg, &ms.entry_bytes);
		if (r < 0)
			(void)snprintf(error, sizeof(error), "building: %s", strerror(-r));
	}
	queue_release(ctx->queue, seg);
	ms.size = w->out.len;
	if (r == 0)
		r = digest_memory(w->out.data, w->out.len, ms.sha256);
	if (r == 0) {
		(void)atomic_fetch_add(&ctx->sealed_bytes, ms.size);
		r = store(w, &ms, &place, error);
	}
	if (r < 0) {
		log_line(LOG_ERROR, "segment %s lost: %s", name, error);
		(void)manifest_lost(ctx->manifest, ms.number, name, error);
		return;
	}
	ms.stored = time(NULL);
	if (place == DELIVERY_VAULT) {
		if (strcmp(ms.group, WORKER_MARKED_GROUP) == 0)
			(void)atomic_fetch_add(&ctx->marker_have, 1);
		(void)atomic_fetch_add(&ctx->stored_bytes, ms.size);
		(void)atomic_fetch_add(&ctx->stored, 1);
	}
	if (manifest_segment(ctx->manifest, &ms) < 0)
		log_line(LOG_ERROR, "segment %s is stored, but not in the manifest: "
			 "out of memory", name);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct segment *seg;

	while ((seg = queue_take(w->ctx->queue)) != NULL) {
		work(w, seg);
		worker_mark(w->ctx, w->session);
		/* What waits in the spool follows, one for one. */
		(void)delivery_drain(w->ctx->delivery, w->session, &w->out);
	}
	while (delivery_drain(w->ctx->delivery, w->session, &w->out))
		;
	return NULL;
}

static void worker_free(struct worker *w)
{
	if (w->session != NULL)
		w->ctx->delivery->ops->session_close(w->session);
	archive_close(w->archive);
	buf_free(&w->out);
}

static int worker_open(struct worker *w, struct worker_context *ctx)
{
	int r = buf_open(&w->out, out_bytes(ctx->segment_size));

	w->ctx = ctx;
	if (r == 0)
		r = archive_open(&w->archive);
	if (r == 0 && ctx->delivery->vault != NULL)
		r = ctx->delivery->ops->session(&w->session, ctx->delivery->vault);
	return r;
}

static int worker_run(struct worker *w)
{
	pthread_attr_t attr;
	int r;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	r = pthread_create(&w->thread, &attr, worker_main, w);
	(void)pthread_attr_destroy(&attr);
	return -r;
}

int worker_start(struct workers **ret, struct worker_context *ctx, unsigned count)
{
	struct workers *ws = calloc(1, sizeof(*ws) + count * sizeof(ws->worker[0]));
	int r = 0;

	if (ws == NULL)
		return -ENOMEM;
	for (unsigned i = 0; r == 0 && i < count; i++) {
		struct worker *w = &ws->worker[i];

		r = worker_open(w, ctx);
		if (r == 0)
			r = worker_run(w);
		if (r < 0)
			worker_free(w);
		else
			ws->count++;
	}
	if (r < 0) {
		queue_close(ctx->queue);
		worker_join(ws);
		return r;
	}
	*ret = ws;
	return 0;
}

void worker_join(struct workers *ws)
{
	if (ws == NULL)
		return;
	for (unsigned i = 0; i < ws->count; i++) {
		(void)pthread_join(ws->worker[i].thread, NULL);
		worker_free(&ws->worker[i]);
	}
	free(ws);
}
