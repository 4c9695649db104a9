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
#include "host.h"
#include "scope.h"
#include "sink.h"
#include "table.h"

#define PATH_MAX_BYTES 4096u

int take_open(struct take *t, const struct host *host, const struct collector_request *req,
	      struct sink *sink, const struct tree_limits *limits, const char *name)
{
	struct tree_limits own = *limits;
	char table[64] = "files"; /* the first that there was has the plain name */
	int r;

	*t = (struct take){ .sink = sink, .name = name };
	own.mask = own.mask && !req->with_secrets;
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
