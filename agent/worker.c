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
#include <time.h>

#include "archive.h"
#include "buf.h"
#include "clock.h"
#include "comment.h"
#include "delivery.h"
#include "digest.h"
#include "log.h"
#include "manifest.h"
#include "meter.h"
#include "queue.h"
#include "seal.h"
#include "segment.h"
#include "vault.h"

#define STACK_BYTES (512u << 10)

/* After the end, for one that is just through. */
#define LEAVE_MS 100

struct worker {
	pthread_t thread;
	atomic_bool ended;
	/* The segment in hand, for who leaves this worker behind. */
	pthread_mutex_t lock;
	bool busy, left;
	unsigned number;
	char name[SEGMENT_NAME_MAX];
	struct worker_context *ctx;
	struct archive_maker *archive;
	struct vault_session *session;
	struct seal seal;
	struct buf out;
};

struct workers {
	struct worker_context *ctx;
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
	struct worker *w = arg;

	if (atomic_load(&w->ctx->over))
		return -ETIME;
	return seal_write(&w->seal, data, len);
}

/* Build the sealed object in ${w->out}. */
static int build(struct worker *w, const struct segment *seg, uint64_t *ret_bytes)
{
	int r;

	w->out.len = 0;
	r = seal_begin(&w->seal, w->ctx->recipients, &w->out);
	if (r == 0)
		r = archive_segment(w->archive, seg, on_archive, w, ret_bytes);
	if (r == 0)
		r = seal_end(&w->seal);
	return r;
}

static int store(struct worker *w, const struct manifest_segment *ms,
		 enum delivery_place *ret_place, char error[VAULT_ERROR_MAX])
{
	bool held = false;
	struct vault_object obj = { .name = ms->name, .data = w->out.data,
				    .len = w->out.len, .held = &held };
	struct comment about = { .is_segment = true, .segment = ms->number };
	int r;

	memcpy(obj.sha256, ms->sha256, sizeof(obj.sha256));
	r = delivery_send(w->ctx->delivery, w->session, &obj, &about, ret_place, error);
	if (held)
		buf_renew(&w->out);
	return r;
}

void worker_mark(struct worker_context *ctx, struct vault_session *session)
{
	unsigned due = atomic_load(&ctx->marker_due);
	struct vault_object obj = { .name = WORKER_MARKER, .last = true };
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

/* Build it and store it. */
static int work(struct worker *w, struct segment *seg, struct manifest_segment *ms,
		enum delivery_place *place, char error[VAULT_ERROR_MAX])
{
	struct worker_context *ctx = w->ctx;
	int r = delivery_dead(ctx->delivery);

	if (r < 0)
		(void)snprintf(error, VAULT_ERROR_MAX, "not tried: the vault is lost");
	if (r == 0) {
		r = atomic_load(&ctx->over) ? -ETIME : build(w, seg, &ms->entry_bytes);
		if (r == -ETIME)
			(void)snprintf(error, VAULT_ERROR_MAX, "not built: the time was over");
		else if (r < 0)
			(void)snprintf(error, VAULT_ERROR_MAX, "building: %s", strerror(-r));
	}
	queue_release(ctx->queue, seg);
	ms->size = w->out.len;
	if (r == 0)
		r = digest_memory(w->out.data, w->out.len, ms->sha256);
	/* Who was left behind must not sign any more. */
	if (r == 0 && atomic_load(&ctx->over)) {
		(void)snprintf(error, VAULT_ERROR_MAX, "not sent: the time was over");
		r = -ETIME;
	}
	if (r < 0)
		return r;
	(void)atomic_fetch_add(&ctx->sealed_bytes, ms->size);
	(void)atomic_fetch_add(&ctx->sealed, 1);
	atomic_store(&ctx->recent_bytes, (atomic_load(&ctx->recent_bytes) + ms->size) / 2);
	return store(w, ms, place, error);
}

static void report_stored(struct worker_context *ctx, struct manifest_segment *ms,
			  enum delivery_place place)
{
	ms->stored = time(NULL);
	if (place == DELIVERY_VAULT) {
		if (strcmp(ms->group, WORKER_MARKED_GROUP) == 0)
			(void)atomic_fetch_add(&ctx->marker_have, 1);
		(void)atomic_fetch_add(&ctx->stored_bytes, ms->size);
		(void)atomic_fetch_add(&ctx->stored, 1);
	}
	if (manifest_segment(ctx->manifest, ms) < 0)
		log_line(LOG_ERROR, "segment %s is stored, but not in the manifest: "
			 "out of memory", ms->name);
}

static void report_lost(struct worker_context *ctx, unsigned number, const char *name,
			const char *why)
{
	log_line(LOG_ERROR, "segment %s lost: %s", name, why);
	(void)manifest_lost(ctx->manifest, number, name, why);
}

static void begin(struct worker *w, const struct segment *seg)
{
	(void)pthread_mutex_lock(&w->lock);
	w->busy = true;
	w->number = seg->number;
	segment_name(seg, w->name);
	(void)pthread_mutex_unlock(&w->lock);
}

size_t worker_guess(const struct worker_context *ctx)
{
	uint64_t sealed = atomic_load(&ctx->sealed), recent = atomic_load(&ctx->recent_bytes);
	uint64_t mean = sealed == 0 ? ctx->segment_size / 2 :
			atomic_load(&ctx->sealed_bytes) / sealed;

	/* The next are like the last ones, or all of them: the larger costs no evidence. */
	return (size_t)(recent > mean ? recent : mean);
}

/* From the queue to the report.  False when this worker was left behind. */
static bool take_one(struct worker *w, struct segment *seg)
{
	char error[VAULT_ERROR_MAX] = "";
	struct manifest_segment ms = {
		.number = seg->number, .group = seg->group, .name = w->name,
		.entries = seg->entry_count, .begun = seg->begun.tv_sec,
	};
	enum delivery_place place = DELIVERY_LOST;
	size_t guess;
	bool left;
	int r;

	begin(w, seg);
	guess = worker_guess(w->ctx);
	meter_begin(w->ctx->meter, guess, clock_now_ms());
	r = work(w, seg, &ms, &place, error);
	meter_end(w->ctx->meter, guess, place != DELIVERY_LOST ? ms.size : 0, clock_now_ms());
	(void)pthread_mutex_lock(&w->lock);
	w->busy = false;
	left = w->left;
	if (!left && r == 0)
		report_stored(w->ctx, &ms, place);
	else if (!left)
		report_lost(w->ctx, ms.number, ms.name, error);
	(void)pthread_mutex_unlock(&w->lock);
	return !left;
}

static void do_first(struct worker_context *ctx, struct vault_session *session)
{
	(void)pthread_mutex_lock(&ctx->first_lock);
	if (!ctx->first_done && ctx->first != NULL)
		ctx->first(ctx->first_arg, session);
	ctx->first_done = true;
	(void)pthread_mutex_unlock(&ctx->first_lock);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct segment *seg;

	do_first(w->ctx, w->session);
	while ((seg = queue_take(w->ctx->queue)) != NULL && take_one(w, seg)) {
		worker_mark(w->ctx, w->session);
		/* What waits in the spool follows, one for one. */
		(void)delivery_drain(w->ctx->delivery, w->session, &w->out, false);
	}
	/* A last try: the network may be back. */
	while (!atomic_load(&w->ctx->over) &&
	       delivery_drain(w->ctx->delivery, w->session, &w->out, true))
		;
	atomic_store(&w->ended, true);
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
	(void)pthread_mutex_init(&w->lock, NULL);
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
	ws->ctx = ctx;
	(void)pthread_mutex_init(&ctx->first_lock, NULL);
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
		(void)worker_join(ws, 0);
		return r;
	}
	*ret = ws;
	return 0;
}

static bool all_ended(const struct workers *ws)
{
	for (unsigned i = 0; i < ws->count; i++)
		if (!atomic_load(&ws->worker[i].ended))
			return false;
	return true;
}

/* True when all have ended by then. */
static bool wait_until(const struct workers *ws, int64_t until_ms)
{
	while (!all_ended(ws)) {
		const struct timespec nap = { .tv_nsec = 2 * 1000 * 1000 };

		if (clock_now_ms() >= until_ms)
			return false;
		(void)nanosleep(&nap, NULL);
	}
	return true;
}

/* What they had, and what nobody came to take, is lost. */
static void leave(struct workers *ws)
{
	struct worker_context *ctx = ws->ctx;
	struct segment *seg;

	for (unsigned i = 0; i < ws->count; i++) {
		struct worker *w = &ws->worker[i];

		(void)pthread_mutex_lock(&w->lock);
		w->left = true;
		if (w->busy)
			report_lost(ctx, w->number, w->name, "what builds or stores it hangs, "
				    "and was left behind at the end");
		(void)pthread_mutex_unlock(&w->lock);
	}
	while ((seg = queue_take(ctx->queue)) != NULL) {
		char name[SEGMENT_NAME_MAX];

		segment_name(seg, name);
		report_lost(ctx, seg->number, name, "not built: the time was over");
	}
}

int worker_join(struct workers *ws, int64_t until_ms)
{
	if (ws == NULL)
		return 0;
	if (until_ms != 0 && !wait_until(ws, until_ms)) {
		atomic_store(&ws->ctx->over, true);
		if (!wait_until(ws, until_ms + LEAVE_MS)) {
			leave(ws);
			return -ETIMEDOUT;
		}
	}
	for (unsigned i = 0; i < ws->count; i++) {
		(void)pthread_join(ws->worker[i].thread, NULL);
		worker_free(&ws->worker[i]);
	}
	free(ws);
	return 0;
}
