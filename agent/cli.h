/* cli.h - the words of a command: options by a table, help, usage errors. */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>

#define CLI_USAGE 64 /* exit status of a usage error (sysexits.h EX_USAGE) */
#define CLI_ERROR_MAX 160

/*
 * An option "--${name}", given as "--name VALUE" or "--name=VALUE".  Where
 * ${set} is NULL, the value's pointer (a flag: true) is stored at ${offset} of
 * the context.  ${set} is called with what is at ${offset} of the context; it
 * returns 0, or a negative errno and in ${error} what is wrong with the value.
 * Giving a value twice is an error, but where ${many} says otherwise.
 */
struct cli_option {
	const char *name;   /* without its dashes */
	char letter;        /* its short form "-x", or 0 */
	bool many;          /* may be given more than once */
	const char *arg;    /* what the help calls its value; NULL: a flag */
	const char *help;   /* lines, the first without indentation */
	size_t offset;      /* of a const char * or, for a flag, a bool, or as ${set} has it */
	int (*set)(void *at, const char *value, char error[CLI_ERROR_MAX]);
};

struct cli {
	const char *verb;   /* "open" */
	const char *usage;  /* "WHERE --identity FILE --out DIR" */
	const char *about;  /* what it does: whole lines */
	const struct cli_option *options;
	size_t option_count;
	const char *end;    /* more for the help, e.g. exit statuses; or NULL */
};

/*
 * Read the words after ${argv}[0], which is the verb itself.  What is no
 * option is kept in ${operands}, at most ${operand_max} words; ${operand_count}
 * says how many (both may be NULL and 0).  0; -ECANCELED after --help has been
 * printed on stdout; -EINVAL after a usage error has been printed on stderr.
 */
int cli_parse(const struct cli *cli, int argc, char **argv, void *context,
	      const char **operands, size_t operand_max, size_t *operand_count);

/* The exit status that belongs to an error of cli_parse(). */
int cli_status(int error);

/* Print one line, "evac VERB: ...; evac VERB --help says more", on stderr.
 * CLI_USAGE. */
int cli_usage(const struct cli *cli, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
