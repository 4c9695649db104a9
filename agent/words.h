/* words.h - values on the command line that several commands take. */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"
#include "collector.h"

/* Rows of a command that says what to collect and until when, by the set() functions of its own. */
#define WORDS_ORDER(profile, only, skip, memory, deadline)                               \
	{ .name = "profile", .arg = "NAME", .set = profile,                              \
	  .help = "fast (seconds: what is volatile), default, or full (no small budgets)" }, \
	{ .name = "only", .many = true, .arg = "NAMES", .set = only,                     \
	  .help = "these collectors alone, separated by commas" },                       \
	{ .name = "skip", .many = true, .arg = "NAMES", .set = skip,                     \
	  .help = "all but these collectors" },                                          \
	{ .name = "memory", .arg = "METHOD", .set = memory,                              \
	  .help = "auto (default), lime, kcore, process, all (auto, and\n" \
		  "each process beside it) or none" },                      \
	{ .name = "deadline", .arg = "TIME", .set = deadline,                            \
	  .help = "be finished after TIME (90s, 10m, 2h)" }

/* The row of a module store, a text ${member} of ${type}. */
#define WORDS_LIME_STORE(type, member)                                                   \
	{ .name = "lime-store", .arg = "WHERE", .offset = offsetof(type, member),        \
	  .set = words_lime_store,                                                       \
	  .help = "a store of signed modules: a directory, https://... or s3://...\n"    \
		  "(/usr/lib/evac/kmod is looked into besides)" }

/* Rows for who can open it, and whether the host's secrets are in it (a bool ${secrets} of ${type}). */
#define WORDS_RECIPIENT(recipient)                                                       \
	{ .name = "recipient", .many = true, .arg = "age1...", .set = recipient,         \
	  .help = "who can open the evidence; may be given up to 16 times" }
#define WORDS_SECRETS(type, secrets)                                                     \
	{ .name = "with-secrets", .offset = offsetof(type, secrets),                     \
	  .help = "copy the host's secrets (passwords, tokens, keys) as\n"               \
		  "they are; without it they are masked" }

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

/* As struct cli_option's set() of a module store, a text: a directory, https://... or s3://... */
int words_lime_store(void *at, const char *value, char error[CLI_ERROR_MAX]);

/*
 * Mark ${row} of collectors[], and those whose names begin with its own and "_":
 * "process" stands for "process_maps", too.
 */
void words_mark(size_t row, bool *rows);

#endif
