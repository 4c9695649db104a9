/* history.h - one line of a shell's history: bash, zsh, fish; bytes in, no I/O. */
#ifndef HISTORY_H
#define HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "fields.h"

/* What is known while a file is read; all zero at its beginning. */
struct history {
	struct field command; /* into the line; valid until the next */
	int64_t time_s;       /* when it was run; 0: not known */
	int64_t next_s;       /* what bash's "#seconds" said of the line after it */
};

/*
 * Take a line.  True when it has a command: bash's as it stands, zsh's
 * ": seconds:duration;command", fish's "- cmd: command".
 */
bool history_line(struct history *h, const char *line, size_t len);

#endif
