/*
 * module_fetch.c - the LiME module, looked for while other evidence is collected.
 *
 * One thread, which reads what module.c reads.  It is waited for when memory's
 * turn comes, and not longer than it was given.
 */
#include "module_fetch.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "collector.h"
#include "log.h"
#include "thread.h"
#include "vault.h"

#define STACK_BYTES ((size_t)512 << 10)
#define TICK_NS (10 * 1000 * 1000)
/* What reads a network sees its own end: only what hangs comes later. */
#define GRACE_MS 300

/* Lives until both sides let it go. */
struct module_fetch {
	struct module_options o;
	struct vault_options how;
	int64_t end_ms;
	struct module module;
	int result;
	atomic_bool done;
	atomic_int holders;
};

static void let_go(struct module_fetch *f)
{
	if (atomic_fetch_sub(&f->holders, 1) > 1)
		return;
	module_free(&f->module);
	free(f);
}

static void *look(void *arg)
{
	struct module_fetch *f = arg;

	f->result = module_load(&f->module, &f->o, &f->how, f->end_ms);
	atomic_store(&f->done, true);
	let_go(f);
	return NULL;
}

/* What is looked for is a helper's work: it may take a part of the time. */
static int64_t wait_ms(uint64_t deadline_s)
{
	int64_t part = 100 * (int64_t)deadline_s;

	return deadline_s != 0 && part < MODULE_WAIT_MS ? part : MODULE_WAIT_MS;
}

void module_fetch_start(struct module_fetch **ret, const struct module_options *o,
			const struct vault_options *how, uint64_t deadline_s)
{
	struct module_fetch *f = calloc(1, sizeof(*f));

	*ret = NULL;
	if (f == NULL)
		return;
	f->o = *o;
	f->how = *how;
	f->end_ms = clock_now_ms() + wait_ms(deadline_s);
	atomic_init(&f->holders, 2);
	if (thread_start(look, f, STACK_BYTES) == 0)
		*ret = f;
	else
		free(f);
}

static int wait_for(struct module_fetch *f, struct module *ret)
{
	const struct timespec tick = { .tv_nsec = TICK_NS };

	while (!atomic_load(&f->done) && clock_now_ms() < f->end_ms + GRACE_MS)
		(void)nanosleep(&tick, NULL);
	if (!atomic_load(&f->done)) {
		*ret = (struct module){ .why = "module store: it did not answer in time" };
		return -ETIMEDOUT;
	}
	*ret = f->module;
	f->module.data = NULL;
	return f->result;
}

void module_fetch_end(struct module_fetch **f, struct module *m,
		      struct collector_request *req)
{
	if (*f == NULL)
		return;
	/* Other methods may do without: the reason goes into the manifest's notes. */
	if (wait_for(*f, m) < 0)
		log_line(LOG_WARN, "LiME will not be used: %s", m->why);
	let_go(*f);
	*f = NULL;
	req->lime = m->data;
	req->lime_len = m->len;
	req->lime_name = m->name;
	req->lime_from = m->from[0] != '\0' ? m->from : NULL;
	req->lime_why = m->data == NULL ? m->why : NULL;
}
