/*
 * manifest.c - the signed list of what a collection holds and lacks.
 *
 * Each report is turned into its piece of JSON at once; the document is these
 * pieces put together.  Memory grows with the number of segments (some 400
 * bytes each), not with the evidence.
 */
#include "manifest.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "errname.h"
#include "json.h"
#include "parse.h"
#include "sink_run.h"
#include "spool.h"
#include "version.h"

/* JSON text that grows: members of an array, separated by commas. */
struct list {
	char *text;
	size_t len, cap;
};

struct manifest {
	pthread_mutex_t lock;
	struct manifest_facts facts;
	time_t started;
	struct list segments, lost, collectors, notes;
	struct manifest_totals totals;
	bool marked;
};

int manifest_open(struct manifest **ret, const struct manifest_facts *facts)
{
	struct manifest *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return -ENOMEM;
	(void)pthread_mutex_init(&m->lock, NULL);
	m->facts = *facts;
	m->started = time(NULL);
	m->totals.complete = true;
	*ret = m;
	return 0;
}

void manifest_free(struct manifest *m)
{
	if (m == NULL)
		return;
	free(m->segments.text);
	free(m->lost.text);
	free(m->collectors.text);
	free(m->notes.text);
	(void)pthread_mutex_destroy(&m->lock);
	free(m);
}

static int list_add(struct list *l, const struct buf *b)
{
	if (l->len + b->len + 2 > l->cap) {
		size_t cap = 2 * (l->len + b->len + 2);
		char *text = realloc(l->text, cap);

		if (text == NULL)
			return -ENOMEM;
		l->text = text;
		l->cap = cap;
	}
	if (l->len > 0)
		l->text[l->len++] = ',';
	memcpy(l->text + l->len, b->data, b->len);
	l->len += b->len;
	return 0;
}

/* Append the object that was written to ${piece} to ${l}, and free it. */
static int add_piece(struct manifest *m, struct list *l, struct json *j,
		     struct buf *piece)
{
	int r;

	json_object_end(j);
	r = json_end(j);
	(void)pthread_mutex_lock(&m->lock);
	if (r == 0)
		r = list_add(l, piece);
	(void)pthread_mutex_unlock(&m->lock);
	buf_free(piece);
	return r;
}

static int open_piece(struct json *j, struct buf *piece, size_t cap)
{
	int r = buf_open(piece, cap);

	if (r == 0) {
		json_open(j, piece);
		json_object(j, NULL);
	}
	return r;
}

static void put_time(struct json *j, const char *key, time_t t)
{
	char utc[CLOCK_UTC_MAX];

	clock_utc(t, utc);
	json_str(j, key, utc);
}

int manifest_segment(struct manifest *m, const struct manifest_segment *seg)
{
	struct buf piece;
	struct json j;
	char hex[65];
	int r = open_piece(&j, &piece, 4096);

	if (r < 0)
		return r;
	parse_to_hex(hex, seg->sha256, sizeof(seg->sha256));
	json_u64(&j, "number", seg->number);
	json_str(&j, "group", seg->group);
	json_str(&j, "name", seg->name);
	json_u64(&j, "size", seg->size);
	json_str(&j, "sha256", hex);
	json_u64(&j, "entries", seg->entries);
	json_u64(&j, "entry_bytes", seg->entry_bytes);
	put_time(&j, "begun", seg->begun);
	put_time(&j, "stored", seg->stored);
	(void)pthread_mutex_lock(&m->lock);
	m->totals.stored++;
	m->totals.stored_bytes += seg->size;
	m->totals.entry_bytes += seg->entry_bytes;
	(void)pthread_mutex_unlock(&m->lock);
	return add_piece(m, &m->segments, &j, &piece);
}

int manifest_lost(struct manifest *m, unsigned number, const char *name, const char *why)
{
	struct buf piece;
	struct json j;
	int r = open_piece(&j, &piece, 8192);

	(void)pthread_mutex_lock(&m->lock);
	m->totals.lost++;
	m->totals.complete = false;
	(void)pthread_mutex_unlock(&m->lock);
	if (r < 0)
		return r;
	json_u64(&j, "number", number);
	json_str(&j, "name", name);
	json_str(&j, "why", why);
	return add_piece(m, &m->lost, &j, &piece);
}

static void put_summary(struct json *j, const struct sink_summary *sum)
{
	json_u64(j, "entries", sum->entries);
	json_u64(j, "bytes", sum->bytes);
	json_u64(j, "gaps", sum->gaps);
	json_object(j, "gaps_by_error");
	for (unsigned i = 0; i < sum->reason_count; i++)
		json_u64(j, errname(sum->reasons[i].why), sum->reasons[i].count);
	json_object_end(j);
	json_object(j, "notes");
	for (unsigned i = 0; i < sum->note_count; i++)
		json_str(j, sum->notes[i].key, sum->notes[i].text);
	json_object_end(j);
}

int manifest_collector(struct manifest *m, const char *name, const char *status,
		       const char *why, double seconds,
		       const struct sink_summary *sum)
{
	struct buf piece;
	struct json j;
	char text[32];
	int r = open_piece(&j, &piece, 4096 + 8 * sizeof(*sum));

	(void)pthread_mutex_lock(&m->lock);
	if (sum != NULL)
		m->totals.gaps += sum->gaps;
	if (strcmp(status, "partial") == 0 || strcmp(status, "failed") == 0)
		m->totals.complete = false;
	(void)pthread_mutex_unlock(&m->lock);
	if (r < 0)
		return r;
	json_str(&j, "name", name);
	json_str(&j, "status", status);
	if (why != NULL)
		json_str(&j, "why", why);
	(void)snprintf(text, sizeof(text), "%.3f", seconds);
	json_raw(&j, "seconds", text, strlen(text));
	if (sum != NULL)
		put_summary(&j, sum);
	return add_piece(m, &m->collectors, &j, &piece);
}

void manifest_marked(struct manifest *m)
{
	(void)pthread_mutex_lock(&m->lock);
	m->marked = true;
	(void)pthread_mutex_unlock(&m->lock);
}

int manifest_note(struct manifest *m, const char *key, const char *text)
{
	struct buf piece;
	struct json j;
	int r = open_piece(&j, &piece, 8192);

	if (r < 0)
		return r;
	json_str(&j, "key", key);
	json_str(&j, "text", text);
	return add_piece(m, &m->notes, &j, &piece);
}

void manifest_sum(struct manifest *m, struct manifest_totals *ret)
{
	(void)pthread_mutex_lock(&m->lock);
	*ret = m->totals;
	(void)pthread_mutex_unlock(&m->lock);
}

static void put_list(struct json *j, const char *key, const struct list *l)
{
	json_array(j, key);
	if (l->len > 0)
		json_raw(j, NULL, l->text, l->len);
	json_array_end(j);
}

/* Variables that tie the run to the order that started it. */
static void put_custody(struct json *j)
{
	static const char *const names[] = { "SSM_COMMAND_ID", "AWS_SSM_INSTANCE_ID" };

	json_object(j, "custody");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value != NULL)
			json_bytes(j, names[i], value, strnlen(value, 256));
	}
	json_object_end(j);
}

static void put_facts(struct json *j, const struct manifest *m)
{
	const struct manifest_facts *f = &m->facts;
	struct utsname uts;

	json_u64(j, "evac_manifest", 1);
	json_str(j, "evac_version", version_text());
	json_str(j, "collection", f->collection);
	json_str(j, "case", f->case_id);
	json_str(j, "host", f->host);
	json_str(j, "path", f->path);
	json_str(j, "public_key", f->public_key);
	json_array(j, "recipients");
	for (size_t i = 0; i < f->recipient_count; i++)
		json_str(j, NULL, f->recipients[i]);
	json_array_end(j);
	if (uname(&uts) == 0) {
		json_str(j, "kernel", uts.release);
		json_str(j, "machine", uts.machine);
	}
	json_u64(j, "workers", f->workers);
	json_u64(j, "segment_bytes", f->segment_bytes);
	put_custody(j);
	put_time(j, "started", m->started);
	put_time(j, "ended", time(NULL));
}

/* Segments that wait for `evac push`. */
static void put_spooled(struct json *j, struct spool *spool)
{
	char name[96];

	json_array(j, "spooled");
	while (spool != NULL && spool_take(spool, name, sizeof(name)) == 0)
		json_str(j, NULL, name);
	json_array_end(j);
}

int manifest_write(struct manifest *m, struct spool *spool, struct buf *ret)
{
	struct json j;
	int r;

	(void)pthread_mutex_lock(&m->lock);
	r = buf_open(ret, 65536 + m->segments.len + m->lost.len +
			  m->collectors.len + m->notes.len +
			  (spool != NULL ? 100 * (size_t)spool_waiting(spool) : 0));
	if (r == 0) {
		json_open(&j, ret);
		json_object(&j, NULL);
		put_facts(&j, m);
		json_bool(&j, "complete", m->totals.complete);
		json_bool(&j, "volatile_done", m->marked);
		json_u64(&j, "gaps", m->totals.gaps);
		put_list(&j, "collectors", &m->collectors);
		put_list(&j, "lost", &m->lost);
		put_list(&j, "notes", &m->notes);
		put_list(&j, "segments", &m->segments);
		put_spooled(&j, spool);
		json_object_end(&j);
		r = json_end(&j);
		if (r == 0)
			r = buf_add(ret, "\n", 1);
		if (r < 0)
			buf_free(ret);
	}
	(void)pthread_mutex_unlock(&m->lock);
	return r;
}
