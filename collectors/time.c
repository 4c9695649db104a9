/*
 * time.c - the host's clocks, and how far its time is from the world's.
 *
 * Reads all clocks at once, what the kernel says of its own discipline
 * (adjtimex, which sets nothing here), the clock source and the hardware
 * clock; asks Amazon Time Sync once, on an EC2 instance or when a server is named.  Without an answer that is a gap, after a
 * second.  The offset to the vault's clock is in the manifest, for the vault is
 * the agent's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "collector.h"
#include "ec2.h"
#include "io.h"
#include "parse.h"
#include "procfs.h"
#include "scope.h"
#include "sink.h"
#include "sntp.h"
#include "table.h"

#define WAIT_MS 1000
#define TEXT_BYTES 4096u
#define STAT_BYTES ((size_t)64 << 10)
#define LINK_BYTES 512u

static int64_t clock_ns(clockid_t id)
{
	struct timespec t = { 0 };

	(void)clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void add_clocks(struct json *j)
{
	int64_t real_ns = clock_ns(CLOCK_REALTIME), boot_ns = clock_ns(CLOCK_BOOTTIME);
	char utc[CLOCK_UTC_MAX];

	clock_utc((time_t)(real_ns / 1000000000), utc);
	json_i64(j, "realtime_ns", real_ns);
	json_str(j, "realtime_utc", utc);
	json_i64(j, "monotonic_ns", clock_ns(CLOCK_MONOTONIC));
	json_i64(j, "monotonic_raw_ns", clock_ns(CLOCK_MONOTONIC_RAW));
	json_i64(j, "boottime_ns", boot_ns);
	json_i64(j, "tai_ns", clock_ns(CLOCK_TAI));
	json_i64(j, "booted_at", (real_ns - boot_ns) / 1000000000);
}

/* include/uapi/linux/timex.h */
static void add_discipline(struct json *j)
{
	static const char *const states[] = {
		"ok", "insert_leap_second", "delete_leap_second", "leap_second",
		"leap_second_over", "error",
	};
	struct timex t;
	int state;

	memset(&t, 0, sizeof(t));
	state = adjtimex(&t);
	if (state < 0)
		return;
	json_str(j, "kernel_state", (size_t)state < ARRAY_LEN(states) ? states[state] : "");
	json_bool(j, "synchronised", (t.status & STA_UNSYNC) == 0);
	json_hex(j, "status", (unsigned)t.status);
	json_i64(j, "kernel_offset_ns", (t.status & STA_NANO) != 0 ? (int64_t)t.offset
								     : (int64_t)t.offset * 1000);
	/* parts per million, with 16 bits behind the point */
	json_i64(j, "frequency_ppb", (int64_t)t.freq * 1000 / 65536);
	json_i64(j, "max_error_us", t.maxerror);
	json_i64(j, "estimated_error_us", t.esterror);
	json_i64(j, "tai_offset_s", t.tai);
}

static void add_text(struct json *j, const char *key, int dir, const char *name)
{
	char text[TEXT_BYTES];
	ssize_t n = io_read_file(dir, name, text, sizeof(text));

	if (n > 0)
		json_bytes(j, key, text, (size_t)n - (text[n - 1] == '\n'));
}

static void add_boot(struct json *j, const struct host *host)
{
	AUTO_FREE char *text = malloc(STAT_BYTES);
	uint64_t boot_s;
	ssize_t n;

	if (text == NULL)
		return;
	n = io_read_file(host->proc, "stat", text, STAT_BYTES);
	if (n == -EFBIG)
		n = (ssize_t)STAT_BYTES - 1;
	if (n > 0 && procfs_parse_btime(text, (size_t)n, &boot_s) == 0)
		json_u64(j, "boot_time", boot_s);
}

static void add_zone(struct json *j, const struct host *host)
{
	char link[LINK_BYTES];
	ssize_t n = readlinkat(host->root, "etc/localtime", link, sizeof(link));

	if (n > 0)
		json_bytes(j, "localtime", link, (size_t)n);
	add_text(j, "timezone", host->root, "etc/timezone");
}

static void add_hardware(struct json *j, const struct host *host)
{
	char text[32];
	uint64_t s;
	ssize_t n = io_read_file(host->sys, "class/rtc/rtc0/since_epoch", text, sizeof(text));

	if (n > 1 && parse_u64(text, (size_t)n - (text[n - 1] == '\n'), 10, &s) == 0)
		json_u64(j, "hardware_time", s);
	add_text(j, "clock_source", host->sys,
		 "devices/system/clocksource/clocksource0/current_clocksource");
	add_text(j, "clock_sources", host->sys,
		 "devices/system/clocksource/clocksource0/available_clocksource");
}

static int add_server(struct json *j, struct sink *sink, const char *server)
{
	struct sntp_answer a;
	char reference[9];
	int r;

	if (server == NULL || strcmp(server, "none") == 0)
		return sink_note(sink, "time.server", "not asked");
	r = sntp_ask(server, WAIT_MS, &a);
	if (r < 0)
		return sink_gap(sink, "time/server", r, "the time server does not answer");
	parse_to_hex(reference, a.reference, sizeof(a.reference));
	json_str(j, "server", server);
	json_i64(j, "server_offset_us", a.offset_us);
	json_i64(j, "server_delay_us", a.delay_us);
	json_u64(j, "server_stratum", a.stratum);
	json_str(j, "server_reference", reference);
	r = sink_note(sink, "time.server", "%s", server);
	return r == 0 ? sink_note(sink, "time.offset_us", "%lld", (long long)a.offset_us) : r;
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	struct table *t;
	const char *server = req->time_server;
	struct json *j;
	int r = table_open(&t, sink, "clocks"), end;

	if (r < 0)
		return r;
	if (server == NULL && ec2_is(host))
		server = SNTP_AMAZON;
	j = table_row(t);
	add_clocks(j);
	add_discipline(j);
	add_boot(j, host);
	add_hardware(j, host);
	add_zone(j, host);
	r = add_server(j, sink, server);
	end = table_row_end(t);
	if (r == 0)
		r = end;
	end = table_close(t);
	return r < 0 ? r : end;
}

const struct collector collector_time = {
	.name = "time",
	.group = "volatile",
	.reads = "the clocks, how they are disciplined, and their offset to Amazon Time Sync",
	.rank = RANK_KERNEL,
	.cost = COST_LOW,
	.profile = PROFILE_FAST,
	.budget_s = 10,
	.run = run,
};
