/*
 * test_aside.c - a call that hangs is left behind with all that it works on, and
 * frees it when it comes back.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "aside.h"
#include "check.h"
#include "clock.h"

static atomic_int dropped, knew;

struct job {
	struct aside a;
	int from, result;
};

static int run(struct aside *a)
{
	struct job *job = (struct job *)(void *)a;
	char c;

	if (job->from >= 0)
		(void)!read(job->from, &c, 1);
	if (aside_is_left(a))
		atomic_fetch_add(&knew, 1);
	return job->result;
}

static void drop(struct aside *a)
{
	free(a);
	atomic_fetch_add(&dropped, 1);
}

static struct job *make(int from, int result)
{
	struct job *job = malloc(sizeof(*job));

	if (job == NULL)
		abort();
	*job = (struct job){ .a = { .run = run, .drop = drop }, .from = from, .result = result };
	return job;
}

static void test_returns(void)
{
	struct job *job = make(-1, -EIO);
	bool left = true;

	CHECK(aside_call(&job->a, 0, &left) == -EIO && !left, "without a limit");
	left = true;
	CHECK(aside_call(&job->a, clock_now_ms() + 60000, &left) == -EIO && !left,
	      "within its limit, with its result");
	free(job);
	CHECK(atomic_load(&dropped) == 0, "and it is the caller's");
}

static void test_hangs(void)
{
	int64_t begun = clock_now_ms();
	bool left = false;
	int ends[2];
	struct job *job;

	if (pipe(ends) < 0)
		abort();
	job = make(ends[0], 0);
	CHECK(aside_call(&job->a, begun + 100, &left) == -ETIMEDOUT && left, "a call that hangs");
	CHECK(clock_now_ms() - begun >= 100 && clock_now_ms() - begun < 5000,
	      "is left at its limit, after %lld ms", (long long)(clock_now_ms() - begun));
	CHECK(atomic_load(&dropped) == 0, "and keeps what it works on");
	(void)!write(ends[1], "x", 1);
	while (atomic_load(&dropped) == 0 && clock_now_ms() - begun < 20000)
		(void)usleep(1000);
	CHECK(atomic_load(&dropped) == 1 && atomic_load(&knew) == 1,
	      "until it comes back, and knows that nobody waits");
	(void)close(ends[0]);
	(void)close(ends[1]);
}

int main(void)
{
	test_returns();
	test_hangs();
	return CHECK_DONE();
}
