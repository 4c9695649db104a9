/*
 * vault.h - where finished objects go: a directory or an S3 bucket.
 *
 * A vault takes an object whole, and never overwrites one.
 */
#ifndef VAULT_H
#define VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct ticket;

struct credentials_source;
struct s3_keeping;

/* Where and how; what it points to lives as long as the vault.  All but ${url} is S3's. */
struct vault_options {
	const char *url;      /* "s3://BUCKET/PREFIX" or a directory */
	const char *region;   /* NULL: from AWS_REGION, AWS_DEFAULT_REGION, else us-east-1 */
	const char *endpoint_url; /* NULL: Amazon's */
	const char *ca_file;  /* PEM roots besides those compiled in; NULL: none */
	const char *ca_pem;   /* more of them, as text; NULL: none */
	bool path_style;      /* bucket in the path, not in the host name */
	bool dualstack, fips; /* Amazon's endpoints of that kind */
	const char *proxy;    /* "http://HOST:PORT"; "env": by the environment; NULL: none */
	uint64_t limit_rate;  /* bytes a second of all sessions together; 0: no limit */
	const struct credentials_source *credentials; /* asked first; NULL: none given */
	const char *imds_endpoint; /* asked last; NULL: Amazon's; "none": not asked */
	const struct s3_keeping *keeping; /* NULL: as the bucket does by itself */
	const struct ticket *ticket; /* by whose right; NULL: by credentials alone */
	int64_t patience_ms;  /* no try begins after it, and only one that moves goes on;
			       * 0: as is worth it */
	int64_t give_up_ms;   /* no try begins after it, and no patience is lost; 0: as is worth it */
	int64_t deadline_ms;  /* CLOCK_MONOTONIC; no try goes on after it; 0: none */
	int64_t reserve_ms;   /* of that time, what only the last objects may use */
};

#define VAULT_ERROR_MAX 256

/* One object on its way out. */
struct vault_object {
	const char *name;     /* relative to the collection, e.g. "0000-volatile.tar.zst.age" */
	const void *data;
	size_t len;
	uint8_t sha256[32];   /* of the data */
	bool last;            /* the manifest, and what it needs: may use the reserve of time */
	int64_t until_ms;     /* CLOCK_MONOTONIC, less than the vault's times allow; 0: those */
	bool *held;           /* set when a call that hangs goes on reading ${data}, which
			       * must not change or go away any more; NULL: small data,
			       * and the vault may copy it */
};

/* When ${obj} has to be stored (CLOCK_MONOTONIC), out of a vault's times; 0: whenever. */
int64_t vault_until(int64_t deadline_ms, int64_t reserve_ms, const struct vault_object *obj);

struct vault;
struct vault_session;

/* What is known of the way to it; zeroes: unknown. */
struct vault_facts {
	const char *credentials; /* "ticket-post", "ticket-urls", "ticket-sts", "environment", "imds" */
	int64_t expires_s;       /* Unix time at which they end */
	time_t date;             /* the server's clock, in its last answer */
};

struct vault_ops {
	const char *scheme;   /* "s3://", or "" for a directory */
	/*
	 * Reach the vault; all objects will go below ${path} (relative,
	 * "CASE/HOST/ID").  On failure ${error} says why in one plain line,
	 * without any secret.  0 or a negative errno.
	 */
	int (*open)(struct vault **ret, const struct vault_options *o,
		    const char *path, char error[VAULT_ERROR_MAX]);
	/* A session belongs to one thread (a connection, a handle). */
	int (*session)(struct vault_session **ret, struct vault *v);
	/*
	 * Store one object: durable when it returns 0.  Retries by itself what is
	 * worth it.  -EEXIST when there is an object of that name that this
	 * vault did not write; another negative errno, and ${error}, when it
	 * is given up.
	 */
	int (*put)(struct vault_session *s, const struct vault_object *obj,
		   char error[VAULT_ERROR_MAX]);
	/* By whose right, and what the server's last answer says of it; NULL: nothing. */
	void (*facts)(const struct vault_session *s, struct vault_facts *ret);
	void (*session_close)(struct vault_session *s); /* NULL is fine */
	void (*close)(struct vault *v);                 /* NULL is fine */
};

extern const struct vault_ops vault_dir, vault_s3;

/* By a ticket that holds no credentials, but POST or PUT requests already signed. */
extern const struct vault_ops vault_post;

/* The vault for ${url}: s3 by its scheme, else a directory. */
const struct vault_ops *vault_find(const char *url);

#endif
