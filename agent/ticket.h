/*
 * ticket.h - a responder's signed order to collect: what, for whom, where to,
 * and the right to put it there.
 *
 * A file of JSON: {"evac_ticket":1,"payload":BASE64,"signature":TEXT}.  The
 * payload is JSON; the signature is the text of a minisign signature file over
 * its bytes.  Who has a ticket can upload by it until it expires: it is secret,
 * and is never shown.
 */
#ifndef TICKET_H
#define TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credentials.h"
#include "minisign.h"
#include "seal.h"

struct buf;
struct http_options;

#define TICKET_TEXT_MAX (256u * 1024) /* bytes of the file */
#define TICKET_ERROR_MAX 256
#define TICKET_TIME 21               /* "2026-11-24T09:30:00Z" and its NUL */
#define TICKET_NAMES_MAX 32
#define TICKET_FIELDS_MAX 16
#define TICKET_GROUPS_MAX 8
#define TICKET_SEGMENTS_MAX 500
#define TICKET_KEYS_MAX 16
#define TICKET_SIGNATURE_BYTES 32    /* of one presigned PUT */

/* By what right objects are put. */
enum ticket_kind {
	TICKET_POST,        /* a POST policy: any key below one prefix */
	TICKET_PUT,         /* one presigned PUT for each object */
	TICKET_CREDENTIALS, /* temporary ones, for signing requests */
};

struct ticket_names {
	const char *name[TICKET_NAMES_MAX];
	size_t count;
};

struct ticket_field {
	const char *name, *value;
};

/* All texts live as long as the ticket; NULL where nothing was said. */
struct ticket {
	const char *case_id, *to, *endpoint_url, *region;
	const char *ca;            /* PEM, for the vault */
	bool path_style;
	const char *recipient[SEAL_RECIPIENTS_MAX];
	size_t recipient_count;
	uint64_t deadline_s;       /* 0: none */
	struct ticket_names only, skip;
	const char *profile, *memory;
	bool with_secrets;
	const char *lime_store;    /* kmod_store.h */
	const char *lime_key;      /* who signs the modules: 56 characters */
	int64_t issued_s, expires_s; /* Unix time */

	enum ticket_kind kind;
	/* of TICKET_POST */
	const char *url;
	struct ticket_field field[TICKET_FIELDS_MAX];
	size_t field_count;
	bool sha256;               /* x-amz-checksum-sha256 and not Content-MD5 */
	uint64_t size_max;         /* bytes of one object */
	/* of TICKET_PUT: see ticket_put_name() */
	const char *collection;    /* "HOST/ID": the keys are fixed */
	const char *query;         /* up to "&X-Amz-Signature=" */
	const char *group[TICKET_GROUPS_MAX];
	size_t group_count;
	unsigned segments;
	const uint8_t *signatures; /* TICKET_SIGNATURE_BYTES for each name */
	size_t signature_count;
	bool has_probe;            /* and one for preflight: see TICKET_PROBE */
	uint8_t probe[TICKET_SIGNATURE_BYTES];
	/* of TICKET_CREDENTIALS */
	const char *key, *secret, *token;
	int64_t credentials_expire_s; /* 0: not known */

	void *memory_block;        /* where the texts are: locked */
	void *signature_block;
};

/*
 * Sign the payload that ${t} describes and write the file's text.  0; -ENOBUFS
 * when it gets longer than TICKET_TEXT_MAX; -ENOMEM; -EINVAL.
 */
int ticket_write(const struct ticket *t, const struct minisign_key *key, struct buf *out);

/*
 * Read a ticket's text, which one of ${count} ${keys} must have signed.  0;
 * -EPERM none of them did; -EPROTONOSUPPORT another version; -EINVAL; -ENOMEM;
 * ${error} says why in one line, without anything of the ticket.
 */
int ticket_read(const char *text, size_t len, const struct minisign_public *keys,
		size_t count, struct ticket **ret, char error[TICKET_ERROR_MAX]);

/* The payload alone, which somebody has vouched for.  As ticket_read(). */
int ticket_parse(const char *payload, size_t len, struct ticket **ret,
		 char error[TICKET_ERROR_MAX]);

/*
 * Is it valid at ${now_s}?  ${by_server}: the time is a server's and not this
 * host's.  0, or -EKEYEXPIRED and ${error} says when it ended, and that it may
 * be the clock that is wrong.
 */
int ticket_check_time(const struct ticket *t, int64_t now_s, bool by_server,
		      char error[TICKET_ERROR_MAX]);

/* Wipe and free; NULL is fine. */
void ticket_free(struct ticket *t);

/* The ticket's credentials (TICKET_CREDENTIALS), as a source's load(). */
int ticket_credentials(void *ticket, struct credentials **ret,
		       char error[CREDENTIALS_ERROR_MAX]);

#define TICKET_PUT_NAME_MAX 96

/* Ends the name of the object by which preflight shows that an upload succeeds:
 * beside the collection's folder, with the collection's id before it. */
#define TICKET_PROBE ".preflight.txt"

/*
 * The object whose presigned PUT has number ${i}: evac.pub, the manifest, the
 * marker of the volatile part, then each segment that there can be and its
 * signature, number by number, group by group.  False past the last.
 */
bool ticket_put_name(const struct ticket *t, size_t i, char ret[TICKET_PUT_NAME_MAX]);

/* The signature of the PUT of ${name}; NULL when the ticket has none. */
const uint8_t *ticket_put_signature(const struct ticket *t, const char *name);

/* Write the time as text. */
void ticket_time_text(int64_t when_s, char ret[TICKET_TIME]);

/* Read "2026-11-24T09:30:00Z", or with "+00:00" at its end.  0 or -EINVAL. */
int ticket_time_parse(const char *text, int64_t *ret_s);

/* The trusted comment of a ticket's signature. */
void ticket_comment(const struct ticket *t, char ret[MINISIGN_COMMENT_MAX]);

/*
 * Read a ticket from the file ${from}, standard input ("-") or an "https://"
 * URL, reached as ${how} says, and check its signature and time.  ${responder} is a public key, or a file
 * that has it, and then the only one that counts; NULL: those that this host
 * knows, /etc/evac/responder.pub and /etc/evac/responders/NAME.pub.  0, or a
 * negative errno and ${error} says why in one line.
 */
int ticket_load(const char *from, const char *responder, const struct http_options *how,
		struct ticket **ret, char error[TICKET_ERROR_MAX]);

/*
 * What `aws sts assume-role` printed, or only its "Credentials", into the
 * ticket's key, secret, token and end; the texts point into ${ret_block}, to be
 * given back with sodium_free().  0 or -EINVAL.
 */
int ticket_read_assumed(const char *text, size_t len, struct ticket *t, void **ret_block);

#endif
