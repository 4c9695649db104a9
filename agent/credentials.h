/* credentials.h - keys for S3, from the first source that has some. */
#ifndef CREDENTIALS_H
#define CREDENTIALS_H

#include <stdint.h>

#define CREDENTIALS_ERROR_MAX 256
#define CREDENTIALS_KEY_MAX 256
#define CREDENTIALS_TOKEN_MAX 4096

/* One set, in memory that is locked and wiped. */
struct credentials {
	const char *key, *secret;
	const char *token;   /* NULL: none */
	int64_t expires_s;   /* Unix time; 0: not known */
};

/*
 * Somebody who has credentials.  ${load} may be called again, when those that
 * it gave have expired, but by one thread at a time.  It makes ${ret} with
 * credentials_make() and returns 0; -ENOENT when it has none, and ${error} may
 * say why; -EACCES and ${error} when what it has cannot be used.
 */
struct credentials_source {
	int (*load)(void *arg, struct credentials **ret, char error[CREDENTIALS_ERROR_MAX]);
	void *arg;
};

/* What one vault's sessions share. */
struct credentials_store;

/*
 * Copy them into locked memory.  0; -EACCES when one is missing, is too long
 * or has a blank or a control character, which would become part of a header;
 * -ENOMEM.
 */
int credentials_make(struct credentials **ret, const char *key, const char *secret,
		     const char *token, int64_t expires_s);

void credentials_free(struct credentials *c); /* wipes; NULL is fine */

/*
 * Load from the first that has some: ${given} (NULL: nothing was given), the
 * environment (its variables are taken out of it), the role of the instance by
 * ${imds} (NULL: Amazon's address; "none": not asked).  Before other threads
 * run.  0, or a negative errno and in ${error} why there are none.
 */
int credentials_open(struct credentials_store **ret, const struct credentials_source *given,
		     const char *imds, char error[CREDENTIALS_ERROR_MAX]);

void credentials_close(struct credentials_store *s); /* NULL is fine */

/*
 * Take the keys out of the environment now, before anybody looks there: it is
 * evidence as any other's.  credentials_open() finds them all the same.  Only
 * before other threads run.
 */
void credentials_take(void);

/* The run ends at ${end_ms} (CLOCK_MONOTONIC): nobody is asked again shortly before. */
void credentials_until(struct credentials_store *s, int64_t end_ms);

/* Whose they are: "ticket-sts", "environment" or "imds". */
const char *credentials_kind(const struct credentials_store *s);

/* Wipe what was taken out of the environment; only before the end. */
void credentials_forget(void);

/*
 * Those to use now, loaded anew where the old ones end within five minutes.
 * To be given back with credentials_put().
 */
const struct credentials *credentials_get(struct credentials_store *s);

void credentials_put(struct credentials_store *s, const struct credentials *c);

/*
 * The server does not take ${refused} any more: load anew, unless another
 * thread did.  0 when there are others now; -ENOENT when there are not.
 */
int credentials_renew(struct credentials_store *s, const struct credentials *refused);

#endif
