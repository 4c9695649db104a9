/*
 * users_logins.c - who logged in: utmp, wtmp, btmp, lastlog, systemd-logind.
 *
 * Records that were wiped to zero stay rows: that they were is a finding.
 * lastlog is as long as the largest uid and mostly holes, which are left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "attr.h"
#include "fields.h"
#include "io.h"
#include "scope.h"
#include "sink.h"
#include "table.h"
#include "take.h"
#include "users.h"
#include "utmp.h"

#define RECORDS 256u
#define ROWS_MAX 1000000u
#define LASTLOG_UIDS 4294967295ull

static void put(struct json *j, const char *key, struct field f)
{
	if (f.len > 0)
		json_bytes(j, key, f.text, f.len);
}

static int login_row(struct table *table, const char *source, uint64_t number,
		     const struct utmp_record *u)
{
	struct json *j = table_row(table);

	json_bytes(j, "source", source, strlen(source));
	json_u64(j, "record", number);
	json_i64(j, "type", u->type);
	json_str(j, "type_name", utmp_type(u->type));
	json_i64(j, "pid", u->pid);
	put(j, "username", u->user);
	put(j, "tty", u->line);
	put(j, "id", u->id);
	put(j, "host", u->host);
	if (u->address[0] != '\0')
		json_str(j, "address", u->address);
	json_i64(j, "time", u->time_s);
	json_i64(j, "time_us", u->time_us);
	json_i64(j, "session", u->session);
	json_i64(j, "exit_code", u->exit_code);
	json_i64(j, "exit_signal", u->exit_termination);
	return table_row_end(table);
}

static int logins_of(struct take *t, struct table *table, const char *path)
{
	static const size_t room = (size_t)RECORDS * UTMP_BYTES_64;
	AUTO_FREE uint8_t *buf = malloc(room);
	struct attr a;
	AUTO_CLOSE int fd = buf == NULL ? -ENOMEM : tree_open_file(t->tree, path, &a);
	struct utmp_record u;
	uint64_t number = 0;
	size_t size = 0;
	ssize_t n;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return sink_gap(t->sink, path, fd, "not parsed");
	for (off_t at = 0; (n = io_pread(fd, buf, size != 0 ? RECORDS * size : room, at)) > 0;
	     at += n) {
		if (size == 0) {
			size = utmp_size(buf, (size_t)n);
			n = n > (ssize_t)(RECORDS * size) ? (ssize_t)(RECORDS * size) : n;
		}
		for (size_t i = 0; i + size <= (size_t)n; i += size) {
			int r;

			utmp_parse(buf + i, size, &u);
			r = login_row(table, path, number++, &u);
			if (r < 0)
				return r;
		}
		if ((size_t)n % size != 0)
			return sink_gap(t->sink, path, -EINVAL, "its last record is not whole");
		if (number >= ROWS_MAX)
			return sink_gap(t->sink, path, -EFBIG, "only its beginning was parsed");
	}
	return n < 0 ? sink_gap(t->sink, path, (int)n, "not parsed to its end") : 0;
}

/* The rotated ones, too, unless they are compressed: those come as files. */
static int all_logins(struct take *t, struct table *table)
{
	AUTO_CLOSEDIR DIR *d = NULL;
	char path[512];
	struct dirent *e;
	int r = logins_of(t, table, "/run/utmp");

	d = tree_open_dir(t->tree, "/var/log");
	while (d != NULL && r == 0 && (e = readdir(d)) != NULL) {
		if ((fnmatch("wtmp*", e->d_name, 0) != 0 && fnmatch("btmp*", e->d_name, 0) != 0) ||
		    fnmatch("*.[gxbz]*", e->d_name, 0) == 0)
			continue;
		(void)snprintf(path, sizeof(path), "/var/log/%s", e->d_name);
		r = logins_of(t, table, path);
	}
	return r;
}

static int lastlog_row(struct table *table, uint64_t uid, const struct lastlog_record *l)
{
	struct json *j;

	if (l->time_s == 0 && l->line.len == 0 && l->host.len == 0)
		return 0;
	j = table_row(table);
	json_u64(j, "uid", uid);
	json_i64(j, "time", l->time_s);
	put(j, "tty", l->line);
	put(j, "host", l->host);
	return table_row_end(table);
}

static size_t lastlog_size(uint64_t bytes)
{
	if (bytes % LASTLOG_BYTES == 0 || bytes % LASTLOG_BYTES_64 != 0)
		return LASTLOG_BYTES;
	return LASTLOG_BYTES_64;
}

static int lastlog(struct take *t, struct table *table)
{
	static const char path[] = "/var/log/lastlog";
	uint8_t record[LASTLOG_BYTES_64];
	struct attr a;
	AUTO_CLOSE int fd = tree_open_file(t->tree, path, &a);
	size_t size, rows = 0;

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : sink_gap(t->sink, path, fd, "not parsed");
	size = lastlog_size(a.size);
	for (uint64_t uid = 0; uid < LASTLOG_UIDS; uid++) {
		off_t at = (off_t)(uid * size), data = lseek(fd, at, SEEK_DATA);
		struct lastlog_record l;
		int r;

		if (data < 0)
			return 0; /* holes to the end */
		if (data > at) {
			uid = (uint64_t)data / size;
			at = (off_t)(uid * size);
		}
		if (io_pread(fd, record, size, at) != (ssize_t)size)
			return 0;
		lastlog_parse(record, size, &l);
		r = lastlog_row(table, uid, &l);
		if (r < 0)
			return r;
		if (++rows > ROWS_MAX)
			return sink_gap(t->sink, path, -EFBIG, "only its beginning was parsed");
	}
	return 0;
}

/* The members of a session's file: systemd, logind-session.c session_save(). */
struct session {
	struct json *j;
};

static int session_line(void *arg, char *line, size_t len, unsigned number)
{
	static const struct { const char *name, *key; } known[] = {
		{ "UID", "uid" }, { "USER", "username" }, { "STATE", "state" }, { "REMOTE", "remote" },
		{ "REMOTE_HOST", "remote_host" }, { "REMOTE_USER", "remote_user" }, { "SERVICE", "service" },
		{ "TYPE", "type" }, { "CLASS", "class" }, { "TTY", "tty" }, { "SCOPE", "scope" },
		{ "LEADER", "leader" }, { "AUDIT", "audit" },
	};
	struct session *s = arg;
	struct field name, value;
	int64_t v;

	(void)number;
	if (!fields_assignment(line, len, '=', &name, &value))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (fields_equal(name, known[i].name))
			json_bytes(s->j, known[i].key, value.text, value.len);
	if (fields_equal(name, "REALTIME") && fields_number(value, &v))
		json_i64(s->j, "time", v / 1000000);
	return 0;
}

static int sessions(struct take *t, struct table *table)
{
	AUTO_CLOSEDIR DIR *d = tree_open_dir(t->tree, "/run/systemd/sessions");
	char path[512];
	struct dirent *e;
	int r = 0;

	while (d != NULL && r == 0 && (e = readdir(d)) != NULL) {
		struct session s;

		if (strchr(e->d_name, '.') != NULL) /* also "N.ref", a FIFO */
			continue;
		(void)snprintf(path, sizeof(path), "/run/systemd/sessions/%s", e->d_name);
		s.j = table_row(table);
		json_bytes(s.j, "id", e->d_name, strlen(e->d_name));
		r = take_lines(t, path, session_line, &s);
		if (r == 0)
			r = table_row_end(table);
	}
	return r;
}

int users_logins(struct take *t)
{
	struct table *logins = NULL, *last = NULL, *logind = NULL;
	struct table **all[] = { &logins, &last, &logind };
	int r = table_open(&logins, t->sink, "logins"), end;

	if (r == 0)
		r = table_open(&last, t->sink, "lastlog");
	if (r == 0)
		r = table_open(&logind, t->sink, "logind_sessions");
	if (r == 0)
		r = all_logins(t, logins);
	if (r == 0)
		r = lastlog(t, last);
	if (r == 0)
		r = sessions(t, logind);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		end = table_close(*all[i]);
		r = r < 0 ? r : end;
	}
	return r;
}
