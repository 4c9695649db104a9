/*
 * procfs.c - parsers of the texts of /proc.
 *
 * Strict about what is there, tolerant of what is missing at the end: kernels
 * append fields.  No text is trusted to be whole, ended or printable.
 */
#include "procfs.h"

#include <errno.h>
#include <string.h>

#include "parse.h"
#include "scope.h"

bool procfs_line(const char **text, size_t *len, const char **ret, size_t *ret_len)
{
	const char *stop;

	if (*len == 0)
		return false;
	stop = memchr(*text, '\n', *len);
	*ret = *text;
	*ret_len = stop != NULL ? (size_t)(stop - *text) : *len;
	*text += *ret_len + (stop != NULL ? 1 : 0);
	*len -= *ret_len + (stop != NULL ? 1 : 0);
	return true;
}

bool procfs_field(const char **text, size_t *len, const char **ret, size_t *ret_len)
{
	size_t n = 0;

	while (*len > 0 && (**text == ' ' || **text == '\t')) {
		(*text)++;
		(*len)--;
	}
	while (n < *len && (*text)[n] != ' ' && (*text)[n] != '\t')
		n++;
	*ret = *text;
	*ret_len = n;
	*text += n;
	*len -= n;
	return n > 0;
}

static int number(const char *p, size_t len, unsigned base, uint64_t *ret)
{
	return parse_u64(p, len, base, ret) < 0 ? -EINVAL : 0;
}

static int number_signed(const char *p, size_t len, int64_t *ret)
{
	bool minus = len > 0 && *p == '-';
	uint64_t v;

	if (minus) {
		p++;
		len--;
	}
	if (number(p, len, 10, &v) < 0 || v > INT64_MAX)
		return -EINVAL;
	*ret = minus ? -(int64_t)v : (int64_t)v;
	return 0;
}

/* The next field of a text as a number. */
static int take(const char **text, size_t *len, unsigned base, uint64_t *ret)
{
	const char *p;
	size_t n;

	if (!procfs_field(text, len, &p, &n))
		return -EINVAL;
	return number(p, n, base, ret);
}

static int take_signed(const char **text, size_t *len, int64_t *ret)
{
	const char *p;
	size_t n;

	if (!procfs_field(text, len, &p, &n))
		return -EINVAL;
	return number_signed(p, n, ret);
}

/* Fields 4 to 23 of stat, counted as in proc(5). */
static int stat_numbers(const char *p, size_t len, struct procfs_stat *ret)
{
	int64_t *const first[] = { &ret->ppid, &ret->pgrp, &ret->session, &ret->tty };
	int64_t skip;

	for (size_t i = 0; i < ARRAY_LEN(first); i++)
		if (take_signed(&p, &len, first[i]) < 0)
			return -EINVAL;
	if (take_signed(&p, &len, &skip) < 0 || take(&p, &len, 10, &ret->flags) < 0)
		return -EINVAL;
	for (int i = 10; i <= 13; i++) /* page faults */
		if (take_signed(&p, &len, &skip) < 0)
			return -EINVAL;
	if (take(&p, &len, 10, &ret->utime_ticks) < 0 ||
	    take(&p, &len, 10, &ret->stime_ticks) < 0)
		return -EINVAL;
	for (int i = 16; i <= 18; i++) /* children's times, priority */
		if (take_signed(&p, &len, &skip) < 0)
			return -EINVAL;
	if (take_signed(&p, &len, &ret->nice) < 0 ||
	    take(&p, &len, 10, &ret->threads) < 0 ||
	    take_signed(&p, &len, &skip) < 0 ||
	    take(&p, &len, 10, &ret->start_ticks) < 0 ||
	    take(&p, &len, 10, &ret->vsize_bytes) < 0)
		return -EINVAL;
	/* More follows in every kernel: else the last number may be cut off. */
	return len > 0 ? 0 : -EINVAL;
}

int procfs_parse_stat(const char *text, size_t len, struct procfs_stat *ret)
{
	/* The name may hold blanks, newlines and ")": its end is the last one. */
	const char *open = memchr(text, '(', len);
	const char *close = NULL;
	const char *p = text;
	size_t n = len;

	*ret = (struct procfs_stat){ 0 };
	for (size_t i = len; i > 0 && close == NULL; i--)
		if (text[i - 1] == ')')
			close = text + i - 1;
	if (open == NULL || close == NULL || close < open)
		return -EINVAL;
	if (take(&p, &n, 10, &ret->pid) < 0 || p + 1 != open)
		return -EINVAL;
	ret->comm_len = (size_t)(close - open) - 1;
	if (ret->comm_len > sizeof(ret->comm))
		return -EINVAL;
	memcpy(ret->comm, open + 1, ret->comm_len);
	p = close + 1;
	n = len - (size_t)(p - text);
	if (n < 3 || p[0] != ' ' || p[2] != ' ')
		return -EINVAL;
	ret->state = p[1];
	return stat_numbers(p + 3, n - 3 - (p[n - 1] == '\n' ? 1 : 0), ret);
}

/* "Key:" at the start of a line; ${p} is then what follows. */
static bool key_is(const char **p, size_t *len, const char *key)
{
	size_t n = strlen(key);

	if (*len <= n || memcmp(*p, key, n) != 0 || (*p)[n] != ':')
		return false;
	*p += n + 1;
	*len -= n + 1;
	return true;
}

static int four(const char *p, size_t len, uint64_t ret[4])
{
	for (int i = 0; i < 4; i++)
		if (take(&p, &len, 10, &ret[i]) < 0)
			return -EINVAL;
	return 0;
}

static int status_line(const char *p, size_t len, struct procfs_status *ret)
{
	const struct {
		const char *key;
		unsigned base;
		uint64_t *ret, factor;
	} keys[] = {
		{ "VmRSS", 10, &ret->rss_bytes, 1024 },
		{ "VmLck", 10, &ret->locked_bytes, 1024 },
		{ "CapInh", 16, &ret->cap_inherited, 1 },
		{ "CapPrm", 16, &ret->cap_permitted, 1 },
		{ "CapEff", 16, &ret->cap_effective, 1 },
		{ "CapBnd", 16, &ret->cap_bounding, 1 },
		{ "CapAmb", 16, &ret->cap_ambient, 1 },
		{ "Seccomp", 10, &ret->seccomp, 1 },
		{ "NoNewPrivs", 10, &ret->no_new_privs, 1 },
		{ "TracerPid", 10, &ret->tracer_pid, 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (!key_is(&p, &len, keys[i].key))
			continue;
		if (take(&p, &len, keys[i].base, keys[i].ret) < 0 ||
		    __builtin_mul_overflow(*keys[i].ret, keys[i].factor, keys[i].ret))
			return -EINVAL;
		return 0;
	}
	if (key_is(&p, &len, "Uid"))
		return four(p, len, ret->uid);
	if (key_is(&p, &len, "Gid"))
		return four(p, len, ret->gid);
	if (key_is(&p, &len, "NSpid")) /* the last of them */
		while (take(&p, &len, 10, &ret->inner_pid) == 0)
			;
	return 0;
}

int procfs_parse_status(const char *text, size_t len, struct procfs_status *ret)
{
	const char *line;
	size_t n;

	*ret = (struct procfs_status){ 0 };
	/* The kernel escapes newlines in the name here: lines can be trusted. */
	if (len < 5 || memcmp(text, "Name:", 5) != 0)
		return -EINVAL;
	while (procfs_line(&text, &len, &line, &n))
		if (status_line(line, n, ret) < 0)
			return -EINVAL;
	return 0;
}

/* "A${sep}B" in hexadecimal. */
static int pair(const char *p, size_t len, char sep, uint64_t *a, uint64_t *b)
{
	const char *mid = memchr(p, sep, len);

	if (mid == NULL)
		return -EINVAL;
	if (number(p, (size_t)(mid - p), 16, a) < 0)
		return -EINVAL;
	return number(mid + 1, len - (size_t)(mid - p) - 1, 16, b);
}

int procfs_parse_map(const char *line, size_t len, struct procfs_map *ret)
{
	const char *p;
	size_t n;

	*ret = (struct procfs_map){ 0 };
	if (!procfs_field(&line, &len, &p, &n) ||
	    pair(p, n, '-', &ret->start, &ret->end) < 0 || ret->end < ret->start)
		return -EINVAL;
	if (!procfs_field(&line, &len, &p, &n) || n != 4)
		return -EINVAL;
	memcpy(ret->permissions, p, n);
	if (take(&line, &len, 16, &ret->offset) < 0)
		return -EINVAL;
	if (!procfs_field(&line, &len, &p, &n) ||
	    pair(p, n, ':', &ret->major, &ret->minor) < 0)
		return -EINVAL;
	if (take(&line, &len, 10, &ret->inode) < 0)
		return -EINVAL;
	/* Padding stands before the path; blanks within it are its own. */
	while (len > 0 && *line == ' ') {
		line++;
		len--;
	}
	ret->path = line;
	ret->path_len = len;
	return 0;
}

int procfs_parse_fdinfo(const char *text, size_t len, struct procfs_fdinfo *ret)
{
	const char *p;
	bool seen = false;
	size_t n;

	*ret = (struct procfs_fdinfo){ 0 };
	while (procfs_line(&text, &len, &p, &n)) {
		int r = 0;

		if (key_is(&p, &n, "pos")) {
			int64_t pos = 0;

			/* Some devices let it be negative. */
			r = take_signed(&p, &n, &pos);
			ret->pos = (uint64_t)pos;
			seen = true;
		} else if (key_is(&p, &n, "flags")) {
			r = take(&p, &n, 8, &ret->flags);
		} else if (key_is(&p, &n, "mnt_id")) {
			r = take(&p, &n, 10, &ret->mount_id);
		} else if (key_is(&p, &n, "ino")) {
			r = take(&p, &n, 10, &ret->inode);
		}
		if (r < 0)
			return -EINVAL;
	}
	return seen ? 0 : -EINVAL;
}

int procfs_parse_link(const char *link, size_t len, const char *kind,
		      uint64_t *ret)
{
	size_t n = strlen(kind);

	if (len < n + 4 || memcmp(link, kind, n) != 0 ||
	    memcmp(link + n, ":[", 2) != 0 || link[len - 1] != ']')
		return -EINVAL;
	return number(link + n + 2, len - n - 3, 10, ret);
}

int procfs_parse_btime(const char *text, size_t len, uint64_t *ret_s)
{
	const char *p;
	size_t n;

	while (procfs_line(&text, &len, &p, &n))
		if (n > 6 && memcmp(p, "btime ", 6) == 0)
			return number(p + 6, n - 6, 10, ret_s);
	return -EINVAL;
}
