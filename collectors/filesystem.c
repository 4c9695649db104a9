/*
 * filesystem.c - what every file of the local file systems says of itself.
 *
 * Writes a body file of all of them, and a table of those that stand out:
 * setuid and with capabilities, immutable, executables that anyone may change
 * or that lie in places for temporary files, that changed lately, hidden
 * directories, devices outside /dev.  No file's bytes are read but for digests
 * of a few.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "attr.h"
#include "blob.h"
#include "bodyfile.h"
#include "collector.h"
#include "digest.h"
#include "notable.h"
#include "parse.h"
#include "scope.h"
#include "sink.h"
#include "table.h"
#include "tree.h"

#define LINE_BYTES BODYFILE_BYTES((size_t)16384 + 4096)
#define ROWS_MAX 100000u
#define DIGEST_MAX ((uint64_t)64 << 20)
#define DIGEST_ALL ((uint64_t)1 << 30)

struct filesystem {
	struct sink *sink;
	struct table *table;
	struct blob body;
	char *line;
	int64_t now_s;
	uint64_t rows, digested;
	bool full;
};

static const char *const reasons[] = {
	"setuid", "setgid", "capabilities", "immutable", "append_only", "writable_executable",
	"temporary_executable", "recent_executable", "hidden_directory", "device",
};

/* security.capability (include/uapi/linux/capability.h) in hexadecimal. */
static void put_capability(struct json *j, const uint8_t *data, size_t len)
{
	char hex[2 * NOTABLE_CAPABILITY_BYTES + 1];

	if (len == 0)
		return;
	parse_to_hex(hex, data, len);
	json_str(j, "capability", hex);
}

static void put_digest(struct filesystem *f, struct json *j, int fd, uint64_t size)
{
	uint8_t digest[DIGEST_BYTES];
	char hex[DIGEST_HEX];

	if (fd < 0 || size > DIGEST_MAX || f->digested + size > DIGEST_ALL ||
	    digest_file(fd, DIGEST_MAX, digest, NULL) < 0)
		return;
	f->digested += size;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	parse_to_hex(hex, digest, sizeof(digest));
	json_str(j, "sha256", hex);
}

static int row(struct filesystem *f, const struct tree_found *found, unsigned why, int fd,
	       const uint8_t *capability, size_t capability_len)
{
	const struct attr *a = found->attr;
	struct json *j = table_row(f->table);
	char text[32];

	json_bytes(j, "path", found->path, strlen(found->path));
	json_array(j, "reasons");
	for (unsigned i = 0; i < ARRAY_LEN(reasons); i++)
		if ((why >> i & 1) != 0)
			json_str(j, NULL, reasons[i]);
	json_array_end(j);
	(void)snprintf(text, sizeof(text), "%04o", a->mode & 07777u);
	json_str(j, "mode", text);
	json_u64(j, "uid", a->uid);
	json_u64(j, "gid", a->gid);
	json_u64(j, "size", a->size);
	json_u64(j, "inode", a->inode);
	json_i64(j, "mtime", a->mtime.tv_sec);
	json_i64(j, "ctime", a->ctime.tv_sec);
	if (a->btime.tv_sec != 0)
		json_i64(j, "btime", a->btime.tv_sec);
	put_capability(j, capability, capability_len);
	if ((why & ~(1u << NOTABLE_RECENT)) != 0)
		put_digest(f, j, fd, a->size);
	f->rows++;
	return table_row_end(f->table);
}

/* Executables are opened to ask for their capabilities: not waiting, not touching. */
static int open_executable(const struct tree_found *found)
{
	return openat(found->dir, found->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
		      O_NOATIME | O_CLOEXEC);
}

static int look(struct filesystem *f, const struct tree_found *found)
{
	const struct attr *a = found->attr;
	unsigned why = notable_reasons(found->path, a, f->now_s);
	bool executable = S_ISREG(a->mode) && (a->mode & 0111) != 0;
	AUTO_CLOSE int fd = executable ? open_executable(found) : -1;
	uint8_t capability[NOTABLE_CAPABILITY_BYTES];
	ssize_t len = fd < 0 ? 0 : fgetxattr(fd, "security.capability", capability, sizeof(capability));

	if (len > 0)
		why |= 1u << NOTABLE_CAPABILITIES;
	if (why == 0 || f->full)
		return 0;
	if (f->rows == ROWS_MAX) {
		f->full = true;
		return sink_gap(f->sink, "notable_files.ndjson", -E2BIG, "the rest is in the timeline only");
	}
	return row(f, found, why, fd, capability, len > 0 ? (size_t)len : 0);
}

static int visit(void *arg, const struct tree_found *found)
{
	struct filesystem *f = arg;
	const char *path = found->path[0] != '\0' ? found->path : "/";
	size_t n = bodyfile_line(f->line, path, strlen(path), found->target, found->target_len,
				 found->attr);
	int r = blob_write(&f->body, f->line, n);

	return r < 0 ? r : look(f, found);
}

static int notes(struct sink *sink, const struct tree *t, const struct filesystem *f)
{
	const struct tree_counts *c = tree_count(t);
	int r = sink_note(sink, "filesystem.entries", "%" PRIu64, c->entries);

	if (r == 0)
		r = sink_note(sink, "filesystem.not_entered", "%" PRIu64, c->skipped);
	return r == 0 ? sink_note(sink, "filesystem.notable", "%" PRIu64, f->rows) : r;
}

static int walk(struct filesystem *f, const struct host *host, bool all)
{
	struct tree_limits limits = {
		.depth = TREE_DEPTH, .entries = all ? 20000000 : 2000000,
		.visit = visit, .visit_arg = f,
	};
	struct tree *t = NULL;
	int r = tree_open(&t, host, f->sink, NULL, &limits);

	if (r == 0)
		r = tree_walk(t);
	if (r == 0)
		r = notes(f->sink, t, f);
	tree_free(t);
	return r;
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	AUTO_FREE char *line = malloc(LINE_BYTES);
	struct filesystem f = { .sink = sink, .line = line, .now_s = time(NULL) };
	int r, end;

	if (line == NULL)
		return -ENOMEM;
	r = table_open(&f.table, sink, "notable_files");
	if (r < 0)
		return r;
	r = blob_open(&f.body, sink, "timeline.body");
	if (r == 0) {
		r = walk(&f, host, req->profile == PROFILE_FULL);
		end = blob_close(&f.body);
		r = r < 0 ? r : end;
	}
	end = table_close(f.table);
	return r < 0 ? r : end;
}

const struct collector collector_filesystem = {
	.name = "filesystem",
	.group = "host",
	.reads = "times of every local file as a body file; setuid, hidden, changed lately",
	.rank = RANK_DISK,
	.cost = COST_HIGH,
	.profile = PROFILE_DEFAULT,
	.budget_s = 600,
	.run = run,
};
