/* preflight_vault.h - would an upload succeed: by a ticket or by what the host has. */
#ifndef PREFLIGHT_VAULT_H
#define PREFLIGHT_VAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "collection_id.h"
#include "options.h"

struct json;

/* What was asked, and what came of it. */
struct preflight_vault {
	struct options o;        /* as far as it is about the vault */
	bool no_upload;          /* look only at what is here */
	/* found out by preflight_vault_look() */
	bool asked, ticket_ok, reached, stored, already, tried;
	struct vault_facts facts;
	struct collection_id id;
	char name[64];           /* of the object that was put */
	int error;
	char why[OPTIONS_ERROR_MAX]; /* nothing is in it that is secret */
	int64_t took_ms, offset_s;
	bool offset_known;
	int64_t now_s;           /* by the server's clock, if it is known */
};

/* A ticket's vault: --ticket, --responder; or --to, --case and S3's options. */
#define PREFLIGHT_VAULT_ROWS(type, member)                                               \
	{ .name = "ticket", .arg = "FILE", .offset = offsetof(type, member.o.ticket_from), \
	  .help = "would a collection by this ticket arrive?  A file, -, or https://" }, \
	{ .name = "responder", .arg = "KEY", .offset = offsetof(type, member.o.responder), \
	  .help = "whose tickets count, as evac collect has it" },                       \
	{ .name = "to", .arg = "WHERE", .offset = offsetof(type, member.o.to),           \
	  .help = "or: would it arrive there, by the credentials that are here?" },      \
	{ .name = "case", .arg = "ID", .offset = offsetof(type, member.o.case_id),       \
	  .help = "with --to: the case (default \"preflight\")" },                       \
	{ .name = "no-upload", .offset = offsetof(type, member.no_upload),               \
	  .help = "put no object there: check the ticket and the address only" },        \
	VAULT_CLI_PLACE(type, member.o.vault),                                           \
	VAULT_CLI_KEEP(type, member.o.vault)

/* 0, or -EINVAL and ${error}: these words do not go together. */
int preflight_vault_check(struct preflight_vault *v, char error[CLI_ERROR_MAX]);

/*
 * Read the ticket; put one small object beside where a collection would go, and
 * with the same right.  True when a collection would arrive, or nothing was asked.
 */
bool preflight_vault_look(struct preflight_vault *v);

/* As lines: ${row} prints one. */
void preflight_vault_print(const struct preflight_vault *v,
			   void (*row)(const char *name, const char *value));

/* As members of an open object: "ticket" and "vault"; null: not asked. */
void preflight_vault_json(const struct preflight_vault *v, struct json *j);

void preflight_vault_free(struct preflight_vault *v);

#endif
