/*
 * memory_watch.c - reads that may hang, each for a limited time.
 *
 * A thread of its own reads into a buffer of its own, and the caller waits for
 * it.  A read that does not come back keeps both: nobody else touches them, so
 * it may end when it likes, or never.  Without memory for a thread the caller
 * reads by itself.
 */
#include "memory_watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "thread.h"

#define STACK_BYTES (128u << 10)
/* Threads and buffers that may be lost to reads that hang. */
#define HUNG_MAX 16u

enum state {
	READER_IDLE,
	READER_BUSY,
	READER_DONE,
	READER_LEFT, /* nobody waits for it any more */
	READER_QUIT,
};

struct reader {
	struct memory_watch *w;
	struct reader *next; /* among the idle ones */
	pthread_cond_t changed;
	enum state state;
	int fd;
	uint64_t offset;
	size_t len;
	ssize_t result;
	uint8_t buf[MEMORY_WATCH_READ_MAX];
};

/* Lives until it is closed and the last reader has ended. */
struct memory_watch {
	pthread_mutex_t lock;
	memory_watch_pread *read;
	int limit_ms;
	struct reader *idle;
	unsigned hung, users;
};

static void put(struct memory_watch *w)
{
	unsigned left;

	(void)pthread_mutex_lock(&w->lock);
	left = --w->users;
	(void)pthread_mutex_unlock(&w->lock);
	if (left > 0)
		return;
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

int memory_watch_open(struct memory_watch **ret, memory_watch_pread *read, int limit_ms)
{
	struct memory_watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	(void)pthread_mutex_init(&w->lock, NULL);
	w->read = read;
	w->limit_ms = limit_ms;
	w->users = 1;
	*ret = w;
	return 0;
}

static ssize_t read_once(const struct memory_watch *w, int fd, uint64_t offset, void *buf,
			 size_t len)
{
	ssize_t n;

	do {
		n = w->read(fd, buf, len, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Wait for work and do it.  False when there will be none. */
static bool serve(struct reader *r)
{
	struct memory_watch *w = r->w;
	bool wanted;
	ssize_t n;

	(void)pthread_mutex_lock(&w->lock);
	while (r->state != READER_BUSY && r->state != READER_QUIT)
		(void)pthread_cond_wait(&r->changed, &w->lock);
	wanted = r->state == READER_BUSY;
	(void)pthread_mutex_unlock(&w->lock);
	if (!wanted)
		return false;
	n = read_once(w, r->fd, r->offset, r->buf, r->len);
	(void)pthread_mutex_lock(&w->lock);
	wanted = r->state == READER_BUSY;
	r->result = n;
	r->state = READER_DONE;
	(void)pthread_cond_signal(&r->changed);
	(void)pthread_mutex_unlock(&w->lock);
	return wanted;
}

static void *reader_main(void *arg)
{
	struct reader *r = arg;
	struct memory_watch *w = r->w;

	while (serve(r))
		;
	(void)pthread_cond_destroy(&r->changed);
	free(r);
	put(w);
	return NULL;
}

/* A new one, or NULL. */
static struct reader *start(struct memory_watch *w)
{
	struct reader *r = malloc(sizeof(*r));
	pthread_condattr_t clock;

	if (r == NULL)
		return NULL;
	r->w = w;
	r->next = NULL;
	r->state = READER_IDLE;
	(void)pthread_condattr_init(&clock);
	(void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&r->changed, &clock);
	(void)pthread_condattr_destroy(&clock);
	(void)pthread_mutex_lock(&w->lock);
	w->users++;
	(void)pthread_mutex_unlock(&w->lock);
	if (thread_start(reader_main, r, STACK_BYTES) == 0)
		return r;
	(void)pthread_cond_destroy(&r->changed);
	free(r);
	put(w);
	return NULL;
}

static struct reader *take(struct memory_watch *w)
{
	struct reader *r;

	(void)pthread_mutex_lock(&w->lock);
	r = w->idle;
	if (r != NULL)
		w->idle = r->next;
	(void)pthread_mutex_unlock(&w->lock);
	return r != NULL ? r : start(w);
}

/* Wait until it is done, with the lock held.  False: it hangs. */
static bool wait_done(struct reader *r)
{
	struct memory_watch *w = r->w;
	int64_t end = clock_now_ms() + (w->hung > 0 ? w->limit_ms / 8 + 1 : w->limit_ms);
	const struct timespec until = {
		.tv_sec = (time_t)(end / 1000), .tv_nsec = (long)(end % 1000) * 1000000,
	};

	while (r->state == READER_BUSY &&
	       pthread_cond_timedwait(&r->changed, &w->lock, &until) != ETIMEDOUT)
		;
	return r->state == READER_DONE;
}

ssize_t memory_watch_read(struct memory_watch *w, int fd, uint64_t offset, void *buf,
			  size_t len)
{
	struct reader *r;
	bool done;
	ssize_t n;

	if (memory_watch_hung(w) >= HUNG_MAX)
		return -ETIMEDOUT;
	if (len > MEMORY_WATCH_READ_MAX)
		len = MEMORY_WATCH_READ_MAX;
	r = take(w);
	if (r == NULL)
		return read_once(w, fd, offset, buf, len);
	(void)pthread_mutex_lock(&w->lock);
	r->fd = fd;
	r->offset = offset;
	r->len = len;
	r->state = READER_BUSY;
	(void)pthread_cond_signal(&r->changed);
	done = wait_done(r);
	if (!done) {
		r->state = READER_LEFT;
		w->hung++;
	}
	(void)pthread_mutex_unlock(&w->lock);
	if (!done)
		return -ETIMEDOUT;
	n = r->result > (ssize_t)len ? -EIO : r->result;
	if (n > 0)
		memcpy(buf, r->buf, (size_t)n);
	(void)pthread_mutex_lock(&w->lock);
	r->state = READER_IDLE;
	r->next = w->idle;
	w->idle = r;
	(void)pthread_mutex_unlock(&w->lock);
	return n;
}

unsigned memory_watch_hung(struct memory_watch *w)
{
	unsigned n;

	(void)pthread_mutex_lock(&w->lock);
	n = w->hung;
	(void)pthread_mutex_unlock(&w->lock);
	return n;
}

void memory_watch_close(struct memory_watch *w)
{
	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->lock);
	for (struct reader *r = w->idle; r != NULL; r = r->next) {
		r->state = READER_QUIT;
		(void)pthread_cond_signal(&r->changed);
	}
	w->idle = NULL;
	(void)pthread_mutex_unlock(&w->lock);
	put(w);
}
