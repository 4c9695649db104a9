/*
 * packages.c - what is installed, and which programs are no longer as they were.
 *
 * Takes the databases of dpkg and rpm.  dpkg's own MD5 sums are compared with
 * the programs and the modules of PAM; what differs is a row.  The sums lie on
 * the host: who changed a program may have changed its sum, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "collector.h"
#include "digest.h"
#include "fields.h"
#include "io.h"
#include "parse.h"
#include "scope.h"
#include "sink.h"
#include "table.h"
#include "take.h"

#define INFO "/var/lib/dpkg/info"
#define FILE_MAX_BYTES ((size_t)32 << 20)
#define CHECK_MAX ((uint64_t)2 << 30)
#define HEX (2 * DIGEST_MD5_BYTES)

struct packages {
	struct take *take;
	struct table *table;
	char package[256];
	uint8_t *buf; /* FILE_MAX_BYTES */
	uint64_t checked, differ, bytes;
};

static const char *const paths[] = {
	"/var/lib/dpkg/status", "/var/lib/dpkg/diversions", "/var/lib/dpkg/statoverride",
	"/var/lib/dpkg/arch", "/var/lib/apt/extended_states", "/etc/apt/sources.list",
	"/etc/apt/sources.list.d", "/etc/apt/trusted.gpg.d", "/etc/apt/preferences.d",
	"/var/lib/rpm", "/usr/lib/sysimage/rpm", "/etc/yum.repos.d", "/etc/pki/rpm-gpg",
	"/var/lib/dnf/history.sqlite", "/var/lib/yum/history", "/etc/os-release", "/usr/lib/os-release",
	"/etc/debian_version", "/etc/redhat-release", "/etc/system-release", "/lib/apk/db/installed",
	"/var/lib/snapd/state.json", "/etc/image-id",
};

static const struct tree_limits limits = {
	.depth = 16, .entries = 100000, .file_bytes = (uint64_t)512 << 20,
	.bytes = (uint64_t)2 << 30, .mask = true,
};

/* What an attacker would replace to stay. */
static bool is_program(struct field path)
{
	static const char *const places[] = {
		"bin/", "sbin/", "usr/bin/", "usr/sbin/", "usr/lib/systemd/", "lib/systemd/",
		"usr/lib/openssh/", "lib/x86_64-linux-gnu/", "usr/lib/x86_64-linux-gnu/security/",
		"lib/aarch64-linux-gnu/", "usr/lib/aarch64-linux-gnu/security/", "usr/libexec/",
	};

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (fields_begin(path, places[i]))
			return true;
	return false;
}

static int differs(struct packages *p, const char *path, const char *want, const char *have,
		   const struct attr *a)
{
	struct json *j = table_row(p->table);

	p->differ++;
	json_str(j, "package", p->package);
	json_bytes(j, "path", path, strlen(path));
	json_str(j, "status", have == NULL ? "missing" : "changed");
	json_bytes(j, "md5_expected", want, HEX);
	if (have != NULL) {
		json_str(j, "md5", have);
		json_u64(j, "size", a->size);
		json_i64(j, "mtime", a->mtime.tv_sec);
		json_i64(j, "ctime", a->ctime.tv_sec);
	}
	return table_row_end(p->table);
}

/* "md5  path", the path without its first slash. */
static int sum_line(void *arg, char *line, size_t len, unsigned number)
{
	struct field name = { line + HEX + 2, len > HEX + 2 ? len - HEX - 2 : 0 };
	uint8_t digest[DIGEST_MD5_BYTES];
	char path[4096], have[HEX + 1];
	struct packages *p = arg;
	struct attr a;
	ssize_t n;

	(void)number;
	if (name.len == 0 || line[HEX] != ' ' || !is_program(name) || name.len + 2 > sizeof(path))
		return 0;
	(void)snprintf(path, sizeof(path), "/%.*s", (int)name.len, name.text);
	AUTO_CLOSE int fd = tree_open_file(p->take->tree, path, &a);
	if (fd == -ENOENT)
		return differs(p, path, line, NULL, NULL);
	if (fd < 0)
		return sink_gap(p->take->sink, path, fd, "not compared");
	if (a.size > FILE_MAX_BYTES || p->bytes + a.size > CHECK_MAX)
		return sink_gap(p->take->sink, path, -EFBIG, "not compared: beyond the budget");
	n = io_pread(fd, p->buf, FILE_MAX_BYTES, 0);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (n < 0 || digest_md5(p->buf, (size_t)n, digest) < 0)
		return sink_gap(p->take->sink, path, n < 0 ? (int)n : -ENOMEM, "not compared");
	p->bytes += (uint64_t)n;
	p->checked++;
	parse_to_hex(have, digest, sizeof(digest));
	return memcmp(have, line, HEX) == 0 ? 0 : differs(p, path, line, have, &a);
}

static int check_all(struct packages *p)
{
	AUTO_CLOSEDIR DIR *d = tree_open_dir(p->take->tree, INFO);
	static const char ending[] = ".md5sums";
	char path[512];
	struct dirent *e;
	int r = 0;

	while (d != NULL && r == 0 && (e = readdir(d)) != NULL) {
		size_t len = strlen(e->d_name), end = sizeof(ending) - 1;

		if (len <= end || strcmp(e->d_name + len - end, ending) != 0)
			continue;
		(void)snprintf(path, sizeof(path), INFO "/%s", e->d_name);
		(void)snprintf(p->package, sizeof(p->package), "%.*s", (int)(len - end), e->d_name);
		r = take_lines(p->take, path, sum_line, p);
	}
	if (r == 0)
		r = sink_note(p->take->sink, "packages.files_compared", "%" PRIu64, p->checked);
	return r == 0 ? sink_note(p->take->sink, "packages.files_differ", "%" PRIu64, p->differ) : r;
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	AUTO_FREE uint8_t *buf = malloc(FILE_MAX_BYTES);
	struct packages p = { .buf = buf };
	struct take t;
	int r = take_open(&t, host, req, sink, &limits, "packages"), end;

	p.take = &t;
	if (buf == NULL)
		r = -ENOMEM;
	if (r == 0)
		r = table_open(&p.table, sink, "package_files");
	if (r == 0)
		r = check_all(&p);
	end = table_close(p.table);
	r = r < 0 ? r : end;
	if (r == 0)
		r = take_paths(&t, paths, ARRAY_LEN(paths));
	return take_close(&t, r);
}

const struct collector collector_packages = {
	.name = "packages",
	.group = "host",
	.reads = "databases of dpkg and rpm; programs that differ from dpkg's sums",
	.rank = RANK_STATE,
	.cost = COST_MEDIUM,
	.profile = PROFILE_DEFAULT,
	.budget_s = 180,
	.run = run,
};
