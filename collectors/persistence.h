/* persistence.h - the parts of the persistence collector: what makes the host run what. */
#ifndef PERSISTENCE_H
#define PERSISTENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attr.h"
#include "fields.h"
#include "taken.h"

struct table;
struct take;

/*
 * How a file is read: as one row that says that it runs, or line by line.
 * persistence_lines.c; see its parsers.
 */
enum persistence_form {
	FORM_FILE,    /* the file runs if it may be executed */
	FORM_READ,    /* the file is read by a shell or another program */
	FORM_LINES,   /* each line that is no comment */
	FORM_CRON,    /* crontab(5) of the system: with a user */
	FORM_CRONTAB, /* crontab(5) of a user */
	FORM_PAM, FORM_UDEV, FORM_APT, FORM_DESKTOP, FORM_SSHD, FORM_KEYS, FORM_ASSIGN, FORM_UNIT,
};

struct persistence {
	struct take *take;
	struct table *table;
	/* The file whose lines are read. */
	const char *kind, *path, *user;
	struct attr attr;
	int enabled;
	const char *unit; /* of systemd */
	enum persistence_form form;
	uint64_t rows;     /* that the file in hand made */
	char *joined;      /* PERSISTENCE_LINE bytes: lines that end in "\\" */
	size_t joined_len;
	unsigned joined_line;
	struct taken seen; /* directories by their identity: /lib may be /usr/lib */
	char *masked;      /* PERSISTENCE_LINE bytes, or NULL: secrets stay */
};

#define PERSISTENCE_LINE ((size_t)64 << 10)

enum persistence_enabled { ENABLED_NO, ENABLED_YES, ENABLED_UNKNOWN };

/* What one line or file makes run. */
struct persistence_row {
	unsigned line;         /* its number; 0: the file as a whole */
	struct field runs;     /* a command, a module, a library, a key */
	struct field schedule; /* when */
	struct field user;     /* as whom; none: ${p->user} */
	struct field name;     /* of what says so: a directive, a variable */
};

/* Write a row about the file in hand.  0, or the sink's error. */
int persistence_row(struct persistence *p, const struct persistence_row *row);

/* Is the open directory met for the first time with ${what} in mind? */
bool persistence_first(struct persistence *p, int dir, const char *what);

/* Read the file ${p->path}.  0, or the sink's error. */
int persistence_file(struct persistence *p, enum persistence_form form);

/* All in the directory ${dir} whose names fit the pattern. */
int persistence_dir(struct persistence *p, const char *dir, const char *pattern,
		    enum persistence_form form);

/*
 * The row that a line makes, for the forms that have lines.  False when it
 * makes none.  Texts point into the line.  For fuzzing, too.
 */
bool persistence_line(enum persistence_form form, const char *line, size_t len,
		      struct persistence_row *ret);

/* persistence_units.c: systemd's units, of the system and, in the user's
 * ${home} (NULL: none), of users. */
int persistence_units(struct persistence *p, const char *home);

#endif
