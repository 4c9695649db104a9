/*
 * log.h - the journal: what the agent did, on stderr and kept for the evidence.
 *
 * For people who look after evac.  No secret and no unquoted host text.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Lines below ${level} are kept, not shown.  Default: LOG_INFO. */
void log_show(enum log_level level);

/* One line; "\n" is added.  Safe from any thread. */
void log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A line without time and level, only on stderr: progress, for people. */
void log_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * The same on a terminal, in place of the one before; ${fmt} NULL takes it off
 * the screen, and so does log_line(), until it is shown again.
 */
void log_moving(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Copy what was kept (at most 64 KiB: the first half and the last) to ${ret}.
 * Bytes copied.
 */
size_t log_copy(char *ret, size_t cap);

#endif
