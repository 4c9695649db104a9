/*
 * memory_pids.c - whose memory is read, and in which order.
 *
 * Reads the list of /proc, and asks for each number that is not in it: what
 * hides from the list may still be there by name.  What cannot be read of a
 * process counts as nothing.
 */
#include "memory_pids.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "io.h"
#include "parse.h"
#include "procfs.h"
#include "scope.h"

/* Linux: 64-bit systems have no larger one. */
#define PID_LIMIT (1 << 22)

static bool is_odd(const char *exe)
{
	static const char *const places[] = {
		"/memfd:", "/tmp/", "/var/tmp/", "/dev/", "/run/", "/proc/",
	};
	static const char gone[] = " (deleted)";
	size_t len = strlen(exe);

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (strncmp(exe, places[i], strlen(places[i])) == 0)
			return true;
	return len >= sizeof(gone) && strcmp(exe + len - (sizeof(gone) - 1), gone) == 0;
}

static struct memory_pid look(int proc, pid_t pid, bool hidden)
{
	struct memory_pid p = { .pid = pid, .hidden = hidden };
	char name[32], text[4096];
	const char *rest = text, *word;
	size_t left, len;
	ssize_t n;

	(void)snprintf(name, sizeof(name), "%d/exe", (int)pid);
	n = readlinkat(proc, name, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	p.odd = is_odd(text);
	(void)snprintf(name, sizeof(name), "%d/statm", (int)pid);
	n = io_read_file(proc, name, text, sizeof(text));
	left = n > 0 ? (size_t)n : 0;
	/* The first number is its addresses, the second its pages. */
	if (!procfs_field(&rest, &left, &word, &len) ||
	    !procfs_field(&rest, &left, &word, &len) ||
	    parse_u64(word, len, 10, &p.pages) < 0)
		p.pages = 0;
	return p;
}

static size_t walk(int proc, struct memory_pid *ret, uint8_t *seen)
{
	int fd = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d;
	size_t n = 0;

	if (dir == NULL && fd >= 0)
		(void)close(fd);
	while (dir != NULL && n < MEMORY_PIDS_MAX && (d = readdir(dir)) != NULL) {
		pid_t pid = parse_pid(d->d_name);

		if (pid <= 0 || pid >= PID_LIMIT)
			continue;
		seen[pid / 8] |= (uint8_t)(1u << pid % 8);
		if (pid != getpid())
			ret[n++] = look(proc, pid, false);
	}
	return n;
}

/* Is it a process and no thread of one?  Both can be opened by name. */
static bool is_process(int proc, pid_t pid)
{
	static const char key[] = "\nTgid:\t";
	char name[32], text[2048];
	const char *p;
	uint64_t leader;

	(void)snprintf(name, sizeof(name), "%d/status", (int)pid);
	(void)io_read_file(proc, name, text, sizeof(text));
	p = strstr(text, key);
	if (p == NULL)
		return false;
	p += sizeof(key) - 1;
	return parse_u64(p, strcspn(p, "\n"), 10, &leader) == 0 &&
	       leader == (uint64_t)pid;
}

/* Those that the list does not show.  Asking the kernel is cheaper than /proc. */
static size_t find_hidden(const struct host *host, struct memory_pid *ret, size_t n,
			  const uint8_t *seen)
{
	char text[32];
	uint64_t most;

	if (io_read_file(host->proc, "sys/kernel/pid_max", text, sizeof(text)) <= 0 ||
	    parse_u64(text, strcspn(text, "\n"), 10, &most) < 0 || most > PID_LIMIT)
		return n;
	for (pid_t pid = 1; pid < (pid_t)most && n < MEMORY_PIDS_MAX; pid++)
		if ((seen[pid / 8] >> pid % 8 & 1) == 0 && kill(pid, 0) == 0 &&
		    is_process(host->proc, pid))
			ret[n++] = look(host->proc, pid, true);
	return n;
}

static int by_worth(const void *a, const void *b)
{
	const struct memory_pid *x = a, *y = b;
	bool first = x->odd || x->hidden, second = y->odd || y->hidden;

	if (first != second)
		return first ? -1 : 1;
	if (x->pages != y->pages)
		return x->pages < y->pages ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

size_t memory_pids_list(const struct host *host, struct memory_pid *ret)
{
	AUTO_FREE uint8_t *seen = calloc(1, PID_LIMIT / 8);
	size_t n;

	if (seen == NULL)
		return 0;
	n = walk(host->proc, ret, seen);
	n = find_hidden(host, ret, n, seen);
	qsort(ret, n, sizeof(*ret), by_worth);
	return n;
}
