/*
 * procfs_resources.c - parsers of /proc texts about what a process may use and has used.
 *
 * Same contract as procfs.c.  Lines that are not known are stepped over.
 */
#include "procfs.h"

#include <errno.h>
#include <string.h>

#include "parse.h"
#include "scope.h"

const char *const procfs_limit_names[PROCFS_LIMITS] = {
	"cpu_time", "file_size", "data_size", "stack_size", "core_file_size",
	"resident_set", "processes", "open_files", "locked_memory",
	"address_space", "file_locks", "pending_signals", "msgqueue_size",
	"nice_priority", "realtime_priority", "realtime_timeout",
};

/* As fs/proc/base.c prints them; the name is padded to 25 columns. */
static const char *const titles[PROCFS_LIMITS] = {
	"Max cpu time", "Max file size", "Max data size", "Max stack size",
	"Max core file size", "Max resident set", "Max processes",
	"Max open files", "Max locked memory", "Max address space",
	"Max file locks", "Max pending signals", "Max msgqueue size",
	"Max nice priority", "Max realtime priority", "Max realtime timeout",
};

static int limit_value(const char **p, size_t *len, uint64_t *ret)
{
	const char *f;
	size_t n;

	if (!procfs_field(p, len, &f, &n))
		return -EINVAL;
	if (n == 9 && memcmp(f, "unlimited", n) == 0) {
		*ret = PROCFS_UNLIMITED;
		return 0;
	}
	return parse_u64(f, n, 10, ret) < 0 ? -EINVAL : 0;
}

static int limit_line(const char *p, size_t len, struct procfs_limits *ret)
{
	for (size_t i = 0; i < PROCFS_LIMITS; i++) {
		size_t n = strlen(titles[i]);

		if (len <= n || memcmp(p, titles[i], n) != 0 || p[n] != ' ')
			continue;
		p += n;
		len -= n;
		if (limit_value(&p, &len, &ret->soft[i]) < 0 ||
		    limit_value(&p, &len, &ret->hard[i]) < 0)
			return -EINVAL;
		ret->seen |= 1u << i;
		return 0;
	}
	return 0;
}

int procfs_parse_limits(const char *text, size_t len, struct procfs_limits *ret)
{
	const char *line;
	size_t n;

	*ret = (struct procfs_limits){ 0 };
	while (procfs_line(&text, &len, &line, &n))
		if (limit_line(line, n, ret) < 0)
			return -EINVAL;
	return ret->seen != 0 ? 0 : -EINVAL;
}

int procfs_parse_io(const char *text, size_t len, struct procfs_io *ret)
{
	const struct {
		const char *key;
		uint64_t *ret;
	} keys[] = {
		{ "rchar: ", &ret->rchar }, { "wchar: ", &ret->wchar },
		{ "syscr: ", &ret->syscr }, { "syscw: ", &ret->syscw },
		{ "read_bytes: ", &ret->read_bytes },
		{ "write_bytes: ", &ret->write_bytes },
		{ "cancelled_write_bytes: ", &ret->cancelled_write_bytes },
	};
	const char *line;
	bool seen = false;
	size_t n;

	*ret = (struct procfs_io){ 0 };
	while (procfs_line(&text, &len, &line, &n)) {
		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			size_t k = strlen(keys[i].key);

			if (n <= k || memcmp(line, keys[i].key, k) != 0)
				continue;
			if (parse_u64(line + k, n - k, 10, keys[i].ret) < 0)
				return -EINVAL;
			seen = true;
		}
	}
	return seen ? 0 : -EINVAL;
}
