/* test_memory_lime.c - LiME streams, whole, cut anywhere and lying, without the module. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "collector.h"
#include "io.h"
#include "lime.h"
#include "machine.h"
#include "memory.h"
#include "sink_list.h"

static struct host host;

#define STREAM_BYTES (RAM_BYTES + 2 * LIME_HEADER_BYTES)

static uint8_t *add_range(uint8_t *p, uint64_t start, uint64_t end)
{
	lime_header(p, start, end);
	p += LIME_HEADER_BYTES;
	for (uint64_t a = start; a <= end; a++)
		*p++ = a >= 0x9000 && a <= LOW_END ? 0 : machine_content(a);
	return p;
}

/* The record of pieces must name each covered byte once. */
static bool pieces_agree(const struct memory *m)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < m->piece_count; i++)
		sum += m->pieces[i].range.end - m->pieces[i].range.start + 1;
	return sum == ranges_bytes(&m->covered);
}

/* Holes of the last run. */
static uint64_t last_partial;
static struct range last_doubt;

static bool first; /* take what makes the rest readable by kcore before it */

/* Let the stream be taken, and then kcore; ${kcore}: is there one? */
static int take_stream(struct sink *s, const void *data, size_t len, bool kcore)
{
	static const struct collector_request req = { .memory = MEMORY_LIME };
	struct memory m = { .iomem = (char *)(uintptr_t)machine_iomem, .iomem_len = strlen(machine_iomem),
		.host = &host, .req = &req, .sink = s, .kcore = -EPERM, .kpageflags = -ENOENT, .dev = { -ENOENT, -ENOENT },
		.page = 4096, .piece_bytes = 65536, .piece_cap = 4096,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	FILE *f = tmpfile();
	int r;

	if (f == NULL || io_write(fileno(f), data, len) < 0)
		abort();
	(void)lseek(fileno(f), 0, SEEK_SET);
	m.pieces = calloc(m.piece_cap, sizeof(*m.pieces));
	(void)ranges_open(&m.ram, 64);
	(void)ranges_open(&m.covered, 64);
	for (unsigned i = 0; i < HOLE_KINDS; i++)
		(void)ranges_open(&m.holes[i], 64);
	(void)ranges_parse_iomem(&m.ram, machine_iomem, strlen(machine_iomem));
	if (kcore)
		memory_kcore_open(&m);
	if (first)
		memory_flags_open(&m);
	r = first ? memory_pull_first(&m) : 0;
	if (r == 0)
		r = memory_lime_stream(&m, fileno(f), 100);
	memory_flags_close(&m);
	if (r == 0)
		r = memory_pull_run(&m, METHOD_KCORE);
	if (r == 0 && !pieces_agree(&m))
		r = -EBADMSG;
	last_partial = ranges_bytes(&m.holes[HOLE_PARTIAL]);
	last_doubt = m.holes[HOLE_DOUBTFUL].count == 1 ? m.holes[HOLE_DOUBTFUL].at[0] :
							(struct range){ 0 };
	memory_kcore_close(&m);
	ranges_free(&m.ram);
	ranges_free(&m.covered);
	for (unsigned i = 0; i < HOLE_KINDS; i++)
		ranges_free(&m.holes[i]);
	free(m.pieces);
	(void)fclose(f);
	return r;
}

static void test_stream_cuts(const uint8_t *p)
{
	unsigned bad = 0, runs = 0;

	/* Both headers byte by byte, the rest in odd steps. */
	for (size_t cut = 0; cut < STREAM_BYTES; runs++) {
		struct sink *s = machine_sink();
		struct machine_image im;

		bad += take_stream(s, p, cut, true) != 0;
		machine_image(&im, s);
		bad += !machine_covers(&im) || im.marked != 0;
		ranges_free(&im.ranges);
		sink_list_free(s);
		cut += cut < 40 || (cut > 0x8c00 && cut < 0x8c50) ? 1 : 7919;
	}
	CHECK(bad == 0, "a stream cut in %u places: kcore fills all of it (%u bad)",
	      runs, bad);
}

static void test_stream(void)
{
	uint8_t *p = malloc(STREAM_BYTES + 4096), *end;
	struct sink *s = machine_sink();
	struct machine_image im;

	if (p == NULL)
		abort();
	end = add_range(add_range(p, LOW_START, LOW_END), HIGH_START, HIGH_END);
	CHECK(take_stream(s, p, (size_t)(end - p), false) == 0, "a whole stream");
	machine_image(&im, s);
	CHECK(machine_covers(&im) && im.marked == 0, "becomes pieces of the same bytes");
	CHECK(machine_note_is(s, "lime", "used, complete"), "and is noted so");
	CHECK(last_partial == 0xc00, "the page that is not whole is a hole");
	ranges_free(&im.ranges);
	sink_list_free(s);

	test_stream_cuts(p);

	s = machine_sink();
	CHECK(take_stream(s, p, 0x8c40 + 0x12345, false) == 0, "cut, and no kcore");
	machine_image(&im, s);
	CHECK(im.whole && im.wrong == 0 && im.marked > 0 &&
	      !ranges_has(&im.ranges, HIGH_START, HIGH_END),
	      "the piece that was begun ends in the marker");
	CHECK(machine_note_is(s, "lime", "failed: stream ended early"), "noted as cut");
	ranges_free(&im.ranges);
	sink_list_free(s);

	p[0x8c00 + LIME_HEADER_BYTES + 3] ^= 1;
	s = machine_sink();
	CHECK(take_stream(s, p, (size_t)(end - p), true) == 0, "a bad second header");
	machine_image(&im, s);
	CHECK(machine_covers(&im) && machine_note_is(s, "lime", "failed: stream out of step"),
	      "the rest comes from kcore");
	ranges_free(&im.ranges);
	sink_list_free(s);
	free(p);
}

/* The run may be cut: the kernel's image and page tables do not wait for their turn. */
static void test_stream_first(void)
{
	static uint64_t flags[(HIGH_END + 1) / 4096];
	uint8_t *p = malloc(STREAM_BYTES);
	struct machine_image im;
	struct sink *s;
	uint8_t *end;

	if (p == NULL)
		abort();
	flags[0x155000 / 4096] = 1u << 26;
	machine_file("proc/kpageflags", flags, sizeof(flags));
	end = add_range(add_range(p, LOW_START, LOW_END), HIGH_START, HIGH_END);
	first = true;
	for (size_t i = 0; i < 4; i++) {
		static const size_t ends[] = { STREAM_BYTES, 0x9000, 0x8c40 + 0x12345, 0x8c40 + 0x38000 };

		s = machine_sink();
		CHECK(take_stream(s, p, ends[i], true) == 0, "kcore first, then a stream of %zu bytes",
		      ends[i]);
		machine_image(&im, s);
		CHECK(machine_covers(&im) && im.marked == 0, "one image of all");
		CHECK(strcmp(sink_list_at(s, 0)->path, "memory/0000000000110000.lime") == 0 &&
		      strcmp(sink_list_at(s, 1)->path, "memory/0000000000150000.lime") == 0,
		      "the kernel's image and the page tables are there before LiME begins");
		ranges_free(&im.ranges);
		sink_list_free(s);
	}
	first = false;
	machine_drop("proc/kpageflags");
	(void)end;
	free(p);
}

static void test_stream_lies(void)
{
	uint8_t *p = malloc(STREAM_BYTES + 8192), *end;
	struct sink *s = machine_sink();
	struct machine_image im;

	if (p == NULL)
		abort();
	end = add_range(p, LOW_START + 0x800, LOW_END);
	end = add_range(end, 0x20000, 0x20fff);
	end = add_range(end, HIGH_START, HIGH_END);
	CHECK(take_stream(s, p, (size_t)(end - p), true) == 0,
	      "ranges off a page, and outside of RAM");
	machine_image(&im, s);
	CHECK(machine_covers(&im) && machine_note_is(s, "lime.skipped", "37888 bytes"),
	      "are not taken from the stream");
	ranges_free(&im.ranges);
	sink_list_free(s);
	free(p);
}

/* What a signal does to LiME: it leaves a range and goes on with the next. */
static void test_stream_skips(void)
{
	uint8_t *p = malloc(STREAM_BYTES);
	struct sink *s = machine_sink();
	uint8_t *end;

	if (p == NULL)
		abort();
	(void)add_range(p, LOW_START, LOW_END);
	end = add_range(p + LIME_HEADER_BYTES + 0x4000, HIGH_START, HIGH_END);
	CHECK(take_stream(s, p, (size_t)(end - p), true) == 0, "a range left early");
	CHECK(last_doubt.start == 0x5000 && last_doubt.end == LOW_END,
	      "the bytes behind a header that stands inside a range are doubtful");
	sink_list_free(s);
	free(p);
}

static void test_stall(void)
{
	struct sink *s = machine_sink();
	struct memory m = { .host = &host, .sink = s, .kcore = -EPERM, .kpageflags = -ENOENT,
			    .dev = { -ENOENT, -ENOENT }, .page = 4096,
			    .piece_bytes = 65536 };
	int fds[2];

	if (pipe(fds) < 0)
		abort();
	CHECK(memory_lime_stream(&m, fds[0], 50) == 0 &&
	      machine_note_is(s, "lime", "failed: no byte for too long"), "a stream that stalls");
	(void)close(fds[0]);
	(void)close(fds[1]);
	sink_list_free(s);
}

/* Not a module: the kernel, or our rights, refuse it, and nothing hangs. */
static void test_loader(void)
{
	struct memory_loader *l;
	char c;
	int fd, r = memory_loader_open(&l, &fd, "garbage", 7);

	CHECK(r == 0, "a loader starts");
	if (r < 0)
		return;
	CHECK(read(fd, &c, 1) == 0, "its stream ends when init_module() has returned");
	(void)close(fd);
	CHECK(memory_loader_close(l) < 0, "and the error is known");
}

int main(void)
{
	machine_open(&host);
	test_stream();
	test_stream_first();
	test_stream_lies();
	test_stream_skips();
	test_stall();
	test_loader();
	machine_close(&host);
	return CHECK_DONE();
}
