/*
 * aside.c - a call that may never return, in a thread of its own.
 *
 * A write to a dead file system hangs in the kernel and cannot be interrupted.
 * Such a call is left behind with all that it works on.
 */
#include "aside.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "thread.h"

#define STACK_BYTES (256u << 10)

/* Which side lets go last, frees: apart from the job, which has one owner. */
struct aside_state {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done, left;
};

static struct aside_state *state_open(void)
{
	struct aside_state *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;

	if (s == NULL)
		return NULL;
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	return s;
}

static void state_free(struct aside_state *s)
{
	(void)pthread_cond_destroy(&s->changed);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

static void *thread_main(void *arg)
{
	struct aside *a = arg;
	struct aside_state *s = a->state;
	bool left;

	a->result = a->run(a);
	(void)pthread_mutex_lock(&s->lock);
	s->done = true;
	left = s->left;
	(void)pthread_cond_signal(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
	/* From here on, unless it was left, all of it is the caller's. */
	if (left) {
		state_free(s);
		a->drop(a);
	}
	return NULL;
}

bool aside_is_left(struct aside *a)
{
	bool left;

	if (a->state == NULL)
		return false;
	(void)pthread_mutex_lock(&a->state->lock);
	left = a->state->left;
	(void)pthread_mutex_unlock(&a->state->lock);
	return left;
}

int aside_call(struct aside *a, int64_t until_ms, bool *ret_left)
{
	const struct timespec until = { .tv_sec = (time_t)(until_ms / 1000),
					.tv_nsec = until_ms % 1000 * 1000000 };
	int r;

	*ret_left = false;
	if (until_ms == 0)
		return a->run(a);
	a->state = state_open();
	if (a->state == NULL)
		return -ENOMEM;
	r = thread_start(thread_main, a, STACK_BYTES);
	if (r < 0) {
		state_free(a->state);
		return r;
	}
	(void)pthread_mutex_lock(&a->state->lock);
	while (!a->state->done && r == 0)
		r = -pthread_cond_timedwait(&a->state->changed, &a->state->lock, &until);
	*ret_left = !a->state->done;
	a->state->left = *ret_left;
	(void)pthread_mutex_unlock(&a->state->lock);
	if (*ret_left)
		return -ETIMEDOUT;
	state_free(a->state);
	return a->result;
}
