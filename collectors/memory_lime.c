/*
 * memory_lime.c - physical memory by the LiME kernel module, through a pipe.
 *
 * Loads the module that was given, if nothing argues against it, takes its
 * stream apart and writes it on in pieces.  The module's own result proves
 * nothing; what /proc/iomem promised and the stream brought does.  A stream
 * that stalls, breaks off or is out of step ends the method; what it brought
 * is kept, a piece that is begun is filled by the next method, which the rest is left
 * to.  Afterwards the module is unloaded.
 */
#include "memory.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "collector.h"
#include "errname.h"
#include "host.h"
#include "lime.h"
#include "sink.h"

#define MODULE_NAME "lime"
#define CHUNK_BYTES ((size_t)1 << 20)
#define STALL_MS 30000
#define TICK_MS 500
#define OLD_WAIT_MS 5000
#define OLD_TICK_MS 100

/* A stream on its way into pieces. */
struct dump {
	struct memory *m;
	struct lime_stream stream;
	struct buf in;
	struct memory_piece *piece; /* being written; NULL: none */
	uint64_t next;              /* its next address */
	bool skip;                  /* the range in progress is of no use */
	uint64_t skipped;           /* bytes */
	uint64_t doubt;             /* where a header appeared inside the range */
	bool doubtful;
	const char *error;          /* what ended the stream early; NULL: nothing */
};

/* No module fits, or this one does not. */
static const char *module_refusal(const struct memory_probe *probe,
				  const struct collector_request *req)
{
	struct memory_module mod;
	const char *why;

	if (req->lime == NULL)
		return req->lime_why != NULL ? req->lime_why : "no module given";
	if (memory_module_parse(req->lime, req->lime_len, &mod) < 0)
		return "not a kernel module";
	if (!memory_module_is_native(&mod))
		return "module for another architecture";
	if (mod.name[0] != '\0' && strcmp(mod.name, MODULE_NAME) != 0)
		return "module is not lime";
	why = memory_module_misfit(&mod, probe->release, probe->version);
	if (why != NULL)
		return why;
	if (!mod.is_signed && probe->signature_enforced)
		return "EKEYREJECTED: kernel wants signed modules, this is not";
	if (!mod.is_signed && probe->lockdown == LOCKDOWN_INTEGRITY)
		return "EPERM: lockdown=integrity and module not signed";
	if (!mod.is_signed && probe->lockdown == LOCKDOWN_CONFIDENTIALITY)
		return "EPERM: lockdown=confidentiality and module not signed";
	return NULL;
}

const char *memory_lime_refusal(const struct memory_probe *probe,
				const struct collector_request *req)
{
	const char *why = module_refusal(probe, req);

	if (why != NULL)
		return why;
	if (probe->modules_disabled)
		return "EPERM: kernel.modules_disabled is set";
	if (!probe->cap_module)
		return "EPERM: no CAP_SYS_MODULE";
	if (probe->lime == LIME_STUCK)
		return "EBUSY: a lime module is there and cannot be unloaded";
	if (probe->secretmem != 0)
		return "memfd_secret memory in use, could crash the kernel";
	return NULL;
}

/* Begin the piece that starts at ${address}. */
static int piece_begin(struct dump *d, uint64_t address)
{
	struct memory *m = d->m;
	uint64_t end = address + m->piece_bytes - 1;
	uint8_t head[LIME_HEADER_BYTES];
	char path[48];
	struct sink_entry e = { .path = path };
	const struct range *next;
	int r;

	if (end > d->stream.range.end)
		end = d->stream.range.end;
	next = ranges_find(&m->covered, address);
	if (next != NULL && next->start <= end)
		end = next->start - 1;
	d->piece = memory_cover(m, address, end, METHOD_LIME);
	if (d->piece == NULL)
		return -ENOSPC;
	d->piece->begin_ns = memory_now_ns();
	d->next = address;
	e.size = end - address + 1 + LIME_HEADER_BYTES;
	(void)snprintf(path, sizeof(path), "memory/%016" PRIx64 ".lime", address);
	lime_header(head, address, end);
	r = sink_begin(m->sink, &e);
	return r < 0 ? r : sink_write(m->sink, head, sizeof(head));
}

/* LiME writes zeros for what is no whole page. */
static void note_partial(struct memory *m, const struct range *r)
{
	uint64_t from = (r->end + 1) & ~(uint64_t)(m->page - 1);

	if (from > r->end)
		return;
	memory_hole(m, HOLE_PARTIAL, from > r->start ? from : r->start, r->end);
}

static int piece_end(struct dump *d)
{
	d->piece->end_ns = memory_now_ns();
	if (d->piece->range.end == d->stream.range.end)
		note_partial(d->m, &d->piece->range);
	memory_flags_look(d->m, d->piece->range.start, NULL,
			  (size_t)(d->piece->range.end - d->piece->range.start + 1));
	d->piece = NULL;
	return sink_end(d->m->sink);
}

/*
 * A write that a signal cuts short makes LiME skip the rest of a range without
 * a word.  Then the next range's header stands where a page should.  Memory
 * may hold such a header by itself: only with an early end does it count.
 */
static void look_for_header(struct dump *d, const struct lime_item *item)
{
	uint64_t mask = d->m->page - 1;
	size_t at = (size_t)(-item->address & mask);
	struct range r;

	for (; !d->doubtful && at + LIME_HEADER_BYTES <= item->len; at += mask + 1)
		if (lime_parse(item->data + at, &r) == 0 &&
		    r.start > item->range.end &&
		    ranges_has(&d->m->ram, r.start, r.end)) {
			d->doubtful = true;
			d->doubt = item->address + at;
		}
}

/* Bytes from ${at} on that another method took before; at most ${len}. */
static size_t taken_before(const struct dump *d, uint64_t at, size_t len)
{
	const struct range *r = ranges_find(&d->m->covered, at);

	if (r == NULL || r->start > at)
		return 0;
	return r->end - at < len ? (size_t)(r->end - at) + 1 : len;
}

static int take_data(struct dump *d, const struct lime_item *item)
{
	const uint8_t *p = item->data;
	size_t len = item->len;
	uint64_t at = item->address;
	int r = 0;

	if (d->skip) {
		d->skipped += len;
		return 0;
	}
	look_for_header(d, item);
	while (r == 0 && len > 0) {
		uint64_t left;
		size_t n = len;

		if (d->piece == NULL) {
			n = taken_before(d, at, len);
			p += n;
			len -= n;
			at += n;
			if (n > 0)
				continue;
			n = len;
			r = piece_begin(d, at);
		}
		if (r < 0)
			break;
		left = d->piece->range.end - at + 1;
		if (left < n)
			n = (size_t)left;
		r = sink_write(d->m->sink, p, n);
		if (r < 0)
			break;
		p += n;
		len -= n;
		at += n;
		d->next = at;
		if (at > d->piece->range.end)
			r = piece_end(d);
	}
	return r;
}

/* Is the range one that we know?  None comes twice: streams ascend. */
static void take_range(struct dump *d, const struct range *r)
{
	struct memory *m = d->m;

	d->doubtful = false;
	d->skip = !ranges_has(&m->ram, r->start, r->end) ||
		  /* Off a page LiME's bytes are not those of their addresses. */
		  (r->start & (m->page - 1)) != 0 ||
		  /* Half of the list is the next method's. */
		  m->piece_count > m->piece_cap / 2;
}

/* Take what was read.  0, or the sink's error; ${d->error} ends the stream. */
static int consume(struct dump *d, size_t len)
{
	const uint8_t *p = d->in.data;
	struct lime_item item;
	int r = 0, more;

	while ((more = lime_next(&d->stream, &p, &len, &item)) > 0 && r == 0) {
		if (item.kind == LIME_RANGE)
			take_range(d, &item.range);
		else
			r = take_data(d, &item);
	}
	if (more < 0)
		d->error = "stream out of step";
	return r;
}

/* Ask the sink whether the run is over. */
static int heartbeat(struct dump *d)
{
	return d->piece != NULL ? sink_write(d->m->sink, "", 0) :
				  sink_flush(d->m->sink);
}

/* Wait for bytes.  1; 0 and ${d->error} after a stall; the sink's error. */
static int wait_input(struct dump *d, int fd, int stall_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int tick = stall_ms < TICK_MS ? stall_ms : TICK_MS;
	int r = 0;

	for (int waited = 0; waited < stall_ms; waited += tick) {
		int n = poll(&p, 1, tick);

		if (n > 0)
			return 1;
		r = heartbeat(d);
		if (r < 0)
			return r;
	}
	d->error = "no byte for too long";
	return 0;
}

static int read_all(struct dump *d, int fd, int stall_ms)
{
	while (d->error == NULL) {
		int r = wait_input(d, fd, stall_ms);
		ssize_t n;

		if (r <= 0)
			return r;
		n = read(fd, d->in.data, d->in.cap);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			d->error = "pipe cannot be read";
		if (n <= 0)
			break;
		r = consume(d, (size_t)n);
		if (r < 0)
			return r;
	}
	if (d->error == NULL && !lime_whole(&d->stream))
		d->error = "stream ended early";
	return 0;
}

/* The rest of a begun piece, whose header already promises it. */
static int finish_piece(struct dump *d)
{
	struct memory *m = d->m;
	struct memory_piece *rest;
	enum memory_method method = memory_pull_best(m);
	uint64_t end = d->piece->range.end;
	int r = 0;

	/* Two records: each says by which method its bytes came. */
	d->piece->range.end = d->next - 1;
	d->piece->end_ns = memory_now_ns();
	d->piece = NULL;
	rest = memory_cover(m, d->next, end, method);
	if (rest == NULL)
		return -ENOSPC;
	rest->begin_ns = memory_now_ns();
	if (method == METHOD_NONE)
		memory_hole(m, HOLE_UNREADABLE, d->next, end);
	while (r == 0 && d->next <= end) {
		size_t n = d->in.cap;

		if (end - d->next < n)
			n = (size_t)(end - d->next) + 1;
		if (method != METHOD_NONE)
			memory_pull_fill(m, method, d->next, d->in.data, n);
		else
			memory_mark(d->in.data, d->next, n);
		r = sink_write(m->sink, d->in.data, n);
		d->next += n;
	}
	rest->end_ns = memory_now_ns();
	return r < 0 ? r : sink_end(m->sink);
}

/* The run is over: what came of the begun piece is there. */
static void cut_piece(struct dump *d)
{
	if (d->next == d->piece->range.start)
		return;
	d->piece->range.end = d->next - 1;
	d->piece->end_ns = memory_now_ns();
}

static void note_stream(struct dump *d)
{
	struct memory *m = d->m;

	uint64_t came = ranges_bytes(&m->covered), all = ranges_bytes(&m->ram);

	/* Neither the module's result nor a whole last range says that all is there. */
	if (d->error == NULL && came < all)
		(void)sink_note(m->sink, "lime", "failed: its stream ended after %" PRIu64
				" of %" PRIu64 " bytes", came, all);
	else
		(void)sink_note(m->sink, "lime", d->error != NULL ? "failed: %s" :
				"used, complete%s", d->error != NULL ? d->error : "");
	if (d->skipped > 0)
		(void)sink_note(m->sink, "lime.skipped", "%" PRIu64 " bytes of "
				"ranges that are not aligned or not in iomem",
				d->skipped);
	if (d->error != NULL && d->doubtful && d->next > d->doubt)
		memory_hole(m, HOLE_DOUBTFUL, d->doubt, d->next - 1);
}

int memory_lime_stream(struct memory *m, int fd, int stall_ms)
{
	struct dump d = { .m = m };
	int r = buf_open(&d.in, CHUNK_BYTES);

	if (r < 0)
		return r;
	r = read_all(&d, fd, stall_ms);
	if (r == 0)
		note_stream(&d);
	if (r == 0 && d.piece != NULL)
		r = finish_piece(&d);
	else if (r < 0 && d.piece != NULL)
		cut_piece(&d);
	buf_free(&d.in);
	return r;
}

/* After the stream: how did the module end, and is it gone? */
static void note_end(struct memory *m, int loaded)
{
	int gone = memory_loader_unload(MODULE_NAME);
	struct memory_probe after;

	if (loaded < 0 && loaded != -EINTR)
		(void)sink_note(m->sink, "lime", "failed: init_module %s%s",
				errname(loaded), loaded == -ETIMEDOUT ?
				", hangs in the kernel" : "");
	(void)sink_note(m->sink, "lime.unload", "%s", gone == 0 ? "done" :
			gone == -ENOENT ? "not loaded" : errname(gone));
	memory_probe(&after, m->host);
	(void)sink_note(m->sink, "lime.taint", "%" PRIu64 " before, %" PRIu64
			" after", m->probe.taint, after.taint);
}

/*
 * A module that an earlier run, killed, left behind.  It may be on its way out
 * of its last write still: that ends by itself, where it hangs it does not.
 */
static int remove_old(struct memory *m)
{
	const struct timespec wait = { .tv_nsec = OLD_TICK_MS * 1000000L };
	bool waited = m->probe.lime == LIME_STUCK;
	int r = 0;

	if (m->probe.lime == LIME_ABSENT)
		return 0;
	for (int ms = 0; m->probe.lime == LIME_STUCK && ms < OLD_WAIT_MS; ms += OLD_TICK_MS) {
		(void)nanosleep(&wait, NULL);
		r = sink_flush(m->sink);
		if (r < 0)
			return r;
		m->probe.lime = memory_probe_resident(m->host);
	}
	if (m->probe.lime == LIME_IDLE) {
		r = memory_loader_unload(MODULE_NAME);
		if (r == 0)
			m->probe.lime = LIME_ABSENT;
		else
			m->probe.lime = LIME_STUCK;
	}
	if (m->probe.lime == LIME_STUCK)
		(void)sink_note(m->sink, "lime.old", "is loaded and busy, or half gone: %s",
				r < 0 ? errname(r) : "left alone");
	else
		(void)sink_note(m->sink, "lime.old", "was loaded%s, %s",
				waited ? " and busy for a while" : " and idle",
				r == 0 ? "unloaded" : "gone");
	return 0;
}

int memory_lime_run(struct memory *m)
{
	struct memory_loader *l;
	const char *why;
	int fd, r, loaded;

	if (m->req->lime != NULL)
		m->probe.secretmem = memory_probe_secretmem(m->host);
	if (m->req->lime_from != NULL)
		(void)sink_note(m->sink, "lime.module", "%s", m->req->lime_from);
	/* Only for one that would be loaded in its place. */
	if (m->req->lime != NULL && m->probe.cap_module) {
		r = remove_old(m);
		if (r < 0)
			return r;
	}
	why = memory_lime_refusal(&m->probe, m->req);
	if (why != NULL) {
		(void)sink_note(m->sink, "lime", "refused: %s", why);
		return 0;
	}
	r = memory_loader_open(&l, &fd, m->req->lime, m->req->lime_len);
	if (r < 0) {
		(void)sink_note(m->sink, "lime", "failed: %s", errname(r));
		return 0;
	}
	r = memory_lime_stream(m, fd, STALL_MS);
	(void)close(fd);
	loaded = memory_loader_close(l);
	note_end(m, loaded);
	return r;
}
