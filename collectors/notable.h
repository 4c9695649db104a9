/* notable.h - why a file stands out, by its path and attributes alone. */
#ifndef NOTABLE_H
#define NOTABLE_H

#include <stdint.h>

#include "attr.h"

/* Bits of a set of reasons; filesystem.c names them in this order. */
enum notable {
	NOTABLE_SETUID, NOTABLE_SETGID,
	NOTABLE_CAPABILITIES, /* the file itself has to be asked */
	NOTABLE_IMMUTABLE, NOTABLE_APPEND,
	NOTABLE_WRITABLE,     /* an executable that anyone may write */
	NOTABLE_TEMPORARY,    /* an executable in /tmp, /var/tmp, /dev/shm, /run/user */
	NOTABLE_RECENT,       /* an executable that changed in the last 7 days */
	NOTABLE_HIDDEN,       /* a directory there whose name hides it */
	NOTABLE_DEVICE,       /* a device file outside /dev */
};

#define NOTABLE_CAPABILITY_BYTES 64u

/* The set of them, at the time ${now_s}. */
unsigned notable_reasons(const char *path, const struct attr *a, int64_t now_s);

#endif
