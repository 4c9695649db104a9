/* runner.h - one collector in a thread of its own, within its time limit. */
#ifndef RUNNER_H
#define RUNNER_H

#include <stdbool.h>
#include <stdint.h>

struct collector;
struct collector_request;
struct host;
struct sink;

/* When a run has to end, and what may end it early. */
struct runner_limits {
	int64_t stop_ms;   /* CLOCK_MONOTONIC: the sink is stopped; 0: never */
	int64_t leave_ms;  /* a collector that still runs is left behind; 0: never */
	int64_t grace_ms;  /* that it has to return, once stopped; 0: RUNNER_GRACE_MS */
	/* Called up to a hundred times a second: 0, or the negative errno to stop with. */
	int (*poll)(void *arg);
	/* Called once (may be NULL) when a collector that was stopped has used up
	 * half of the time it has left to return. */
	void (*hurry)(void *arg);
	void *arg;
};

#define RUNNER_GRACE_MS 10000

/*
 * Run ${c} into ${sink} until it returns, its own budget or ${limits} end it.
 * What it returned; -ETIMEDOUT with ${ret_hung} set when it did not return at
 * all: its thread still lives, so ${sink}, ${host} and ${req} must never be
 * freed.
 */
int runner_run(const struct collector *c, const struct host *host,
	       const struct collector_request *req, struct sink *sink,
	       const struct runner_limits *limits, bool *ret_hung);

#endif
