/* secret.h - secrets of the environment, taken out of the host's sight. */
#ifndef SECRET_H
#define SECRET_H

/*
 * Move the value of the environment variable ${name} into locked memory that
 * no core dump holds, and wipe it where it was: /proc/PID/environ of this
 * process, which is evidence too, no longer shows it.  The text, to be given
 * back with secret_free(); NULL when it is not set or empty, or there is no
 * memory.  Only before other threads run.
 */
char *secret_take(const char *name);

void secret_free(char *secret); /* wipes; NULL is fine */

#endif
