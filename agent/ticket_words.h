/* ticket_words.h - what `evac ticket` was asked for. */
#ifndef TICKET_WORDS_H
#define TICKET_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "ticket.h"

/* Texts point into argv. */
struct ticket_words {
	struct ticket t;       /* as far as the words go */
	const char *sign_key;  /* file of the responder's signing key */
	const char *from;      /* file or "-": what aws sts assume-role printed */
	const char *output;    /* NULL: stdout */
	const char *ca_file;
	const char *host;      /* a collection's folder, of TICKET_PUT */
	bool print_policy;
	char lime_key[MINISIGN_PUBLIC_TEXT]; /* of the ticket */
	uint64_t valid_s;
};

/*
 * Read the command line.  0; 1 when help was printed; -EINVAL when it was
 * wrong, and stderr has one line that names the offending word.
 */
int ticket_words_parse(struct ticket_words *w, int argc, char **argv);

#endif
