/*
 * runner.c - one collector in a thread of its own.
 *
 * A read of a dead file system may never return and cannot be interrupted.
 * Such a collector is left behind: it costs its time limit, not the run.
 */
#include "runner.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "collector.h"
#include "sink_run.h"
#include "thread.h"

#define STACK_BYTES (1u << 20)
/* A short collector should not wait long for being noticed. */
#define TICK_NS (10 * 1000 * 1000)

/* Lives until both sides let it go. */
struct job {
	const struct collector *c;
	const struct host *host;
	const struct collector_request *req;
	struct sink *sink;
	int result;
	atomic_bool done;
	atomic_int holders;
};

static void job_put(struct job *job)
{
	if (atomic_fetch_sub(&job->holders, 1) == 1)
		free(job);
}

static void *job_main(void *arg)
{
	struct job *job = arg;

	job->result = job->c->run(job->host, job->req, job->sink);
	atomic_store(&job->done, true);
	job_put(job);
	return NULL;
}

/* Earlier of two times, where 0 means never. */
static int64_t earlier(int64_t a, int64_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

/* Wait for the job; true when it is done, false when it is left behind. */
static bool wait_for(struct job *job, const struct runner_limits *limits)
{
	int64_t budget = job->c->budget_s == 0 ? 0 :
			 clock_now_ms() + 1000 * (int64_t)job->c->budget_s;
	int64_t leave = limits->leave_ms, half = 0;
	bool stopped = false;

	while (!atomic_load(&job->done)) {
		struct timespec tick = { .tv_nsec = TICK_NS };
		int64_t now = clock_now_ms();
		int why = limits->poll != NULL ? limits->poll(limits->arg) : 0;

		if (why == 0 && limits->stop_ms != 0 && now >= limits->stop_ms)
			why = -ETIME;
		if (why == 0 && budget != 0 && now >= budget)
			why = -ETIMEDOUT;
		if (why < 0 && !stopped) {
			sink_stop(job->sink, why);
			leave = earlier(limits->leave_ms, now + (limits->grace_ms != 0 ?
					limits->grace_ms : RUNNER_GRACE_MS));
			half = now + (leave - now) / 2;
			stopped = true;
		}
		if (half != 0 && now >= half && limits->hurry != NULL) {
			limits->hurry(limits->arg);
			half = 0;
		}
		if (stopped && leave != 0 && now >= leave)
			return false;
		(void)nanosleep(&tick, NULL);
	}
	return true;
}

int runner_run(const struct collector *c, const struct host *host,
	       const struct collector_request *req, struct sink *sink,
	       const struct runner_limits *limits, bool *ret_hung)
{
	struct job *job = calloc(1, sizeof(*job));
	int r;

	*ret_hung = false;
	if (job == NULL)
		return -ENOMEM;
	job->c = c;
	job->host = host;
	job->req = req;
	job->sink = sink;
	atomic_store(&job->holders, 2);
	r = thread_start(job_main, job, STACK_BYTES);
	if (r < 0) {
		free(job);
		return r;
	}
	if (wait_for(job, limits)) {
		r = job->result;
	} else {
		*ret_hung = true;
		r = -ETIMEDOUT;
	}
	job_put(job);
	return r;
}
