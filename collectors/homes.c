/*
 * homes.c - the home directories of the host's users.
 *
 * Many users may share one: it is visited once, as the first one's.
 */
#include "homes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fields.h"
#include "scope.h"
#include "sink.h"
#include "take.h"
#include "taken.h"

#define HOMES_MAX 20000u
#define PATH_BYTES 1024u

struct homes {
	struct take *take;
	homes_visit *fn;
	void *arg;
	struct taken seen;
	size_t count;
};

static int visit(struct homes *h, const char *user, const char *home)
{
	if (h->count == HOMES_MAX || !taken_add(&h->seen, home))
		return 0;
	if (++h->count == HOMES_MAX)
		return sink_gap(h->take->sink, home, -E2BIG, "more homes than are visited");
	return h->fn(h->arg, user, home);
}

static int passwd_line(void *arg, char *line, size_t len, unsigned number)
{
	char home[PATH_BYTES], user[PATH_BYTES];
	struct homes *h = arg;
	struct field f[7];

	(void)number;
	if (fields_split(line, len, ':', f, ARRAY_LEN(f)) < ARRAY_LEN(f))
		return 0;
	while (f[5].len > 1 && f[5].text[f[5].len - 1] == '/')
		f[5].len--;
	if (f[5].len < 2 || f[5].len >= sizeof(home) || f[5].text[0] != '/' ||
	    f[0].len >= sizeof(user))
		return 0;
	(void)snprintf(home, sizeof(home), "%.*s", (int)f[5].len, f[5].text);
	(void)snprintf(user, sizeof(user), "%.*s", (int)f[0].len, f[0].text);
	return visit(h, user, home);
}

int homes_each(struct take *t, homes_visit *fn, void *arg)
{
	AUTO_CLOSEDIR DIR *d = tree_open_dir(t->tree, "/home");
	struct homes h = { .take = t, .fn = fn, .arg = arg };
	char path[PATH_BYTES];
	struct dirent *e;
	int r;

	taken_open(&h.seen);
	r = take_lines(t, "/etc/passwd", passwd_line, &h);
	if (r == 0)
		r = visit(&h, NULL, "/root");
	while (r == 0 && d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' && strspn(e->d_name, ".") == strlen(e->d_name))
			continue;
		(void)snprintf(path, sizeof(path), "/home/%s", e->d_name);
		r = visit(&h, NULL, path);
	}
	taken_free(&h.seen);
	return r;
}
