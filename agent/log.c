/*
 * log.c - the journal.
 *
 * Kept in fixed memory: the first 32 KiB and the last 32 KiB.  A line that is
 * too long is cut; a stderr that nobody reads is waited for once, and then gets
 * only what it takes at once.
 */
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"

#define HALF 32768u
#define WAIT_MS 2000
#define CLEAR "\r\033[K" /* the terminal's line */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum log_level shown = LOG_INFO;
static bool moving; /* such a line stands on the screen */
static char first[HALF], ring[HALF];
static size_t first_len, ring_len; /* ring_len counts on past HALF */

void log_show(enum log_level level)
{
	shown = level;
}

static void keep(const char *line, size_t len)
{
	if (ring_len == 0 && first_len + len <= HALF) {
		memcpy(first + first_len, line, len);
		first_len += len;
		return;
	}
	for (size_t i = 0; i < len; i++)
		ring[ring_len++ % HALF] = line[i];
}

/* Under the lock: a reader that has stopped must not stop the run. */
static void show(const char *line, size_t len)
{
	static int wait_ms = WAIT_MS;
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	int r;

	do {
		r = poll(&p, 1, wait_ms);
	} while (r < 0 && errno == EINTR);
	wait_ms = r == 0 ? 0 : WAIT_MS;
	if (r != 0)
		(void)io_write(STDERR_FILENO, line, len);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };
	char line[1024], utc[CLOCK_UTC_MAX];
	va_list ap;
	size_t len;
	int n;

	clock_utc(time(NULL), utc);
	len = (size_t)snprintf(line, sizeof(line), "%s evac %s: ", utc, names[level]);
	va_start(ap, fmt);
	n = vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	len = strlen(line);
	line[len++] = '\n';
	(void)pthread_mutex_lock(&lock);
	keep(line, len);
	if (level >= shown) {
		if (moving)
			show(CLEAR, sizeof(CLEAR) - 1);
		moving = false;
		show(line, len);
	}
	(void)pthread_mutex_unlock(&lock);
}

void log_status(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	(void)pthread_mutex_lock(&lock);
	show(line, strlen(line));
	(void)pthread_mutex_unlock(&lock);
}

void log_moving(const char *fmt, ...)
{
	char line[512] = CLEAR;
	const size_t begin = sizeof(CLEAR) - 1;
	va_list ap;
	int n = 0;

	if (fmt != NULL) {
		va_start(ap, fmt);
		n = vsnprintf(line + begin, sizeof(line) - begin, fmt, ap);
		va_end(ap);
	}
	if (n < 0)
		return;
	(void)pthread_mutex_lock(&lock);
	if (fmt != NULL || moving)
		show(line, strlen(line));
	moving = fmt != NULL;
	(void)pthread_mutex_unlock(&lock);
}

size_t log_copy(char *ret, size_t cap)
{
	size_t len = 0;

	(void)pthread_mutex_lock(&lock);
	if (first_len <= cap) {
		memcpy(ret, first, first_len);
		len = first_len;
	}
	for (size_t i = ring_len > HALF ? ring_len - HALF : 0;
	     i < ring_len && len < cap; i++)
		ret[len++] = ring[i % HALF];
	(void)pthread_mutex_unlock(&lock);
	return len;
}
