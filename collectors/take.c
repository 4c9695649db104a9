/*
 * take.c - files of the host that a collector names.
 */
#include "take.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector.h"
#include "attr.h"
#include "host.h"
#include "lines.h"
#include "scope.h"
#include "sink.h"
#include "table.h"

#define PATH_MAX_BYTES 4096u
#define LINE_BYTES ((size_t)64 << 10)
#define LINES_BYTES_MAX ((uint64_t)64 << 20)

int take_open(struct take *t, const struct host *host, const struct collector_request *req,
	      struct sink *sink, const struct tree_limits *limits, const char *name)
{
	struct tree_limits own = *limits;
	char table[64] = "files"; /* the first that there was has the plain name */
	int r;

	*t = (struct take){ .sink = sink, .name = name };
	own.mask = own.mask && !req->with_secrets;
	t->mask = own.mask;
	own.taken = req->taken;
	if (strcmp(name, "log") != 0)
		(void)snprintf(table, sizeof(table), "files_%s", name);
	r = table_open(&t->files, sink, table);
	if (r == 0)
		r = tree_open(&t->tree, host, sink, t->files, &own);
	return r;
}

int take_path(struct take *t, const char *path)
{
	return tree_take(t->tree, path);
}

int take_paths(struct take *t, const char *const *paths, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = tree_take(t->tree, paths[i]);
	return r;
}

int take_matching(struct take *t, const char *dir, const char *const *patterns, size_t count)
{
	AUTO_CLOSEDIR DIR *d = tree_open_dir(t->tree, dir);
	char path[PATH_MAX_BYTES];
	struct dirent *e;
	int r = 0;

	if (d == NULL && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (d == NULL)
		return sink_gap(t->sink, dir, -errno, NULL);
	while (r == 0 && (e = readdir(d)) != NULL) {
		bool fits = false;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		for (size_t i = 0; i < count && !fits; i++)
			fits = fnmatch(patterns[i], e->d_name, 0) == 0;
		if (!fits)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path))
			r = sink_gap(t->sink, dir, -ENAMETOOLONG, NULL);
		else
			r = tree_take(t->tree, path);
	}
	return r;
}

int take_lines(struct take *t, const char *path, take_line *fn, void *arg)
{
	AUTO_FREE char *buf = malloc(LINE_BYTES);
	struct attr a;
	AUTO_CLOSE int fd = buf == NULL ? -ENOMEM : tree_open_file(t->tree, path, &a);
	uint64_t bytes = 0;
	unsigned number = 0;
	struct lines l;
	const char *line;
	size_t len;
	int r, more;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return sink_gap(t->sink, path, fd, "not parsed");
	lines_open(&l, fd, buf, LINE_BYTES, '\n');
	while ((more = lines_next(&l, &line, &len, NULL)) > 0) {
		bytes += len + 1;
		if (bytes > LINES_BYTES_MAX)
			return sink_gap(t->sink, path, -EFBIG, "only its beginning was parsed");
		r = fn(arg, buf + (line - buf), len, ++number);
		if (r < 0)
			return r;
	}
	return more < 0 ? sink_gap(t->sink, path, more, "not parsed to its end") : 0;
}

static int notes(struct take *t)
{
	const struct tree_counts *c = tree_count(t->tree);
	const struct { const char *key; uint64_t value; bool always; } all[] = {
		{ "entries", c->entries, true },
		{ "files", c->files, true },
		{ "bytes", c->bytes, true },
		{ "access_times_touched", c->touched, true },
		{ "not_entered", c->skipped, true },
		{ "files_masked", c->masked, false },
		{ "files_withheld", c->withheld, false },
	};
	char key[64];
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(all) && r == 0; i++) {
		if (!all[i].always && all[i].value == 0)
			continue;
		(void)snprintf(key, sizeof(key), "%s.%s", t->name, all[i].key);
		r = sink_note(t->sink, key, "%" PRIu64, all[i].value);
	}
	return r;
}

int take_close(struct take *t, int error)
{
	int end;

	if (error == 0 && t->tree != NULL)
		error = notes(t);
	tree_free(t->tree);
	end = table_close(t->files);
	return error < 0 ? error : end;
}
