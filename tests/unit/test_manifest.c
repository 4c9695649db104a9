/*
 * test_manifest.c - the list of what a collection holds and lacks: what was
 * reported stands in it, and its reader understands it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "buf.h"
#include "check.h"
#include "manifest.h"
#include "manifest_read.h"
#include "scope.h"
#include "sink_run.h"

static const char *const recipients[] = { "age1first", "age1second" };
static const struct manifest_facts facts = {
	.collection = "20261124T093000Z-7f3a", .case_id = "IR-1", .host = "web-1",
	.path = "IR-1/web-1/20261124T093000Z-7f3a", .public_key = "RWabc",
	.recipients = recipients, .recipient_count = 2, .workers = 3, .segment_bytes = 8388608,
};

static yyjson_doc *write_doc(struct manifest *m)
{
	struct buf text;
	yyjson_doc *doc;

	if (manifest_write(m, NULL, &text) < 0)
		return NULL;
	CHECK(text.data[text.len - 1] == '\n' && memchr(text.data, '\n', text.len - 1) == NULL,
	      "it is one line");
	doc = yyjson_read((char *)text.data, text.len, YYJSON_READ_NOFLAG);
	buf_free(&text);
	return doc;
}

static bool is(yyjson_val *object, const char *key, const char *want)
{
	return yyjson_equals_str(yyjson_obj_get(object, key), want);
}

static struct manifest_segment segment(unsigned number, char name[64])
{
	struct manifest_segment s = {
		.number = number, .group = "logs", .name = name, .size = 1000 + number,
		.entries = 3, .entry_bytes = 5000, .begun = 1795512600, .stored = 1795512601,
	};

	(void)snprintf(name, 64, "%04u-logs.tar.zst.age", number);
	memset(s.sha256, (int)number, sizeof(s.sha256));
	return s;
}

static void test_empty(void)
{
	struct manifest *m = NULL;
	yyjson_doc *doc;
	yyjson_val *root;

	CHECK(setenv("SSM_COMMAND_ID", "cmd-\"1", 1) == 0 && unsetenv("AWS_SSM_INSTANCE_ID") == 0 &&
	      manifest_open(&m, &facts) == 0, "a manifest");
	doc = write_doc(m);
	root = yyjson_doc_get_root(doc);
	CHECK(yyjson_get_uint(yyjson_obj_get(root, "evac_manifest")) == 1, "version 1");
	CHECK(is(root, "collection", facts.collection) && is(root, "case", "IR-1") &&
	      is(root, "host", "web-1") && is(root, "public_key", "RWabc") &&
	      is(root, "path", facts.path), "its facts");
	CHECK(yyjson_arr_size(yyjson_obj_get(root, "recipients")) == 2 &&
	      yyjson_equals_str(yyjson_arr_get_last(yyjson_obj_get(root, "recipients")),
				"age1second"), "its recipients");
	CHECK(is(yyjson_obj_get(root, "custody"), "SSM_COMMAND_ID", "cmd-\"1") &&
	      yyjson_obj_size(yyjson_obj_get(root, "custody")) == 1, "the link to who ordered it");
	CHECK(yyjson_get_bool(yyjson_obj_get(root, "complete")) &&
	      yyjson_arr_size(yyjson_obj_get(root, "segments")) == 0, "and nothing else yet");
	yyjson_doc_free(doc);
	manifest_free(m);
	manifest_free(NULL);
}

static struct sink_summary *full_summary(void)
{
	struct sink_summary *sum = calloc(1, sizeof(*sum));

	if (sum == NULL)
		abort();
	sum->entries = 7;
	sum->bytes = 70000;
	sum->gaps = 41;
	for (unsigned i = 0; i < SINK_REASONS; i++) {
		sum->reasons[i].why = -(int)i - 1;
		sum->reasons[i].count = i + 1;
	}
	sum->reason_count = SINK_REASONS;
	for (unsigned i = 0; i < SINK_NOTES; i++) {
		(void)snprintf(sum->notes[i].key, sizeof(sum->notes[i].key), "key%u", i);
		memset(sum->notes[i].text, 1, SINK_NOTE_MAX - 1); /* six bytes each in JSON */
	}
	sum->note_count = SINK_NOTES;
	return sum;
}

static void test_reports(void)
{
	struct sink_summary *sum = full_summary();
	struct manifest *m = NULL;
	struct manifest_totals t;
	struct manifest_segment s;
	yyjson_doc *doc;
	yyjson_val *v;
	char name[64];

	CHECK(manifest_open(&m, &facts) == 0, "another");
	s = segment(4, name);
	CHECK(manifest_segment(m, &s) == 0, "a segment");
	CHECK(manifest_collector(m, "process", "complete", NULL, 1.25, sum) == 0,
	      "a collector with all the notes that there can be");
	CHECK(manifest_collector(m, "memory", "skipped", "not asked for", 0, NULL) == 0,
	      "one that was not asked for");
	manifest_sum(m, &t);
	CHECK(t.complete && t.stored == 1 && t.stored_bytes == 1004 && t.entry_bytes == 5000 &&
	      t.gaps == 41 && t.lost == 0, "the sums so far, and it is complete");
	doc = write_doc(m);
	v = yyjson_arr_get_first(yyjson_obj_get(yyjson_doc_get_root(doc), "segments"));
	CHECK(is(v, "name", "0004-logs.tar.zst.age") && is(v, "begun", "2026-11-24T09:30:00Z") &&
	      is(v, "sha256", "0404040404040404040404040404040404040404040404040404040404040404"),
	      "the segment's record");
	v = yyjson_arr_get_first(yyjson_obj_get(yyjson_doc_get_root(doc), "collectors"));
	CHECK(is(v, "name", "process") && is(v, "status", "complete") &&
	      yyjson_get_num(yyjson_obj_get(v, "seconds")) > 1.2 &&
	      yyjson_obj_size(yyjson_obj_get(v, "notes")) == SINK_NOTES &&
	      yyjson_get_uint(yyjson_obj_get(yyjson_obj_get(v, "gaps_by_error"), "ENOENT")) == 2,
	      "the collector's record");
	yyjson_doc_free(doc);
	free(sum);

	CHECK(manifest_lost(m, 5, "0005-logs.tar.zst.age", "refused: \"no\"") == 0, "a loss");
	manifest_sum(m, &t);
	CHECK(!t.complete && t.lost == 1, "is not complete");
	manifest_free(m);
	for (int i = 0; i < 2; i++) {
		CHECK(manifest_open(&m, &facts) == 0 &&
		      manifest_collector(m, "x", i ? "partial" : "failed", "EIO", 0, NULL) == 0,
		      "a collector that did not finish");
		manifest_sum(m, &t);
		CHECK(!t.complete, "is not complete either");
		manifest_free(m);
	}
}

/* What the responder's side makes of it. */
static void test_read(void)
{
	char error[MANIFEST_READ_ERROR] = "", name[64];
	struct manifest_view *view = NULL;
	struct manifest *m = NULL;
	struct buf text;

	if (manifest_open(&m, &facts) < 0)
		abort();
	for (unsigned i = 20; i-- > 0;) {
		struct manifest_segment s = segment(i, name);

		if (i == 7)
			(void)manifest_lost(m, i, name, "why");
		else
			(void)manifest_segment(m, &s);
	}
	CHECK(manifest_write(m, NULL, &text) == 0 &&
	      manifest_read(text.data, text.len, &view, error) == 0,
	      "its reader takes it: %s", error);
	CHECK(view->segment_count == 19 && view->lost_count == 1 && view->lost[0].number == 7 &&
	      view->segments[0].number == 0 && view->segments[18].number == 19 &&
	      view->segments[18].sha256[0] == 19 && view->segments[18].size == 1019 &&
	      !view->complete && strcmp(view->public_key, "RWabc") == 0,
	      "with all segments, in order");
	manifest_read_free(view);
	buf_free(&text);
	manifest_free(m);
}

static void *report(void *arg)
{
	char name[64];

	for (unsigned i = 0; i < 500; i++) {
		struct manifest_segment s = segment(i, name);

		(void)manifest_segment(arg, &s);
	}
	return NULL;
}

static void test_threads(void)
{
	pthread_t thread[4];
	struct manifest *m = NULL;
	yyjson_doc *doc;

	if (manifest_open(&m, &facts) < 0)
		abort();
	for (size_t i = 0; i < ARRAY_LEN(thread); i++)
		if (pthread_create(&thread[i], NULL, report, m) != 0)
			abort();
	for (size_t i = 0; i < ARRAY_LEN(thread); i++)
		(void)pthread_join(thread[i], NULL);
	doc = write_doc(m);
	CHECK(yyjson_arr_size(yyjson_obj_get(yyjson_doc_get_root(doc), "segments")) == 2000,
	      "2000 segments from four threads are there");
	yyjson_doc_free(doc);
	manifest_free(m);
}

int main(void)
{
	test_empty();
	test_reports();
	test_read();
	test_threads();
	return CHECK_DONE();
}
