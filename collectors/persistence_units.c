/*
 * persistence_units.c - systemd's units: what they run, and which are enabled.
 *
 * A unit is enabled by a link in a directory NAME.wants or NAME.requires of any
 * of the places where systemd looks (systemd.unit(5)); all of them are read
 * before the units themselves.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "persistence.h"
#include "scope.h"
#include "sink.h"
#include "take.h"
#include "taken.h"

#define PATH_BYTES 2048u

static const char *const system_places[] = {
	"/etc/systemd/system", "/etc/systemd/system.control", "/run/systemd/system",
	"/run/systemd/transient", "/run/systemd/generator", "/run/systemd/generator.early",
	"/run/systemd/generator.late", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
	"/lib/systemd/system",
};

static const char *const user_places[] = {
	"/etc/systemd/user", "/run/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user",
};

static const char *const home_places[] = { "/.config/systemd/user", "/.local/share/systemd/user" };

static const char *const endings[] = {
	"*.service", "*.timer", "*.path", "*.socket", "*.mount", "*.automount", "*.swap",
};

/* Also the name of its template: "a@b.service" enables "a@.service". */
static void enable(struct taken *enabled, const char *name)
{
	const char *at = strchr(name, '@'), *dot = strrchr(name, '.');
	char template[512];

	(void)taken_add(enabled, name);
	if (at == NULL || dot == NULL || dot < at)
		return;
	if (snprintf(template, sizeof(template), "%.*s@%s", (int)(at - name), name, dot) <
	    (int)sizeof(template))
		(void)taken_add(enabled, template);
}

static void enable_all(struct persistence *p, struct taken *enabled, const char *dir)
{
	AUTO_CLOSEDIR DIR *d = tree_open_dir(p->take->tree, dir);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			enable(enabled, e->d_name);
}

static int find_enabled(struct persistence *p, struct taken *enabled, const char *dir,
			const char *name)
{
	char path[PATH_BYTES];

	if ((fnmatch("*.wants", name, 0) == 0 || fnmatch("*.requires", name, 0) == 0) &&
	    snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path))
		enable_all(p, enabled, path);
	return 0;
}

static bool is_unit(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(endings); i++)
		if (fnmatch(endings[i], name, 0) == 0)
			return true;
	return false;
}

static int read_unit(struct persistence *p, struct taken *enabled, const char *dir,
		     const char *name)
{
	char path[PATH_BYTES], unit[256];
	size_t len = strlen(name);
	bool drop_in = len > 2 && strcmp(name + len - 2, ".d") == 0;
	int r;

	(void)snprintf(unit, sizeof(unit), "%.*s", (int)(drop_in ? len - 2 : len), name);
	if (!is_unit(unit) || snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return 0;
	p->unit = unit;
	p->enabled = taken_has(enabled, unit) ? ENABLED_YES : ENABLED_NO;
	p->path = path;
	if (drop_in) {
		const char *user = p->user;

		r = persistence_dir(p, path, "*.conf", FORM_UNIT);
		p->user = user;
	} else {
		r = persistence_file(p, FORM_UNIT);
	}
	p->unit = NULL;
	return r;
}

typedef int visit(struct persistence *p, struct taken *enabled, const char *dir, const char *name);

/* Each name in one of the places. */
static int each(struct persistence *p, struct taken *enabled, const char *dir, visit *fn)
{
	AUTO_CLOSEDIR DIR *d = tree_open_dir(p->take->tree, dir);
	struct dirent *e;
	int r = 0;

	if (d == NULL)
		return errno == ENOENT || errno == ENOTDIR ? 0 :
		       sink_gap(p->take->sink, dir, -errno, NULL);
	if (fn == read_unit && !persistence_first(p, dirfd(d), "units"))
		return 0;
	while (r == 0 && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			r = fn(p, enabled, dir, e->d_name);
	return r;
}

static int read_places(struct persistence *p, const char *before, const char *const *places,
		       size_t count)
{
	char dir[PATH_BYTES];
	struct taken enabled;
	int r = 0;

	taken_open(&enabled);
	for (unsigned pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < count && r == 0; i++) {
			if (snprintf(dir, sizeof(dir), "%s%s", before, places[i]) >= (int)sizeof(dir))
				continue;
			r = each(p, &enabled, dir, pass == 0 ? find_enabled : read_unit);
			if (r == 0 && pass == 1 && before[0] != '\0')
				r = take_path(p->take, dir);
		}
	taken_free(&enabled);
	return r;
}

int persistence_units(struct persistence *p, const char *home)
{
	int r;

	p->kind = "systemd_user";
	if (home != NULL)
		return read_places(p, home, home_places, ARRAY_LEN(home_places));
	p->kind = "systemd";
	r = read_places(p, "", system_places, ARRAY_LEN(system_places));
	p->kind = "systemd_user";
	return r < 0 ? r : read_places(p, "", user_places, ARRAY_LEN(user_places));
}
