/*
 * memory_process.c - the memory of processes, where no physical method works.
 *
 * Reads /proc/PID/maps, pagemap and mem; writes memory/process/PID.core, one
 * ELF core file with its notes and a PT_LOAD for each mapping.  Mappings that are
 * not ours to touch (devices) or beyond the budget stand in it without content.
 * A page of anonymous memory that was never touched is zeros without being
 * read, so the process does not grow; a page of a file that the process has not
 * mapped in has no content or is "EVAC NOT MAPPED ", so no disk and no dead
 * server is asked for it; one of a file in memory comes from that file; one
 * that cannot be read is the marker pattern, and a gap names the process.
 */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "buf.h"
#include "collector.h"
#include "errname.h"
#include "host.h"
#include "io.h"
#include "memory_areas.h"
#include "memory_freeze.h"
#include "memory_pids.h"
#include "memory_report.h"
#include "procfs.h"
#include "scope.h"
#include "sink.h"

#define CHUNK_BYTES ((size_t)1 << 20)
/* A process is held still for this long at most. */
#define FREEZE_MS 10000
#define PROCESS_MAX_BYTES ((uint64_t)4 << 30)
#define TOTAL_MAX_BYTES ((uint64_t)64 << 30)

/* The run over all processes. */
struct pass {
	struct memory *m;
	struct memory_areas areas; /* of the process in hand */
	struct buf chunk;
	uint64_t left;        /* of the whole budget */
	uint64_t processes, bytes, bad, omitted, untouched;
	uint64_t threads, registers;
	uint64_t frozen, thawed, refused; /* processes */
	uint64_t hidden, denied; /* not in the list of /proc; may not be read */
	int why;              /* why the first one may not */
};

/* One process. */
struct target {
	pid_t pid;
	int dir, mem, pagemap;
	int file;             /* of the area in hand, or a negative errno */
	uint64_t bad;         /* bytes that became the marker */
	int why;              /* first error */
	bool gone;
};

/* ${r->read} for a process: its memory file, else the system call. */
static ssize_t read_target(const struct memory_reader *r, uint64_t offset,
			   void *buf, size_t len)
{
	struct target *t = r->arg;
	struct iovec local = { buf, len };
	struct iovec remote = { (void *)(uintptr_t)offset, len };
	ssize_t n;

	if (t->gone)
		return 0;
	if (t->mem < 0) {
		n = process_vm_readv(t->pid, &local, 1, &remote, 1, 0);
		if (n < 0 && errno == ESRCH)
			t->gone = true;
		return n < 0 ? -errno : n;
	}
	n = memory_read_fd(r, offset, buf, len);
	/* Its end of file is the end of the address space's owner. */
	if (n == 0)
		t->gone = true;
	return n;
}

static void note_bad(const struct memory_reader *r, uint64_t address, size_t len,
		     int why)
{
	struct target *t = r->arg;

	(void)address;
	t->bad += len;
	if (t->why == 0)
		t->why = why;
}

static void mark_absent(uint8_t *buf, size_t len, enum memory_area_kind kind)
{
	static const char mark[] = "EVAC NOT MAPPED ";

	if (kind == AREA_ANONYMOUS) {
		memset(buf, 0, len);
		return;
	}
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)mark[i % (sizeof(mark) - 1)];
}

/* Is the page in the process?  Yes, when it cannot be known. */
static bool is_there(const uint64_t *entry, size_t have, size_t i)
{
	return i >= have || memory_areas_is_page(entry[i]);
}

/* Pages that are not in the process: those of a file in memory are in the file. */
static void fill_absent(struct target *t, const struct memory_area *a, uint64_t address,
			uint8_t *buf, size_t len)
{
	ssize_t n;

	mark_absent(buf, len, a->kind);
	if (a->kind != AREA_SHARED || t->file < 0)
		return;
	n = io_pread(t->file, buf, len, (off_t)(a->offset + (address - a->start)));
	/* Behind the file's end there is nothing. */
	if (n >= 0)
		memset(buf + n, 0, len - (size_t)n);
}

/* ${len} bytes at ${address}: runs of pages that are there, and that are not. */
static void read_chunk(struct memory *m, struct target *t, const struct memory_area *a,
		       uint64_t address, uint8_t *buf, size_t len)
{
	const struct memory_reader source = {
		.fd = t->mem, .page = m->page,
		.read = read_target, .bad = note_bad, .arg = t,
	};
	uint64_t entry[CHUNK_BYTES / 4096];
	size_t pages = len / m->page, have = 0;
	ssize_t n = 0;

	if (t->pagemap >= 0 && a->kind != AREA_WHOLE)
		n = io_pread(t->pagemap, entry, pages * sizeof(*entry),
			     (off_t)(address / m->page * sizeof(*entry)));
	if (n > 0)
		have = (size_t)n / sizeof(*entry);
	for (size_t i = 0, k; i < pages; i = k) {
		bool there = is_there(entry, have, i);
		size_t at = i * m->page;

		for (k = i + 1; k < pages && is_there(entry, have, k) == there; k++)
			;
		if (there)
			memory_read(&source, address + at, address + at, buf + at,
				    (k - i) * m->page);
		else
			fill_absent(t, a, address + at, buf + at, (k - i) * m->page);
	}
}

static int write_areas(struct pass *pass, struct target *t)
{
	struct memory *m = pass->m;
	int r = 0;

	for (size_t i = 0; r == 0 && i < pass->areas.count; i++) {
		const struct memory_area *a = &pass->areas.at[i];
		uint64_t at = a->start, end = a->start + a->taken;

		t->file = a->kind == AREA_SHARED && a->taken > 0 ?
			  memory_areas_open_file(t->dir, a) : -ENOENT;
		while (r == 0 && at < end) {
			size_t n = end - at < CHUNK_BYTES ? (size_t)(end - at) :
							   CHUNK_BYTES;

			read_chunk(m, t, a, at, pass->chunk.data, n);
			r = sink_write(m->sink, pass->chunk.data, n);
			at += n;
		}
		if (t->file >= 0)
			(void)close(t->file);
	}
	return r;
}

static int write_core(struct pass *pass, struct target *t)
{
	char path[48], detail[64];
	uint64_t content = memory_areas_bytes(&pass->areas);
	struct sink_entry e = {
		.path = path,
		.size = memory_areas_offset(&pass->areas, pass->m->page) + content,
	};
	int r;

	(void)snprintf(path, sizeof(path), "memory/process/%d.core", (int)t->pid);
	r = sink_begin(pass->m->sink, &e);
	if (r == 0)
		r = memory_areas_write(&pass->areas, pass->m->sink,
				       pass->m->page);
	if (r == 0)
		r = write_areas(pass, t);
	if (r == 0)
		r = sink_end(pass->m->sink);
	pass->processes++;
	pass->bytes += content;
	pass->left -= content;
	pass->bad += t->bad;
	if (r < 0 || t->bad == 0)
		return r;
	(void)snprintf(detail, sizeof(detail), "%" PRIu64 " bytes unreadable%s",
		       t->bad, t->gone ? ", process ended" : "");
	return sink_gap(pass->m->sink, path, t->why, detail);
}

/* Stop a process that has memory of its own, if that was asked for. */
static struct memory_freeze *stop(struct pass *pass, int dir, pid_t pid)
{
	struct memory_freeze *f;
	char line[8];

	/* The first process must be there for all others, always. */
	if (!pass->m->req->freeze || pid == 1 ||
	    io_read_file(dir, "maps", line, sizeof(line)) == 0)
		return NULL;
	if (memory_freeze_begin(&f, dir, pid, FREEZE_MS) == 0)
		return f;
	pass->refused++;
	return NULL;
}

static void let_go(struct pass *pass, struct memory_freeze *f)
{
	if (f == NULL)
		return;
	if (memory_freeze_end(f))
		pass->frozen++;
	else
		pass->thawed++;
}

/* Its memory file was refused; the system call is asked for the first page. */
static bool may_read(struct target *t)
{
	AUTO_CLOSE int maps = openat(t->dir, "maps", O_RDONLY | O_CLOEXEC);
	struct procfs_map map;
	struct iovec local, remote;
	char line[512], byte;
	ssize_t n = maps >= 0 ? read(maps, line, sizeof(line)) : -1;
	const char *nl = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;

	if (maps < 0)
		return false;
	/* No memory: nothing that can be refused. */
	if (n == 0)
		return true;
	if (nl == NULL || procfs_parse_map(line, (size_t)(nl - line), &map) < 0)
		return false;
	local = (struct iovec){ &byte, 1 };
	remote = (struct iovec){ (void *)(uintptr_t)map.start, 1 };
	return process_vm_readv(t->pid, &local, 1, &remote, 1, 0) == 1;
}

/* The kernel does not let us: a gap says so, in place of a file of markers. */
static int deny(struct pass *pass, const struct target *t)
{
	const char *meaning = memory_report_process(&pass->m->probe, t->why);
	char name[32];

	/* It may have ended in the meantime. */
	if (t->why == -ESRCH || t->why == -ENOENT)
		return 0;
	if (pass->denied++ == 0)
		pass->why = t->why;
	(void)snprintf(name, sizeof(name), "proc/%d/mem", (int)t->pid);
	return sink_gap(pass->m->sink, name, t->why, meaning[0] != '\0' ? meaning + 2 : NULL);
}

static int take_process(struct pass *pass, pid_t pid)
{
	struct memory *m = pass->m;
	struct target t = { .pid = pid };
	struct memory_freeze *freeze;
	char name[24];
	int r;

	(void)snprintf(name, sizeof(name), "%d", (int)pid);
	AUTO_CLOSE int dir = openat(m->host->proc, name, O_RDONLY | O_DIRECTORY |
				    O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return 0; /* it ended before its turn */
	t.dir = dir;
	/* Opened first: it stays with this address space, whatever the pid does. */
	AUTO_CLOSE int mem = openat(dir, "mem", O_RDONLY | O_CLOEXEC);
	t.why = mem < 0 ? -errno : 0;
	AUTO_CLOSE int pagemap = openat(dir, "pagemap", O_RDONLY | O_CLOEXEC);
	t.mem = mem;
	t.pagemap = pagemap;
	if (mem < 0 && !may_read(&t))
		return deny(pass, &t);
	freeze = stop(pass, dir, pid);
	r = memory_areas_read(&pass->areas, &(struct memory_areas_source){
		.dir = dir, .pagemap = pagemap, .pid = pid, .page = m->page,
		.freeze = freeze,
		.budget = pass->left < PROCESS_MAX_BYTES ? pass->left :
							   PROCESS_MAX_BYTES,
	});
	pass->omitted += pass->areas.omitted;
	pass->untouched += pass->areas.untouched;
	pass->threads += pass->areas.notes.threads;
	pass->registers += pass->areas.notes.registers;
	if (r < 0 && r != -ESRCH && r != -ENOENT) {
		(void)snprintf(name, sizeof(name), "proc/%d/maps", (int)pid);
		r = sink_gap(m->sink, name, r, NULL);
	} else {
		/* Kernel threads and zombies have no memory of their own. */
		r = r < 0 || pass->areas.count == 0 ? 0 : write_core(pass, &t);
	}
	let_go(pass, freeze);
	return r;
}

static int take_all(struct pass *pass)
{
	AUTO_FREE struct memory_pid *list = calloc(MEMORY_PIDS_MAX, sizeof(*list));
	size_t count;
	int r = 0;

	if (list == NULL)
		return -ENOMEM;
	count = memory_pids_list(pass->m->host, list);
	for (size_t i = 0; r == 0 && i < count; i++) {
		pass->hidden += list[i].hidden;
		r = take_process(pass, list[i].pid);
	}
	return r;
}

static int pass_open(struct pass *pass, struct memory *m)
{
	int r;

	*pass = (struct pass){
		.m = m,
		.left = m->req->process_budget > 0 ? m->req->process_budget :
						     TOTAL_MAX_BYTES,
	};
	r = memory_areas_open(&pass->areas);
	return r < 0 ? r : buf_open(&pass->chunk, CHUNK_BYTES);
}

static void pass_close(struct pass *pass)
{
	buf_free(&pass->chunk);
	memory_areas_free(&pass->areas);
}

int memory_process_one(struct memory *m, pid_t pid)
{
	struct pass pass;
	int r = pass_open(&pass, m);

	if (r == 0)
		r = take_process(&pass, pid);
	pass_close(&pass);
	return r;
}

int memory_process_run(struct memory *m)
{
	struct pass pass;
	int r = pass_open(&pass, m);

	if (r == 0)
		r = take_all(&pass);
	(void)sink_note(m->sink, "process", "%" PRIu64 " processes, %" PRIu64
			" bytes, %" PRIu64 " unreadable, %" PRIu64
			" beyond the budget, %" PRIu64 " untouched",
			pass.processes, pass.bytes, pass.bad, pass.omitted,
			pass.untouched);
	if (m->req->freeze)
		(void)sink_note(m->sink, "process.freeze", "%" PRIu64 " held still, %"
				PRIu64 " let go before the end, %" PRIu64 " not to be "
				"stopped", pass.frozen, pass.thawed, pass.refused);
	/* Of those that run only the ones that wait in the kernel can be asked. */
	(void)sink_note(m->sink, "process.registers", "stack and program counter of %"
			PRIu64 " of %" PRIu64 " threads, the rest ran",
			pass.registers, pass.threads);
	if (pass.hidden > 0)
		(void)sink_note(m->sink, "process.hidden", "%" PRIu64
				" not in the list of /proc", pass.hidden);
	if (pass.denied > 0)
		(void)sink_note(m->sink, "process.denied", "%" PRIu64 ": %s%s", pass.denied,
				errname(pass.why), memory_report_process(&m->probe, pass.why));
	if (r == 0 && pass.omitted > 0)
		r = sink_gap(m->sink, "memory/process", -EFBIG,
			     "mappings beyond the budget left out");
	pass_close(&pass);
	return r == 0 && pass.denied > 0 && pass.processes == 0 ? pass.why : r;
}
