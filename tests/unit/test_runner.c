/*
 * test_runner.c - a collector in its thread: it ends by itself, is stopped by
 * the deadline, its own limit or a poll, and is left behind when it hangs.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"
#include "collector.h"
#include "queue.h"
#include "runner.h"
#include "segment.h"
#include "sink.h"
#include "sink_run.h"

static atomic_bool release, left;
static const struct host *seen_host;
static const struct collector_request *seen_req;

static void pause_ms(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

static int run_quick(const struct host *h, const struct collector_request *req,
		     struct sink *s)
{
	struct sink_entry e = { .path = "a" };

	seen_host = h;
	seen_req = req;
	return sink_put(s, &e, "x", 1);
}

static int run_failing(const struct host *h, const struct collector_request *req,
		       struct sink *s)
{
	(void)h;
	(void)req;
	(void)s;
	return -ENODEV;
}

/* Works until its sink says that it is over. */
static int run_endless(const struct host *h, const struct collector_request *req,
		       struct sink *s)
{
	int r;

	(void)h;
	(void)req;
	while ((r = sink_gap(s, "x", -EIO, NULL)) == 0)
		pause_ms(2);
	return r;
}

/* Hangs as a read of a dead server does, and then still calls its sink. */
static int run_hung(const struct host *h, const struct collector_request *req,
		    struct sink *s)
{
	(void)h;
	(void)req;
	while (!atomic_load(&release))
		pause_ms(5);
	atomic_store(&left, sink_gap(s, "late", -EIO, NULL) < 0);
	return 0;
}

static int poll_signal(void *arg)
{
	return ++*(int *)arg > 5 ? -EINTR : 0;
}

/* Run it and say what it returned, why its sink was stopped, if it hung, how long. */
struct outcome {
	int result, why;
	bool hung;
	int64_t ms;
	struct sink *sink;
};

static struct queue *q;

static struct outcome run(int (*fn)(const struct host *, const struct collector_request *,
				    struct sink *), unsigned budget_s,
			  const struct runner_limits *limits)
{
	static const struct host host = { -1, -1, -1 };
	static const struct collector_request req;
	static struct collector c = { .name = "test", .group = "test" };
	struct outcome o = { .result = 1 };
	int64_t begun = clock_now_ms();
	struct segment *seg;

	c.run = fn;
	c.budget_s = budget_s;
	if (sink_open(&o.sink, q, "test", "test", NULL) < 0)
		exit(1);
	o.result = runner_run(&c, &host, &req, o.sink, limits, &o.hung);
	o.why = sink_stopped(o.sink);
	o.ms = clock_now_ms() - begun;
	seg = sink_finish(o.sink);
	if (seg != NULL)
		queue_release(q, seg);
	if (!o.hung)
		sink_free(o.sink);
	if (fn == run_quick)
		CHECK(seen_host == &host && seen_req == &req, "it gets host and request");
	return o;
}

static void test_ends(void)
{
	const struct runner_limits none = { 0 };
	struct outcome o = run(run_quick, 0, &none);

	CHECK(o.result == 0 && !o.hung && o.why == 0 && o.ms < 1000, "one ends by itself");
	o = run(run_failing, 5, &none);
	CHECK(o.result == -ENODEV && !o.hung && o.why == 0, "its error comes back");
}

static void test_stopped(void)
{
	int polls = 0;
	struct runner_limits limits = { .stop_ms = clock_now_ms() + 150 };
	struct outcome o = run(run_endless, 0, &limits);

	CHECK(o.result == -ETIME && o.why == -ETIME && !o.hung && o.ms >= 140 && o.ms < 1500,
	      "the deadline stops it after %lld ms", (long long)o.ms);
	limits = (struct runner_limits){ .poll = poll_signal, .arg = &polls };
	o = run(run_endless, 0, &limits);
	CHECK(o.result == -EINTR && o.why == -EINTR && !o.hung && o.ms < 1500,
	      "a poll stops it after %lld ms", (long long)o.ms);
	limits = (struct runner_limits){ 0 };
	o = run(run_endless, 1, &limits);
	CHECK(o.result == -ETIMEDOUT && o.why == -ETIMEDOUT && !o.hung && o.ms >= 990 &&
	      o.ms < 2500, "its own limit stops it after %lld ms", (long long)o.ms);
}

static void test_hung(void)
{
	int64_t now = clock_now_ms();
	struct runner_limits limits = { .stop_ms = now + 50, .leave_ms = now + 250 };
	struct outcome o = run(run_hung, 0, &limits);

	CHECK(o.hung && o.result == -ETIMEDOUT && o.ms >= 240 && o.ms < 1500,
	      "one that hangs is left behind after %lld ms", (long long)o.ms);
	/* Its thread comes back when everything has gone on. */
	atomic_store(&release, true);
	for (int i = 0; i < 400 && !atomic_load(&left); i++)
		pause_ms(5);
	CHECK(atomic_load(&left), "when it comes back, its sink turns it away");
	pause_ms(50);
	sink_free(o.sink);
}

int main(void)
{
	(void)alarm(60);
	if (queue_open(&q, 2, SEGMENT_SIZE_MIN) < 0)
		return 1;
	test_ends();
	test_stopped();
	test_hung();
	queue_free(q);
	return CHECK_DONE();
}
