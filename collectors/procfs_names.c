/*
 * procfs_names.c - parsers of /proc texts that name things: control groups,
 * modules, kernel messages.
 *
 * Same contract as procfs.c; results point into the text.
 */
#include "procfs.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "parse.h"

/* "ID:CONTROLLERS:PATH" */
static bool cgroup_line(const char *line, size_t len, bool *unified,
			const char **path, size_t *path_len)
{
	const char *one = memchr(line, ':', len);
	const char *two;

	if (one == NULL)
		return false;
	two = memchr(one + 1, ':', len - (size_t)(one + 1 - line));
	if (two == NULL || two + 1 == line + len || two[1] != '/')
		return false;
	*unified = two == one + 1;
	*path = two + 1;
	*path_len = len - (size_t)(two + 1 - line);
	return true;
}

int procfs_parse_cgroup(const char *text, size_t len, const char **ret,
			size_t *ret_len)
{
	const char *line, *path;
	size_t n, path_len;
	bool unified;

	*ret = NULL;
	*ret_len = 0;
	while (procfs_line(&text, &len, &line, &n)) {
		if (!cgroup_line(line, n, &unified, &path, &path_len))
			continue;
		/* Longer than "/" says more; the unified one, at the end, wins. */
		if (*ret == NULL || path_len > 1) {
			if (*ret != NULL && *ret_len > 1 && !unified)
				continue;
			*ret = path;
			*ret_len = path_len;
		}
	}
	return *ret != NULL ? 0 : -EINVAL;
}

bool procfs_container_id(const char *path, size_t len,
			 char ret[PROCFS_CONTAINER_MAX])
{
	size_t run = 0;
	bool found = false;

	for (size_t i = 0; i <= len; i++) {
		if (i < len && isxdigit((unsigned char)path[i]) &&
		    !isupper((unsigned char)path[i])) {
			run++;
			continue;
		}
		if (run == PROCFS_CONTAINER_MAX - 1) {
			memcpy(ret, path + i - run, run);
			ret[run] = '\0';
			found = true;
		}
		run = 0;
	}
	return found;
}

int procfs_parse_module(const char *line, size_t len, struct procfs_module *ret)
{
	const char *p;
	uint64_t v;
	size_t n;

	*ret = (struct procfs_module){ .refcount = -1 };
	if (!procfs_field(&line, &len, &ret->name, &ret->name_len))
		return -EINVAL;
	if (!procfs_field(&line, &len, &p, &n) ||
	    parse_u64(p, n, 10, &ret->size_bytes) < 0)
		return -EINVAL;
	if (!procfs_field(&line, &len, &p, &n))
		return -EINVAL;
	if (parse_u64(p, n, 10, &v) == 0 && v <= INT32_MAX)
		ret->refcount = (int64_t)v;
	else if (n != 1 || *p != '-')
		return -EINVAL;
	if (!procfs_field(&line, &len, &ret->used_by, &ret->used_by_len) ||
	    !procfs_field(&line, &len, &ret->status, &ret->status_len))
		return -EINVAL;
	if (ret->used_by[ret->used_by_len - 1] == ',')
		ret->used_by_len--;
	if (!procfs_field(&line, &len, &p, &n) || n < 3 ||
	    memcmp(p, "0x", 2) != 0 ||
	    parse_u64(p + 2, n - 2, 16, &ret->address) < 0)
		return -EINVAL;
	if (procfs_field(&line, &len, &p, &n) && n > 2 && p[0] == '(' &&
	    p[n - 1] == ')') {
		ret->taint = p + 1;
		ret->taint_len = n - 2;
	}
	return 0;
}

/* "N," at the front of a text. */
static int prefix_number(const char **p, size_t *len, uint64_t *ret)
{
	const char *comma = memchr(*p, ',', *len);
	size_t n;

	if (comma == NULL)
		return -EINVAL;
	n = (size_t)(comma - *p);
	if (parse_u64(*p, n, 10, ret) < 0)
		return -EINVAL;
	*p += n + 1;
	*len -= n + 1;
	return 0;
}

int procfs_parse_kmsg(const char *text, size_t len, struct procfs_kmsg *ret)
{
	uint64_t prefix;
	const char *mark;

	*ret = (struct procfs_kmsg){ 0 };
	if (prefix_number(&text, &len, &prefix) < 0 ||
	    prefix_number(&text, &len, &ret->sequence) < 0 ||
	    prefix_number(&text, &len, &ret->time_us) < 0)
		return -EINVAL;
	/* More values may follow the flag in later kernels, up to the ";". */
	mark = memchr(text, ';', len);
	if (mark == NULL || mark == text)
		return -EINVAL;
	ret->level = prefix & 7;
	ret->facility = prefix >> 3;
	ret->flags = *text;
	len -= (size_t)(mark + 1 - text);
	text = mark + 1;
	if (!procfs_line(&text, &len, &ret->message, &ret->message_len)) {
		ret->message = text;
		ret->message_len = 0;
	}
	ret->tags = text;
	ret->tags_len = len;
	if (len > 0 && text[len - 1] == '\n')
		ret->tags_len--;
	return 0;
}
