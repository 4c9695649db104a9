/* words.h - values on the command line that several commands take. */
#ifndef WORDS_H
#define WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "cli.h"
#include "collector.h"

/*
 * All return 0, or a negative errno, and then ${error} says in a few words what
 * is wrong with the value.
 */

/* A part of a collection's path: a case, a host. */
int words_case(const char *value, char error[CLI_ERROR_MAX]);

/* The public key of a recipient, of whom there are ${have} already. */
int words_recipient(const char *value, size_t have, uint8_t ret[32],
		    char error[CLI_ERROR_MAX]);

int words_memory(const char *value, enum collector_memory *ret,
		 char error[CLI_ERROR_MAX]);

int words_profile(const char *value, enum collector_profile *ret,
		  char error[CLI_ERROR_MAX]);

/* The word for it. */
const char *words_profile_name(enum collector_profile profile);

/* A time until the run has to be finished, in seconds. */
int words_deadline(const char *value, uint64_t *ret_s, char error[CLI_ERROR_MAX]);

/*
 * The next name of a comma-separated ${*list}, as a row of collectors[].
 * ${*list} is then behind it, or NULL after the last one.
 */
int words_collector(const char **list, size_t *ret_row, char error[CLI_ERROR_MAX]);

#endif
