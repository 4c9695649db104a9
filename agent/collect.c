/*
 * collect.c - the plan: collectors in order of volatility, until the deadline.
 *
 * The only part that knows the order, the time and how it all ended.  The
 * evidence itself flows past it, from the collectors' sinks to the workers.
 */
#include "collect.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "aws_ranges.h"
#include "budget.h"
#include "clock.h"
#include "collection_id.h"
#include "credentials.h"
#include "errname.h"
#include "guard.h"
#include "harden.h"
#include "host.h"
#include "log.h"
#include "metadata.h"
#include "module_fetch.h"
#include "options.h"
#include "pipeline.h"
#include "progress.h"
#include "queue.h"
#include "result.h"
#include "runner.h"
#include "segment.h"
#include "sink_run.h"
#include "taken.h"
#include "thread.h"
#include "ticket.h"
#include "words.h"

static volatile sig_atomic_t signals;

static void on_signal(int sig)
{
	(void)sig;
	/* The second one means: at once.  What is stored, is stored. */
	if (signals++ > 0)
		_exit(RESULT_PARTIAL);
}

/* A pipe or a file that ends is an error like any other, and the terminal that
 * isolation takes away (SIGHUP) no reason to stop; the rest ends the run in order. */
static void catch_signals(void)
{
	static const int ending[] = { SIGTERM, SIGINT, SIGQUIT };
	static const int ignored[] = { SIGPIPE, SIGHUP, SIGXFSZ, SIGUSR1, SIGUSR2 };
	struct sigaction sa = { .sa_handler = SIG_IGN };

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)sigaction(ignored[i], &sa, NULL);
	sa.sa_handler = on_signal;
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		(void)sigaction(ending[i], &sa, NULL);
}

/* After the deadline: the run ends, whatever hangs. */
#define WATCH_MS 200

/* One run of the plan. */
struct plan {
	struct options *o;
	struct host host;
	struct collector_request req;
	struct module_fetch *fetch;   /* NULL: not begun, or taken */
	struct module module;
	struct metadata metadata;
	struct taken taken;
	struct collection_id id;
	struct pipeline *pipe;
	struct segment *carry;        /* unfinished, of ${carry_group} */
	const char *carry_group;
	const struct collector *order[OPTIONS_COLLECTORS_MAX]; /* as they run */
	size_t count;
	struct runner_limits limits;
	struct budget budget;         /* the time */
	int64_t share_ms;             /* when this collector's share of the time ends; 0: none */
	struct progress progress;
	struct result result;
	bool volatile_done;           /* no more volatile segments will come */
	bool hung;                    /* a collector's thread lives on */
	bool started;                 /* there is something to tell about */
	atomic_bool said;             /* the last line */
	int status;
};

static int64_t stop_ms(struct plan *p)
{
	return budget_stop(&p->budget, pipeline_need_ms(p->pipe));
}

static bool is_late(struct plan *p)
{
	return p->budget.end_ms != 0 && clock_now_ms() >= stop_ms(p);
}

static int poll_plan(void *arg)
{
	struct plan *p = arg;

	progress_tick(&p->progress, p->pipe);
	if (signals > 0)
		return -EINTR;
	if (is_late(p))
		return -ETIME;
	if (p->share_ms != 0 && clock_now_ms() >= p->share_ms)
		return -ETIMEDOUT;
	return pipeline_dead(p->pipe);
}

/* What is still to be built would keep the collector from returning. */
static void hurry_plan(void *arg)
{
	struct plan *p = arg;

	pipeline_hurry(p->pipe, true);
}

static bool is_selected(const struct plan *p, const struct collector *c)
{
	for (size_t i = 0; collectors[i] != NULL; i++)
		if (collectors[i] == c)
			return p->o->selected[i];
	return false;
}

/* Send what the last group left unfinished. */
static void flush_carry(struct plan *p)
{
	if (p->carry != NULL)
		pipeline_put(p->pipe, p->carry);
	p->carry = NULL;
}

static const char *status_of(int r, const struct sink_summary *sum)
{
	if (r == 0)
		return "complete";
	return sum->entries > 0 ? "partial" : "failed";
}

static const char *reason_of(int r)
{
	switch (r) {
	case 0: return NULL;
	case -ETIME: return "deadline reached";
	case -ETIMEDOUT: return "its time limit was reached";
	case -ENODATA: return "not all of it could be had: see its notes";
	case -EINTR: return "stopped by a signal";
	default: return errname(r);
	}
}

static void finish_collector(struct plan *p, const struct collector *c, int r,
			     struct sink *sink, bool hung, int64_t ms)
{
	const struct sink_summary *sum = sink_summary(sink);
	const char *why = !hung ? reason_of(r) : sink_stopped(sink) == -ETIME ?
			  "deadline reached; it had not ended and was left behind" :
			  "it hangs and was left behind";

	p->carry = sink_finish(sink);
	p->carry_group = c->group;
	result_collector(&p->result, c->name, status_of(r, sum));
	(void)pipeline_report(p->pipe, c->name, status_of(r, sum), why,
			      (double)ms / 1000, sum);
	log_line(r == 0 ? LOG_INFO : LOG_WARN,
		 "%s: %s%s%s, %llu entries, %llu bytes, %llu gaps, %lld ms",
		 c->name, status_of(r, sum), why != NULL ? ": " : "",
		 why != NULL ? why : "", (unsigned long long)sum->entries,
		 (unsigned long long)sum->bytes, (unsigned long long)sum->gaps,
		 (long long)ms);
	if (hung)
		p->hung = true;
	else
		sink_free(sink);
}

static void skip_collector(struct plan *p, const struct collector *c, const char *why)
{
	const char *status = why == NULL ? "skipped" : "failed";

	result_collector(&p->result, c->name, status);
	(void)pipeline_report(p->pipe, c->name, status,
			      why != NULL ? why : "not asked for", 0, NULL);
}

/* No volatile collector comes any more: what is volatile has been read. */
static void note_group(struct plan *p, size_t row)
{
	if (p->volatile_done)
		return;
	for (size_t i = row; i < p->count; i++)
		if (strcmp(p->order[i]->group, "volatile") == 0)
			return;
	flush_carry(p);
	pipeline_volatile_done(p->pipe);
	p->volatile_done = true;
}

static void seek_module(struct plan *p)
{
	struct vault_options how;

	(void)options_vault(p->o, &how);
	if (is_selected(p, &collector_memory) && p->req.memory != MEMORY_KCORE && p->req.memory != MEMORY_PROCESS)
		module_fetch_start(&p->fetch, &p->o->lime, &how, p->o->deadline_s);
}

/*
 * When this one's share of the time ends; 0: it has all of it.  What is volatile
 * is small: one that needs more than half of the time is in trouble.
 */
static int64_t share_of(struct plan *p, size_t row)
{
	bool more = false;

	for (size_t i = row + 1; i < p->count; i++)
		more |= is_selected(p, p->order[i]);
	return more ? budget_share(&p->budget, clock_now_ms(), stop_ms(p),
				   strcmp(p->order[row]->group, "volatile") == 0 ? 50 : 80) : 0;
}

static void run_collector(struct plan *p, size_t row)
{
	const struct collector *c = p->order[row];
	int64_t begun = clock_now_ms();
	struct sink *sink;
	bool hung;
	int r;

	if (c == &collector_memory)
		module_fetch_end(&p->fetch, &p->module, &p->req);
	p->share_ms = share_of(p, row);
	if (p->carry != NULL && strcmp(p->carry_group, c->group) != 0)
		flush_carry(p);
	r = sink_open(&sink, pipeline_queue(p->pipe), c->name, c->group, p->carry);
	if (r < 0) {
		skip_collector(p, c, errname(r));
		return;
	}
	p->carry = NULL;
	progress_begin(&p->progress, c->name);
	r = runner_run(c, &p->host, &p->req, sink, &p->limits, &hung);
	pipeline_hurry(p->pipe, false);
	if (r == 0 && sink_stopped(sink) < 0)
		r = sink_stopped(sink);
	finish_collector(p, c, r, sink, hung, clock_now_ms() - begun);
}

/* The journal of the run goes into the evidence too. */
static void collect_journal(struct plan *p)
{
	static char text[65536];
	struct sink_entry e = { .path = "agent/log" };
	struct sink *sink;
	size_t len;

	flush_carry(p);
	if (sink_open(&sink, pipeline_queue(p->pipe), "agent", "agent", NULL) < 0)
		return;
	len = log_copy(text, sizeof(text));
	(void)sink_put(sink, &e, text, len);
	p->carry = sink_finish(sink);
	flush_carry(p);
	sink_free(sink);
}

static void run_all(struct plan *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct collector *c = p->order[i];

		note_group(p, i);
		if (!is_selected(p, c))
			skip_collector(p, c, NULL);
		else if (signals > 0)
			skip_collector(p, c, "stopped by a signal");
		else if (pipeline_dead(p->pipe) < 0)
			skip_collector(p, c, "the vault is lost");
		else if (is_late(p))
			skip_collector(p, c, reason_of(-ETIME));
		else
			run_collector(p, i);
	}
	note_group(p, p->count);
	collect_journal(p);
	progress_end(&p->progress);
}

/* In order of volatility, but for a memory that shall not see us read the rest. */
static void set_order(struct plan *p)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; collectors[i] != NULL && i < OPTIONS_COLLECTORS_MAX; i++) {
			bool first = p->o->memory_first &&
				     strcmp(collectors[i]->group, "memory") == 0;

			if (first == (pass == 0))
				p->order[p->count++] = collectors[i];
		}
}

/* A change to the host, if a small one: it goes on the record. */
static void protect(struct plan *p)
{
	char text[64];
	int before = 0, r = harden_oom(&before);

	if (r < 0)
		(void)snprintf(text, sizeof(text), "not changed: %s", errname(r));
	else if (before <= HARDEN_OOM_ADJ)
		(void)snprintf(text, sizeof(text), "%d, not changed", before);
	else
		(void)snprintf(text, sizeof(text), "%d, was %d", HARDEN_OOM_ADJ, before);
	(void)pipeline_note(p->pipe, "oom_score_adj", text);
	log_line(LOG_DEBUG, "oom_score_adj: %s", text);
	(void)snprintf(text, sizeof(text), "%d", getpriority(PRIO_PROCESS, 0));
	(void)pipeline_note(p->pipe, "nice", text);
}

/* What was asked for, as far as it decides what is there. */
static void note_request(struct plan *p)
{
	(void)pipeline_note(p->pipe, "profile", words_profile_name(p->o->profile));
	(void)pipeline_note(p->pipe, "secrets", p->o->with_secrets ?
			    "taken" : "masked");
}

static int prepare(struct plan *p)
{
	int r = host_open(&p->host);

	if (r < 0) {
		log_line(LOG_ERROR, "/, /proc or /sys cannot be opened: %s", strerror(-r));
		return r;
	}
	options_request(p->o, &p->req);
	taken_open(&p->taken);
	p->req.taken = &p->taken;
	p->req.metadata = metadata_open(&p->metadata, p->o->vault.imds_endpoint);
	r = collection_id_make(&p->id, p->o->case_id);
	if (r == 0 && p->o->ticket != NULL && p->o->ticket->kind == TICKET_PUT)
		r = collection_id_place(&p->id, p->o->case_id, p->o->ticket->collection);
	if (r == 0)
		r = pipeline_prepare(&p->pipe, p->o, &p->id);
	if (r < 0)
		return r;
	protect(p);
	note_request(p);
	/* First of all: out of the host's reach before anything can go wrong. */
	result_first_line(&p->id, pipeline_public_key(p->pipe));
	r = pipeline_start(p->pipe, &p->budget);
	if (r == 0)
		seek_module(p);
	return r;
}

static void release(struct plan *p)
{
	bool hung = p->hung || (p->pipe != NULL && pipeline_hung(p->pipe));

	module_fetch_end(&p->fetch, &p->module, &p->req); /* it may read the ticket */
	/* What was left behind may still use the rest. */
	if (hung)
		pipeline_wipe(p->pipe);
	else
		pipeline_free(p->pipe);
	ticket_free(p->o->ticket);
	if (hung)
		return;
	module_free(&p->module);
	taken_free(&p->taken);
	aws_ranges_free(p->o->aws_ranges);
	metadata_close(&p->metadata);
	host_close(&p->host);
}

/* The last line, by whoever comes first. */
static bool say(struct plan *p, int manifest)
{
	int status;

	if (atomic_exchange(&p->said, true))
		return false;
	status = p->started ? result_status(p->pipe, manifest) : RESULT_NOTHING;
	guard_result(status);
	result_last_line(&p->result, p->started ? p->pipe : NULL, manifest, status);
	p->status = status;
	return true;
}

/* The run ends now: something hangs that nothing else could end. */
static void *watch_main(void *arg)
{
	struct plan *p = arg;
	const int64_t ms = p->budget.end_ms + WATCH_MS;
	const struct timespec t = { .tv_sec = (time_t)(ms / 1000),
				    .tv_nsec = ms % 1000 * 1000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
	if (!say(p, -ETIME))
		return NULL;
	guard_end();
	_exit(p->status);
}

/* In the process that only waits. */
static void forget(void *arg)
{
	struct plan *p = arg;

	ticket_free(p->o->ticket);
	credentials_forget();
}

/* With a deadline: a process that can be waited for, and a thread that looks at the clock. */
static int begin_deadline(struct plan *p)
{
	int r;

	if (p->o->deadline_s == 0 || p->budget.end_ms != 0)
		return 0;
	budget_open(&p->budget, p->result.begun_ms, 1000 * (int64_t)p->o->deadline_s);
	p->limits.leave_ms = budget_leave(&p->budget);
	p->limits.grace_ms = budget_patience(&p->budget, RUNNER_GRACE_MS);
	harden_priority();
	r = guard_start(p->budget.end_ms, forget, p);
	if (r < 0)
		log_line(LOG_WARN, "the deadline has no guard: %s", strerror(-r));
	return thread_start(watch_main, p, 0);
}

static void run(struct plan *p)
{
	char why[OPTIONS_ERROR_MAX] = "there is no deadline: a thread could not be started";
	int r = begin_deadline(p);

	if (r == 0)
		r = options_take_ticket(p->o, why);
	if (r < 0)
		log_line(LOG_ERROR, "%s", why);
	/* It may be the ticket that has one. */
	if (r == 0)
		r = begin_deadline(p);
	if (r == 0)
		r = prepare(p);
	if (r < 0) {
		guard_result(RESULT_NOTHING);
		p->status = RESULT_NOTHING;
		return;
	}
	p->started = true;
	run_all(p);
	(void)say(p, pipeline_finish(p->pipe));
}

int collect_main(int argc, char **argv)
{
	static struct options o;
	static struct plan p;
	int r = options_parse(&o, argc, argv);

	if (r != 0)
		return r > 0 ? 0 : RESULT_USAGE;
	if (geteuid() != 0) {
		fprintf(stderr, "evac collect: must run as root\n");
		return RESULT_NOTHING;
	}
	p.o = &o;
	p.result.begun_ms = clock_now_ms();
	p.host = (struct host){ -1, -1, -1 };
	if (o.verbose)
		log_show(LOG_DEBUG);
	catch_signals();
	p.limits = (struct runner_limits){ .poll = poll_plan, .hurry = hurry_plan, .arg = &p };
	set_order(&p);
	run(&p);
	release(&p);
	guard_end();
	return p.status;
}
