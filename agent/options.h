/* options.h - what `evac collect` was asked for. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector.h"
#include "credentials.h"
#include "module.h"
#include "seal.h"
#include "spool.h"
#include "vault.h"
#include "vault_cli.h"

#define OPTIONS_COLLECTORS_MAX 64
#define OPTIONS_ERROR_MAX 320

struct aws_ranges;
struct ticket;

/* Texts point into argv, the environment or the ticket. */
struct options {
	const char *ticket_from;       /* a file, "-" or an https URL; NULL: no ticket */
	const char *responder;         /* whose tickets count, or NULL */
	struct ticket *ticket;         /* options_take_ticket() */
	struct credentials_source ticket_credentials;
	const char *case_id;
	const char *to;                /* vault: a directory or s3://BUCKET/PREFIX */
	struct vault_cli vault;        /* what there is to say about S3 */
	const char *recipient_text[SEAL_RECIPIENTS_MAX];
	struct seal_recipients recipients;
	bool selected[OPTIONS_COLLECTORS_MAX]; /* row by row of collectors[] */
	bool selection_given, memory_given, profile_given;
	enum collector_profile profile;
	enum collector_memory memory;
	uint64_t process_budget;       /* bytes; 0: the default */
	bool freeze;                   /* processes, while they are read */
	bool with_secrets;             /* of the host's owners, not masked */
	struct module_options lime;    /* where the module may come from */
	uint64_t deadline_s;           /* 0: none */
	uint64_t patience_s;           /* with a vault that takes nothing; never 0 */
	bool memory_first;             /* before the volatile state */
	size_t segment_size;           /* bytes; never 0 */
	unsigned workers;              /* never 0 */
	struct spool_options spool;    /* dir NULL: none */
	char spool_dir[4096];
	const char *time_server;       /* NULL: Amazon's; "none": not asked */
	struct aws_ranges *aws_ranges; /* Amazon's addresses, or NULL; released at the end */
	bool only_given;
	bool verbose;
};

/*
 * Read the command line of `evac collect`.  0; 1 when help was printed; -EINVAL
 * when it was wrong, and stderr has one line that names the offending word.
 */
int options_parse(struct options *o, int argc, char **argv);

/*
 * Read the ticket, if one was named, and take from it what the command line
 * did not say.  0, or a negative errno and ${error} says why.  ${o->ticket} is
 * the caller's, to be given back with ticket_free().
 */
int options_take_ticket(struct options *o, char error[OPTIONS_ERROR_MAX]);

/* What collectors are asked for, as far as the command line and the ticket say it. */
void options_request(const struct options *o, struct collector_request *ret);

/*
 * How the vault is reached, by ticket or command line: all of ${ret} but the
 * times.  What it points to lives as long as ${o}.  NULL: no vault was said.
 */
const struct vault_ops *options_vault(const struct options *o, struct vault_options *ret);

#endif
