/* summary.h - counting what a sink took and missed, and saying it as text. */
#ifndef SUMMARY_H
#define SUMMARY_H

#include <stdarg.h>

#include "sink_run.h"

struct buf;

/* Longer paths are cut in the list of gaps. */
#define SUMMARY_PATH_MAX 16384u

/* Count one gap by its reason, a negative errno. */
void summary_gap(struct sink_summary *sum, int why);

/*
 * Append a line of NDJSON about a gap to ${list}; a line that does not fit is
 * left out (it is counted all the same).
 */
void summary_gap_line(struct buf *list, const char *path, int why, const char *detail);

/* Keep a note, replacing one with the same key; beyond SINK_NOTES it is lost. */
void summary_note(struct sink_summary *sum, const char *key, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

#endif
