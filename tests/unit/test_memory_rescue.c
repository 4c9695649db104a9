/* test_memory_rescue.c - sources that fail, hang or stop in the middle: everything else arrives. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "collector.h"
#include "io.h"
#include "lime.h"
#include "machine.h"
#include "memory.h"
#include "memory_watch.h"
#include "sink_list.h"

#define LIMIT_MS 400
#define CORE_OFFSET 0x1000u /* of physical 0 in machine.c's kcore */
#define KCORE 0u
#define DEVICE 1u

static struct host host;

/* Addresses at which a source fails, or hangs until the test is over. */
struct fault {
	int fd;             /* the source; -1: none */
	uint64_t shift;     /* file offset of physical 0 */
	uint64_t start, end;
	int why;            /* an errno; 0: it hangs */
};

static struct fault faults[2] = { { .fd = -1 }, { .fd = -1 } };
static atomic_bool over;
static atomic_uint reads, hanging;

static ssize_t faulty_pread(int fd, void *buf, size_t len, off_t offset)
{
	(void)atomic_fetch_add(&reads, 1);
	for (size_t i = 0; i < 2; i++) {
		const struct fault *f = &faults[i];
		uint64_t at = (uint64_t)offset - f->shift;

		if (f->fd != fd || at > f->end || at + len <= f->start)
			continue;
		if (f->why != 0) {
			errno = f->why;
			return -1;
		}
		(void)atomic_fetch_add(&hanging, 1);
		while (!atomic_load(&over))
			(void)usleep(1000);
		errno = EIO;
		return -1;
	}
	return pread(fd, buf, len, offset);
}

/* A file that holds the machine's memory, as a device would show it. */
static int make_device(void)
{
	FILE *f = tmpfile();
	int fd = f != NULL ? dup(fileno(f)) : -1;

	for (size_t at = 0; fd >= 0 && at <= HIGH_END; at += 4096) {
		uint8_t page[4096];

		for (size_t i = 0; i < sizeof(page); i++)
			page[i] = machine_content(at + i);
		if (io_write(fd, page, sizeof(page)) < 0)
			abort();
	}
	if (fd < 0)
		abort();
	(void)fclose(f);
	return fd;
}

/* A machine with kcore and, where ${device}, /dev/mem. */
static void begin(struct memory *m, struct sink *s, bool device)
{
	static const struct collector_request req = { .memory = MEMORY_AUTO };

	*m = (struct memory){
		.host = &host, .req = &req, .sink = s,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	atomic_store(&over, false);
	atomic_store(&hanging, 0);
	faults[0].fd = faults[1].fd = -1;
	if (memory_watch_open(&m->watch, faulty_pread, LIMIT_MS) < 0 ||
	    memory_state_open(m) < 0 || memory_state_ram(m) < 0)
		abort();
	m->piece_cap = 256;
	m->pieces = calloc(m->piece_cap, sizeof(*m->pieces));
	memory_kcore_open(m);
	if (device)
		m->dev[1] = make_device();
	if (m->kcore < 0 || m->pieces == NULL)
		abort();
}

static void fault(const struct memory *m, unsigned source, uint64_t start, uint64_t end, int why)
{
	faults[source] = (struct fault){
		.fd = source == KCORE ? m->kcore : m->dev[1],
		.shift = source == KCORE ? CORE_OFFSET : 0,
		.start = start, .end = end, .why = why,
	};
}

/* Take everything that is left, as the collector does, and look at the image. */
static void finish(struct memory *m, struct machine_image *im)
{
	struct ranges left = { 0 };
	int r = 0;

	(void)ranges_open(&left, 64);
	for (enum memory_method i = METHOD_KCORE; r == 0 && i < METHODS; i++)
		r = memory_pull_run(m, i);
	memory_summary_notes(m);
	if (r == 0)
		r = ranges_subtract(&left, &m->ram, &m->covered);
	if (r == 0)
		r = memory_record_write(m, &left);
	if (r == 0)
		r = memory_summary_gaps(m, &left);
	CHECK(r == 0 && left.count == 0, "it runs to its end");
	machine_image(im, m->sink);
	ranges_free(&left);
}

static void end(struct memory *m, struct machine_image *im)
{
	struct sink *s = m->sink;

	atomic_store(&over, true);
	ranges_free(&im->ranges);
	memory_state_close(m);
	sink_list_free(s);
}

static bool row(const struct memory *m, const char *start, const char *last, const char *method)
{
	const char *found = sink_list_row(m->sink, "memory/ranges.ndjson", start, last, method);

	if (found == NULL)
		printf("# %s\n", sink_list_find(m->sink, "memory/ranges.ndjson")->data);
	return found != NULL;
}

/* One page that kcore cannot read, which a device can. */
static void test_page(void)
{
	struct machine_image im;
	struct memory m;

	begin(&m, machine_sink(), true);
	fault(&m, KCORE, 0x143000, 0x143fff, EIO);
	finish(&m, &im);
	CHECK(machine_covers(&im) && im.marked == 0, "a page that fails comes by another method");
	CHECK(row(&m, "\"0x140000\"", "\"0x142fff\"", "\"kcore\"") &&
	      row(&m, "\"0x143000\"", "\"0x143fff\"", "\"dev_mem\"") &&
	      row(&m, "\"0x144000\"", "\"0x14ffff\"", "\"kcore\""),
	      "the record says which bytes came how");
	/* The page without a segment is the device's too. */
	CHECK(row(&m, "\"0x9000\"", "\"0x9bff\"", "\"dev_mem\"") && im.zeros == 0,
	      "and so does memory that kcore does not show");
	CHECK(machine_note_is(m.sink, "method", "kcore, rest dev_mem") &&
	      machine_note_is(m.sink, "bytes", "560128 of 560128 (lime 0, kcore 552960, "
			      "dev_crash 0, dev_mem 7168)") &&
	      machine_note_is(m.sink, "ranges.dev_mem", "0x9000-0x9bff, 0x143000-0x143fff") &&
	      machine_note_is(m.sink, "kcore.failed", "first EIO at 0x143000; 7168 bytes"),
	      "the manifest's notes as well");
	CHECK(sink_list_gaps(m.sink, "", NULL) == 0 && m.holes[HOLE_UNREADABLE].count == 0,
	      "there is no hole and no gap");
	end(&m, &im);
}

static void test_both_fail(void)
{
	struct machine_image im;
	struct memory m;

	begin(&m, machine_sink(), true);
	fault(&m, KCORE, 0x143000, 0x144fff, EFAULT);
	fault(&m, DEVICE, 0x144000, 0x145fff, EIO);
	finish(&m, &im);
	CHECK(machine_covers(&im) && im.marked > 0xe00 && im.marked <= 0x1000,
	      "a page that no method can read is the marker, its neighbours are not");
	CHECK(sink_list_row(m.sink, "memory/holes.ndjson", "\"0x144000\"", "\"0x144fff\"",
			    "unreadable") != NULL && m.read_error == -EFAULT,
	      "and one hole");
	end(&m, &im);
}

/* A method that fails from the middle on is not asked for every page. */
static void test_stops(void)
{
	struct machine_image im;
	struct memory m;

	begin(&m, machine_sink(), true);
	atomic_store(&reads, 0);
	atomic_store(&m.failing[METHOD_KCORE], 1u << 20);
	fault(&m, KCORE, 0, UINT64_MAX / 2, EIO);
	finish(&m, &im);
	CHECK(machine_covers(&im) && im.marked == 0, "a method that stopped: the next takes what is left");
	CHECK(atomic_load(&reads) < 20, "in %u reads", atomic_load(&reads));
	CHECK(machine_note_is(m.sink, "method", "dev_mem"), "and the notes say so");
	end(&m, &im);

	begin(&m, machine_sink(), true);
	fault(&m, KCORE, 0x138000, UINT64_MAX / 2, EIO);
	finish(&m, &im);
	CHECK(machine_covers(&im) && im.marked == 0, "kcore that fails from the middle on");
	CHECK(row(&m, "\"0x110000\"", "\"0x11ffff\"", "\"kcore\"") &&
	      row(&m, "\"0x150000\"", "\"0x15ffff\"", "\"dev_mem\""), "both had their part");
	end(&m, &im);
}

static void test_hang(bool device)
{
	struct machine_image im;
	struct memory m;

	begin(&m, machine_sink(), device);
	fault(&m, KCORE, 0x121000, 0x121fff, 0);
	finish(&m, &im);
	CHECK(machine_covers(&im) && im.marked <= (device ? 0u : 0x1000u),
	      "a read that hangs%s: all but its page arrives", device ? ", with a device" : "");
	CHECK(machine_note_is(m.sink, "reads_hung", device ? "1, left behind" : "6, left behind"),
	      "it is left behind, and said");
	if (!device)
		CHECK(sink_list_row(m.sink, "memory/holes.ndjson", "\"0x121000\"",
				    "\"0x121fff\"", NULL) != NULL, "its page is a hole");
	end(&m, &im);
}

/* A source that hangs wherever it is read must not cost a thread for each page. */
static void test_hangs_everywhere(void)
{
	struct machine_image im;
	struct memory m;

	begin(&m, machine_sink(), false);
	fault(&m, KCORE, 0, UINT64_MAX / 2, 0);
	finish(&m, &im);
	CHECK(machine_covers(&im) && im.marked > 0x80000, "a source that hangs everywhere ends");
	CHECK(atomic_load(&hanging) > 0 && atomic_load(&hanging) <= 16, "with %u threads lost", atomic_load(&hanging));
	end(&m, &im);
}

/* LiME's stream stops in the middle of a piece; kcore, which takes over, has a bad page there. */
static void test_lime_then_all(void)
{
	static uint8_t stream[0x20000];
	struct machine_image im;
	struct memory m;
	size_t len = LIME_HEADER_BYTES;
	FILE *f = tmpfile();

	begin(&m, machine_sink(), true);
	fault(&m, KCORE, 0x9000, 0x103fff, EIO);
	lime_header(stream, LOW_START, LOW_END);
	for (uint64_t a = LOW_START; a <= LOW_END; a++)
		stream[len++] = machine_content(a);
	lime_header(stream + len, HIGH_START, HIGH_END);
	len += LIME_HEADER_BYTES;
	for (uint64_t a = HIGH_START; a < HIGH_START + 0x2800; a++)
		stream[len++] = machine_content(a);
	if (f == NULL || io_write(fileno(f), stream, len) < 0)
		abort();
	(void)lseek(fileno(f), 0, SEEK_SET);
	CHECK(memory_lime_stream(&m, fileno(f), 100) == 0, "LiME stops in the middle");
	finish(&m, &im);
	CHECK(machine_covers(&im) && im.marked == 0 && im.zeros == 0, "three methods make one image");
	CHECK(row(&m, "\"0x1000\"", "\"0x9bff\"", "\"lime\"") &&
	      row(&m, "\"0x100000\"", "\"0x1027ff\"", "\"lime\"") &&
	      row(&m, "\"0x102800\"", "\"0x103fff\"", "\"dev_mem\"") &&
	      row(&m, "\"0x104000\"", "\"0x10ffff\"", "\"kcore\"") &&
	      row(&m, "\"0x110000\"", "\"0x11ffff\"", "\"kcore\""),
	      "and the record says who brought what");
	CHECK(machine_note_is(m.sink, "method", "lime, rest kcore, rest dev_mem"), "in short too");
	(void)fclose(f);
	end(&m, &im);
}

/* Every byte of RAM is in a row: that it came, or that it was not taken. */
static bool adds_up(const struct sink *s)
{
	static const char *const files[] = { "memory/ranges.ndjson", "memory/holes.ndjson" };
	struct ranges told = { 0 };
	uint64_t bytes = 0;
	bool ok;

	(void)ranges_open(&told, 64);
	for (size_t i = 0; i < 2; i++) {
		const struct sink_list_file *f = sink_list_find(s, files[i]);

		for (const char *p = f != NULL ? f->data : ""; *p != '\0'; p = strchr(p, '\n') + 1) {
			unsigned long start, last;

			if (sscanf(p, "{\"start\":\"0x%lx\",\"end\":\"0x%lx\"", &start, &last) != 2)
				abort();
			if (i == 1 && memmem(p, strcspn(p, "\n"), "run was over", 12) == NULL)
				continue;
			bytes += last - start + 1;
			(void)ranges_add(&told, start, last);
		}
	}
	ok = bytes == RAM_BYTES && ranges_has(&told, LOW_START, LOW_END) &&
	     ranges_has(&told, HIGH_START, HIGH_END);
	ranges_free(&told);
	return ok;
}

/* The deadline comes at any call: what is there is listed, what is not is said. */
static void test_deadline(void)
{
	static const struct collector_request req = { .memory = MEMORY_KCORE };
	static uint64_t flags[(HIGH_END + 1) / 4096];
	unsigned runs = 0, silent = 0, wrong = 0, late = 0;
	int r = -ETIME;

	flags[0x155000 / 4096] = 1u << 26;
	machine_file("proc/kpageflags", flags, sizeof(flags));
	for (unsigned long n = 1; r != 0; n++) {
		struct sink *s = machine_sink();
		const struct sink_list_file *kernel, *tables, *other;

		sink_list_fail_at(s, n, -ETIME);
		r = collector_memory.run(&host, &req, s);
		other = sink_list_find(s, "memory/0000000000170000.lime");
		tables = sink_list_find(s, "memory/0000000000150000.lime");
		kernel = sink_list_find(s, "memory/0000000000110000.lime");
		late += (tables != NULL && kernel == NULL) || (other != NULL && tables == NULL);
		if (r == -ETIME && sink_list_find(s, "memory/proc/kallsyms") != NULL) {
			runs++;
			silent += sink_list_row(s, "memory/holes.ndjson", "the run was over: deadline",
						NULL, NULL) == NULL && other == NULL;
			wrong += !adds_up(s);
		}
		sink_list_free(s);
	}
	CHECK(runs > 7 && silent == 0, "cut in %u places: what is missing is said", runs);
	CHECK(wrong == 0, "the two lists add up to all of RAM (%u do not)", wrong);
	CHECK(late == 0, "the kernel's image and page tables are never what is missing");
	machine_drop("proc/kpageflags");
}

int main(void)
{
	machine_open(&host);
	test_page();
	test_both_fail();
	test_stops();
	test_hang(true);
	test_hang(false);
	test_hangs_everywhere();
	test_lime_then_all();
	test_deadline();
	machine_close(&host);
	return CHECK_DONE();
}
