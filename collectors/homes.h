/* homes.h - the home directories of the host's users. */
#ifndef HOMES_H
#define HOMES_H

#include <stddef.h>

struct take;

/* ${user} is NULL where no line of passwd names the directory. */
typedef int homes_visit(void *arg, const char *user, const char *home);

/*
 * Call ${fn} once for each home: those of /etc/passwd but for "/", /root, and all
 * in /home.  At most 20,000; more are a gap.  0, or the error of ${fn} or the sink.
 */
int homes_each(struct take *t, homes_visit *fn, void *arg);

#endif
