/* The log collector: the sample's logs, and this machine's. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "check.h"
#include "collector.h"
#include "sink_list.h"

#define FIXTURE "tests/fixtures/host"

static int run(const struct host *h, struct sink *s)
{
	struct collector_request req = { .memory = MEMORY_NONE };

	return collector_log.run(h, &req, s);
}

static void test_sample(const struct host *h)
{
	struct sink *s = sink_list_open();
	const struct sink_list_file *f;
	unsigned long calls;
	int wrong = 0;

	CHECK(run(h, s) == 0, "the sample is walked");
	f = sink_list_find(s, "files/var/log/syslog");
	CHECK(f != NULL && strcmp(f->data, "one line\n") == 0, "a log");
	f = sink_list_find(s, "files/var/log/a b/deep/er.log");
	CHECK(f != NULL && strcmp(f->data, "deep\n") == 0, "one below");
	CHECK(sink_list_find(s, "files/run/utmp") != NULL, "the record of logins");
	CHECK(sink_list_find(s, "files/var/run/utmp") == NULL, "once, though it has two names");
	CHECK(sink_list_row(s, "files.ndjson", "\"path\":\"/var/log/link\"", "\"collected\":false", NULL) != NULL,
	      "a link is listed");
	CHECK(strcmp(sink_list_note(s, "log.files"), "3") == 0 && sink_list_gaps(s, "", NULL) == 0, "three files, no gap");
	calls = sink_list_calls(s);
	sink_list_free(s);
	for (unsigned long n = 1; n <= calls; n++) {
		s = sink_list_open();
		sink_list_fail_at(s, n, -ECANCELED);
		wrong += run(h, s) != -ECANCELED;
		sink_list_free(s);
	}
	CHECK(wrong == 0, "a sink that fails at any of %lu calls ends the walk", calls);
}

static void test_live(void)
{
	struct sink *s = sink_list_open();
	struct host h;

	CHECK(host_open(&h) == 0 && run(&h, s) == 0, "this machine is walked");
	CHECK(sink_list_row(s, "files.ndjson", "\"path\":\"/var/log\"", "\"type\":\"", NULL) != NULL, "its logs are listed");
	CHECK(sink_list_note(s, "log.bytes") != NULL, "%s bytes", sink_list_note(s, "log.bytes"));
	sink_list_free(s);
	host_close(&h);
}

int main(void)
{
	struct host h = {
		.root = open(FIXTURE "/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.proc = open(FIXTURE "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.sys = open(FIXTURE "/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	};

	test_sample(&h);
	host_close(&h);
	test_live();
	return CHECK_DONE();
}
