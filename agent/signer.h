/* signer.h - the option --signer: who must have signed a collection. */
#ifndef SIGNER_H
#define SIGNER_H

#include <stdbool.h>

#include "cli.h"
#include "minisign.h"

struct signer {
	bool given;
	struct minisign_public key;
};

/* The row, for a context ${type} with a struct signer ${member}. */
#define SIGNER_ROW(type, member)                                                         \
	{ .name = "signer", .arg = "KEY", .offset = offsetof(type, member),              \
	  .set = signer_set,                                                             \
	  .help = "the public key that evac collect printed: its 56 characters,\n"       \
		  "or a file: a minisign.pub, or what evac collect wrote to stdout" }

/*
 * As struct cli_option's set(), with a struct signer.  ${value} is a key's 56
 * characters, or a file with a public key as minisign writes it or with the
 * first line of evac collect's output.
 */
int signer_set(void *at, const char *value, char error[CLI_ERROR_MAX]);

/* The key, or NULL when none was given. */
const struct minisign_public *signer_key(const struct signer *s);

#endif
