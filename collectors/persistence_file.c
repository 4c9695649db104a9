/*
 * persistence_file.c - files that make something run, and their rows.
 *
 * A file that is there but makes nothing run by any of its lines still is a
 * row where the form says that something reads it.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "persistence.h"
#include "scope.h"
#include "secrets.h"
#include "sink.h"
#include "table.h"
#include "take.h"

#define PATH_BYTES 4096u

static void put(struct json *j, const char *key, struct field f)
{
	if (f.len > 0)
		json_bytes(j, key, f.text, f.len);
}

static void put_runs(struct persistence *p, struct json *j, struct field runs)
{
	size_t n = runs.len < PERSISTENCE_LINE ? runs.len : PERSISTENCE_LINE, count = 0;

	if (p->masked != NULL) {
		count = secrets_mask(runs.text, n, p->masked, &n);
		runs.text = p->masked;
	}
	json_bytes(j, "runs", runs.text, n);
	if (count > 0)
		json_bool(j, "masked", true);
}

static void put_time(struct json *j, const char *key, const struct timespec *t)
{
	if (t->tv_sec != 0)
		json_i64(j, key, t->tv_sec);
}

int persistence_row(struct persistence *p, const struct persistence_row *row)
{
	struct json *j = table_row(p->table);
	char mode[8];

	json_str(j, "kind", p->kind);
	json_bytes(j, "path", p->path, strlen(p->path));
	if (row->line > 0)
		json_u64(j, "line_number", row->line);
	if (p->unit != NULL)
		json_bytes(j, "unit", p->unit, strlen(p->unit));
	put(j, "name", row->name);
	if (row->runs.len > 0)
		put_runs(p, j, row->runs);
	put(j, "schedule", row->schedule);
	if (row->user.len > 0)
		put(j, "user", row->user);
	else if (p->user != NULL)
		json_bytes(j, "user", p->user, strlen(p->user));
	if (p->enabled != ENABLED_UNKNOWN)
		json_bool(j, "enabled", p->enabled == ENABLED_YES);
	json_u64(j, "uid", p->attr.uid);
	json_u64(j, "gid", p->attr.gid);
	(void)snprintf(mode, sizeof(mode), "%04o", p->attr.mode & 07777u);
	json_str(j, "mode", mode);
	put_time(j, "mtime", &p->attr.mtime);
	put_time(j, "ctime", &p->attr.ctime);
	put_time(j, "btime", &p->attr.btime);
	p->rows++;
	return table_row_end(p->table);
}

static int line(void *arg, char *text, size_t len, unsigned number)
{
	struct persistence *p = arg;
	struct persistence_row row = { .line = number };
	bool goes_on = len > 0 && text[len - 1] == '\\' && p->form != FORM_KEYS;

	if (goes_on || p->joined_len > 0) {
		size_t n = len - goes_on;

		if (p->joined_len == 0)
			p->joined_line = number;
		if (n > PERSISTENCE_LINE - p->joined_len)
			n = PERSISTENCE_LINE - p->joined_len;
		memcpy(p->joined + p->joined_len, text, n);
		p->joined_len += n;
		if (goes_on)
			return 0;
		text = p->joined;
		len = p->joined_len;
		p->joined_len = 0;
		row.line = p->joined_line;
	}
	if (!persistence_line(p->form, text, len, &row))
		return 0;
	return persistence_row(p, &row);
}

/* Links that lead nowhere, or to /dev/null (a masked unit), are rows, too. */
static int look_at(struct persistence *p)
{
	AUTO_CLOSE int fd = tree_open_file(p->take->tree, p->path, &p->attr);

	return fd < 0 ? fd : 0;
}

int persistence_file(struct persistence *p, enum persistence_form form)
{
	struct persistence_row whole = { .line = 0 };
	int r = look_at(p);

	if (r == -ENOENT || r == -ENOTDIR || r == -EISDIR || r == -EINVAL || r == -ELOOP)
		return 0;
	if (r < 0)
		return sink_gap(p->take->sink, p->path, r, "not parsed");
	p->form = form;
	p->rows = 0;
	p->joined_len = 0;
	if (form == FORM_FILE) {
		int before = p->enabled;

		p->enabled = (p->attr.mode & 0111) != 0 ? ENABLED_YES : ENABLED_NO;
		r = persistence_row(p, &whole);
		p->enabled = before;
		return r;
	}
	if (form != FORM_READ)
		r = take_lines(p->take, p->path, line, p);
	if (r == 0 && p->rows == 0 && (form == FORM_READ || form == FORM_UNIT))
		r = persistence_row(p, &whole);
	return r;
}

bool persistence_first(struct persistence *p, int dir, const char *what)
{
	struct attr a;
	char key[256];

	if (attr_get(dir, "", false, &a) < 0)
		return true;
	(void)snprintf(key, sizeof(key), "%llx:%llx:%s", (unsigned long long)a.device,
		       (unsigned long long)a.inode, what);
	return taken_add(&p->seen, key);
}

int persistence_dir(struct persistence *p, const char *dir, const char *pattern,
		    enum persistence_form form)
{
	AUTO_CLOSEDIR DIR *d = tree_open_dir(p->take->tree, dir);
	char path[PATH_BYTES];
	struct dirent *e;
	int r = 0;

	if (d == NULL)
		return errno == ENOENT || errno == ENOTDIR ? 0 :
		       sink_gap(p->take->sink, dir, -errno, NULL);
	if (!persistence_first(p, dirfd(d), pattern))
		return 0;
	while (r == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    fnmatch(pattern, e->d_name, 0) != 0 ||
		    snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path))
			continue;
		p->path = path;
		if (form == FORM_CRONTAB) /* its name is the user's */
			p->user = e->d_name;
		r = persistence_file(p, form);
	}
	p->path = NULL;
	p->user = NULL;
	return r;
}
