/*
 * users_accounts.c - passwd(5), group(5), shadow(5) and sudoers(5) as tables.
 *
 * A line of another form becomes a row with the line itself: an odd one may be
 * the very one that matters.  Of a password there is its state and method.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fields.h"
#include "scope.h"
#include "table.h"
#include "take.h"
#include "users.h"

struct accounts {
	struct take *take;
	struct table *table;
	const char *source;
};

static void put(struct json *j, const char *key, struct field f)
{
	json_bytes(j, key, f.text, f.len);
}

/* A number, where it is one. */
static void put_number(struct json *j, const char *key, struct field f)
{
	int64_t v;

	if (fields_number(f, &v))
		json_i64(j, key, v);
	else if (f.len > 0)
		json_bytes(j, key, f.text, f.len);
}

static struct json *begin(struct accounts *a, const char *line, size_t len, unsigned number,
			  bool whole)
{
	struct json *j = table_row(a->table);

	json_str(j, "source", a->source);
	json_u64(j, "line_number", number);
	if (!whole)
		json_bytes(j, "line", line, len);
	return j;
}

static int user_line(void *arg, char *line, size_t len, unsigned number)
{
	struct accounts *a = arg;
	struct field f[7];
	size_t n = fields_split(line, len, ':', f, ARRAY_LEN(f));
	struct json *j;

	if (len == 0)
		return 0;
	j = begin(a, line, len, number, n == ARRAY_LEN(f));
	if (n < ARRAY_LEN(f))
		return table_row_end(a->table);
	put(j, "username", f[0]);
	/* "x": in shadow; anything else is a way in, or a hash. */
	json_str(j, "password", fields_equal(f[1], "x") ? "shadow" : f[1].len == 0 ? "empty" :
		 f[1].text[0] == '*' || f[1].text[0] == '!' ? "locked" : "here");
	put_number(j, "uid", f[2]);
	put_number(j, "gid", f[3]);
	put(j, "description", f[4]);
	put(j, "directory", f[5]);
	put(j, "shell", f[6]);
	return table_row_end(a->table);
}

static int group_line(void *arg, char *line, size_t len, unsigned number)
{
	struct field f[4], *members;
	struct accounts *a = arg;
	size_t n = fields_split(line, len, ':', f, ARRAY_LEN(f));
	struct json *j;

	if (len == 0)
		return 0;
	j = begin(a, line, len, number, n == ARRAY_LEN(f));
	if (n < ARRAY_LEN(f))
		return table_row_end(a->table);
	put(j, "groupname", f[0]);
	put_number(j, "gid", f[2]);
	json_array(j, "members");
	for (members = &f[3]; members->len > 0;) {
		struct field name[2];

		if (fields_split(members->text, members->len, ',', name, 2) < 2)
			name[1].len = 0;
		json_bytes(j, NULL, name[0].text, name[0].len);
		*members = name[1];
	}
	json_array_end(j);
	return table_row_end(a->table);
}

/* "$y$", "$6$", … or how the field looks. */
static void put_password(struct json *j, struct field hash)
{
	bool locked = hash.len > 0 && (hash.text[0] == '!' || hash.text[0] == '*');
	const char *dollar;

	while (hash.len > 0 && (hash.text[0] == '!' || hash.text[0] == '*')) {
		hash.text++;
		hash.len--;
	}
	json_str(j, "password_status", hash.len == 0 ? (locked ? "not_set" : "empty") :
		 locked ? "locked" : "active");
	if (hash.len == 0)
		return;
	dollar = hash.text[0] == '$' ? memchr(hash.text + 1, '$', hash.len - 1) : NULL;
	if (dollar != NULL && dollar - hash.text <= 10)
		json_bytes(j, "hash_alg", hash.text + 1, (size_t)(dollar - hash.text) - 1);
	else
		json_str(j, "hash_alg", "other");
}

static int shadow_line(void *arg, char *line, size_t len, unsigned number)
{
	static const char *const ages[] = { "last_change", "min", "max", "warning", "inactive", "expire" };
	struct accounts *a = arg;
	struct field f[9];
	size_t n = fields_split(line, len, ':', f, ARRAY_LEN(f));
	struct json *j;

	if (len == 0)
		return 0;
	/* A line of another form may be a hash by itself. */
	j = begin(a, "***", 3, number, n >= 2);
	if (n >= 2) {
		put(j, "username", f[0]);
		put_password(j, f[1]);
	}
	for (size_t i = 0; i < ARRAY_LEN(ages) && i + 2 < n; i++)
		put_number(j, ages[i], f[i + 2]);
	return table_row_end(a->table);
}

static int sudoers_line(void *arg, char *line, size_t len, unsigned number)
{
	struct field f = fields_trim((struct field){ line, len }), words[2];
	struct accounts *a = arg;
	struct json *j;

	if (f.len == 0 || (f.text[0] == '#' && !fields_begin(f, "#include")))
		return 0;
	if (fields_words(f.text, f.len, words, 2) < 2)
		words[1].len = 0;
	j = begin(a, line, len, number, true);
	put(j, "header", words[0]);
	json_bytes(j, "rule_details", words[1].text, words[1].len);
	return table_row_end(a->table);
}

static int sudoers_dir(struct accounts *a, const char *dir)
{
	AUTO_CLOSEDIR DIR *d = tree_open_dir(a->take->tree, dir);
	char path[512];
	struct dirent *e;
	int r = 0;

	while (d != NULL && r == 0 && (e = readdir(d)) != NULL) {
		/* sudo itself leaves out names with a dot or a tilde at the end. */
		if (strchr(e->d_name, '.') != NULL ||
		    snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path))
			continue;
		a->source = path;
		r = take_lines(a->take, path, sudoers_line, a);
	}
	return r;
}

static int table_of(struct take *t, struct table *table, const char *path, take_line *fn)
{
	struct accounts a = { .take = t, .table = table, .source = path };

	return take_lines(t, path, fn, &a);
}

static int sudoers(struct take *t, struct table *table)
{
	struct accounts a = { .take = t, .table = table };
	int r = table_of(t, table, "/etc/sudoers", sudoers_line);

	return r < 0 ? r : sudoers_dir(&a, "/etc/sudoers.d");
}

int users_accounts(struct take *t)
{
	struct table *users = NULL, *groups = NULL, *shadow = NULL, *sudo = NULL;
	struct table **all[] = { &users, &groups, &shadow, &sudo };
	int r = table_open(&users, t->sink, "users"), end;

	if (r == 0)
		r = table_open(&groups, t->sink, "groups");
	if (r == 0)
		r = table_open(&shadow, t->sink, "shadow");
	if (r == 0)
		r = table_open(&sudo, t->sink, "sudoers");
	if (r == 0)
		r = table_of(t, users, "/etc/passwd", user_line);
	if (r == 0)
		r = table_of(t, groups, "/etc/group", group_line);
	if (r == 0)
		r = table_of(t, shadow, "/etc/shadow", shadow_line);
	if (r == 0)
		r = sudoers(t, sudo);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		end = table_close(*all[i]);
		r = r < 0 ? r : end;
	}
	return r;
}
