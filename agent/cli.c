/*
 * cli.c - the words of a command.
 *
 * Reads the argument vector; prints help on stdout, errors on stderr.  A word
 * that is wrong is named, its control characters escaped.
 */
#include "cli.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "quote.h"

#define WORD_MAX 120

/* The words as far as they are read. */
struct words {
	const struct cli *cli;
	int argc, next;
	char **argv;
	void *context;
	uint64_t given; /* a bit for each row */
};

int cli_usage(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, "evac %s: ", cli->verb);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "; evac %s --help says more\n", cli->verb);
	return CLI_USAGE;
}

int cli_status(int error)
{
	return error == -EINVAL ? CLI_USAGE : 0;
}

/* Help of one option; further lines of it are indented as the first. */
static void print_option(const struct cli_option *o)
{
	char left[64];
	const char *line = o->help;

	(void)snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
		       o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
		       o->arg ? " " : "", o->arg ? o->arg : "");
	while (*line != '\0') {
		size_t len = strcspn(line, "\n");

		/* A long one has its line for itself. */
		(void)printf(strlen(left) > 26 ? "  %s\n%29s%.*s\n" : "  %-26s %s%.*s\n", left,
			     "", (int)len, line);
		left[0] = '\0';
		line += len + (line[len] == '\n');
	}
}

static void print_help(const struct cli *cli)
{
	static const struct cli_option help = { .name = "help", .help = "this text" };

	(void)printf("usage: evac %s%s%s\n\n%s\n", cli->verb, cli->usage[0] != '\0' ? " " : "",
		     cli->usage, cli->about);
	for (size_t i = 0; i < cli->option_count; i++)
		print_option(&cli->options[i]);
	print_option(&help);
	if (cli->end != NULL)
		(void)printf("\n%s", cli->end);
}

static const struct cli_option *find(const struct cli *cli, const char *word,
				     size_t len)
{
	for (size_t i = 0; i < cli->option_count; i++) {
		const struct cli_option *o = &cli->options[i];

		if (len == 2 && word[1] != '-' && o->letter == word[1])
			return o;
		if (len > 2 && strlen(o->name) == len - 2 &&
		    memcmp(o->name, word + 2, len - 2) == 0)
			return o;
	}
	return NULL;
}

/* A key that was pasted in the wrong place must not end up in logs. */
static bool is_secret(const char *value)
{
	static const char prefix[] = "AGE-SECRET-KEY-";

	return strncasecmp(value, prefix, sizeof(prefix) - 1) == 0;
}

/* Which of two values would count, nobody should have to guess. */
static bool is_repeated(struct words *w, const struct cli_option *o)
{
	uint64_t bit = UINT64_C(1) << (o - w->cli->options);
	bool again = (w->given & bit) != 0;

	w->given |= bit;
	return again && o->arg != NULL && !o->many;
}

/* Store or hand on one option's value.  0, or -EINVAL after saying why. */
static int apply(struct words *w, const struct cli_option *o, const char *value)
{
	char error[CLI_ERROR_MAX] = "", quoted[WORD_MAX];
	void *at = (char *)w->context + o->offset;

	if (is_repeated(w, o)) {
		(void)cli_usage(w->cli, "--%s is given twice", o->name);
		return -EINVAL;
	}
	if (o->set != NULL) {
		if (o->set(at, value, error) == 0)
			return 0;
		if (value == NULL)
			(void)cli_usage(w->cli, "--%s: %s", o->name, error);
		else
			(void)cli_usage(w->cli, "--%s '%s': %s", o->name,
					is_secret(value) ? "(a secret key)" :
					quote(quoted, sizeof(quoted), value,
					      strlen(value)), error);
		return -EINVAL;
	}
	if (o->arg == NULL) {
		*(bool *)at = true;
		return 0;
	}
	*(const char **)at = value;
	return 0;
}

/* An option and, if it takes one, its value.  0 or -EINVAL. */
static int take_option(struct words *w)
{
	const char *word = w->argv[w->next++], *value = NULL;
	const char *equals = word[1] == '-' ? strchr(word, '=') : NULL;
	size_t len = equals == NULL ? strlen(word) : (size_t)(equals - word);
	const struct cli_option *o = find(w->cli, word, len);
	char quoted[WORD_MAX];

	if (o == NULL) {
		(void)cli_usage(w->cli, "unknown option '%s'",
				quote(quoted, sizeof(quoted), word, len));
		return -EINVAL;
	}
	if (equals != NULL)
		value = equals + 1;
	if (o->arg == NULL && value != NULL) {
		(void)cli_usage(w->cli, "--%s takes no value", o->name);
		return -EINVAL;
	}
	if (o->arg != NULL && value == NULL && w->next < w->argc &&
	    strncmp(w->argv[w->next], "--", 2) != 0)
		value = w->argv[w->next++];
	if (o->arg != NULL && (value == NULL || *value == '\0')) {
		(void)cli_usage(w->cli, "--%s needs a value: %s", o->name, o->arg);
		return -EINVAL;
	}
	return apply(w, o, value);
}

int cli_parse(const struct cli *cli, int argc, char **argv, void *context,
	      const char **operands, size_t operand_max, size_t *operand_count)
{
	struct words w = { cli, argc, 1, argv, context, 0 };
	size_t count = 0;
	bool options = true;
	char quoted[WORD_MAX];

	assert(cli->option_count <= 64);
	while (w.next < argc) {
		const char *word = argv[w.next];

		if (options && strcmp(word, "--help") == 0) {
			print_help(cli);
			return -ECANCELED;
		}
		if (options && strcmp(word, "--") == 0) {
			options = false;
			w.next++;
		} else if (options && word[0] == '-' && word[1] != '\0') {
			if (take_option(&w) < 0)
				return -EINVAL;
		} else if (word[0] == '\0') {
			(void)cli_usage(cli, "there is an empty word");
			return -EINVAL;
		} else if (count < operand_max) {
			operands[count++] = word;
			w.next++;
		} else {
			(void)cli_usage(cli, "unexpected word '%s'",
					quote(quoted, sizeof(quoted), word,
					      strlen(word)));
			return -EINVAL;
		}
	}
	if (operand_count != NULL)
		*operand_count = count;
	return 0;
}
