/*
 * kernel_log.c - the kernel's log, as records and as text.
 *
 * Reads /dev/kmsg, where every reader has a position of its own: nothing is
 * taken away from others.  Reads to the end of what is there, not for ever: a
 * record newer than the start, or too many, ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "blob.h"
#include "host.h"
#include "kernel.h"
#include "procfs.h"
#include "scope.h"
#include "sink.h"
#include "table.h"

#define RECORD_BYTES ((size_t)16 << 10) /* the kernel's are 8 KiB at most */
#define RECORDS_MAX 1000000u

struct log_pass {
	struct sink *sink;
	struct table *table;
	struct blob text;
	uint64_t lost, malformed;
	uint64_t until_us; /* uptime at the start */
};

static int take(struct log_pass *p, const char *record, size_t len)
{
	struct procfs_kmsg k;
	char flags[2] = { 0 };
	struct json *j;
	int r;

	if (procfs_parse_kmsg(record, len, &k) < 0) {
		p->malformed++;
		return 0;
	}
	flags[0] = k.flags;
	j = table_row(p->table);
	json_u64(j, "sequence", k.sequence);
	json_u64(j, "timestamp_us", k.time_us);
	json_u64(j, "facility", k.facility);
	json_u64(j, "level", k.level);
	json_str(j, "flags", flags);
	json_bytes(j, "message", k.message, k.message_len);
	if (k.tags_len > 0)
		json_bytes(j, "tags", k.tags, k.tags_len);
	r = table_row_end(p->table);
	if (r == 0)
		r = blob_printf(&p->text, "[%5" PRIu64 ".%06" PRIu64 "] ",
				k.time_us / 1000000, k.time_us % 1000000);
	if (r == 0)
		r = blob_write(&p->text, k.message, k.message_len);
	if (r == 0)
		r = blob_write(&p->text, "\n", 1);
	/* One that came after us: the reader must not chase the writer. */
	return r == 0 && k.time_us > p->until_us ? 1 : r;
}

static int read_all(struct log_pass *p, int fd)
{
	AUTO_FREE char *record = malloc(RECORD_BYTES);
	int r = 0;

	if (record == NULL)
		return -ENOMEM;
	while (r == 0 && table_rows(p->table) < RECORDS_MAX) {
		ssize_t n = read(fd, record, RECORD_BYTES);

		if (n > 0)
			r = take(p, record, (size_t)n);
		else if (n == 0 || errno == EAGAIN)
			break;
		else if (errno == EPIPE) /* overwritten before it was read */
			p->lost++;
		else if (errno != EINTR)
			return sink_gap(p->sink, "dev/kmsg", -errno, NULL);
	}
	return r < 0 ? r : 0;
}

static int read_log(struct log_pass *p, const struct host *host)
{
	AUTO_CLOSE int fd = openat(host->root, "dev/kmsg", O_RDONLY | O_NONBLOCK |
				   O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	struct timespec now;
	int r;

	if (fd < 0)
		return sink_gap(p->sink, "dev/kmsg", -errno, NULL);
	/* The log's clock stops while the machine sleeps, and runs on its own. */
	if (clock_gettime(CLOCK_MONOTONIC, &now) == 0)
		p->until_us = (uint64_t)now.tv_sec * 1000000 + 5000000;
	r = read_all(p, fd);
	if (r == 0 && p->lost > 0)
		r = sink_gap(p->sink, "dev/kmsg", -EPIPE,
			     "records were overwritten while they were read");
	if (r == 0 && p->malformed > 0)
		r = sink_note(p->sink, "kernel.log_malformed", "%" PRIu64, p->malformed);
	return r;
}

int kernel_log_read(const struct host *host, struct sink *sink)
{
	struct log_pass p = { .sink = sink };
	int r = table_open(&p.table, sink, "kernel_log"), end;

	if (r < 0)
		return r;
	r = blob_open(&p.text, sink, "dmesg.txt");
	if (r == 0) {
		r = read_log(&p, host);
		end = blob_close(&p.text);
		if (r == 0)
			r = end;
	}
	end = table_close(p.table);
	return r < 0 ? r : end;
}
