/*
 * ticket_make.c - `evac ticket`.
 *
 * Runs at the responder's.  Reads the credentials of the environment (or what
 * `aws sts assume-role` printed) and the signing key, and writes a ticket to
 * stdout or to a new file that only its owner may read.  Nothing is sent.
 */
#include "ticket_make.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "cli.h"
#include "collection_id.h"
#include "collector.h"
#include "io.h"
#include "policy.h"
#include "quote.h"
#include "s3.h"
#include "scope.h"
#include "secret.h"
#include "signkey.h"
#include "ticket.h"
#include "ticket_words.h"

#define CA_MAX (64u * 1024)
#define QUERY_MAX 8192

/* A ticket as it is made. */
struct make {
	struct ticket_words w;      /* its ticket is filled in here */
	struct policy_signer signer;
	char *key, *secret, *token; /* of the environment: secret_take()n */
	void *assumed;              /* sodium_malloc()ed */
	void *ca;
	struct s3_place place;
	char prefix[S3_KEY_MAX];    /* of all keys, with its last slash */
	struct policy_post post;
	char collection[COLLECTION_CASE_MAX + 32];
	char query[QUERY_MAX];
	uint8_t *signatures;
};

static int fail(const char *what, const char *why)
{
	char quoted[256];

	(void)fprintf(stderr, "evac ticket: %s: %s\n", quote_text(quoted, sizeof(quoted), what),
		      why);
	return -EINVAL;
}

/* Where the keys are, and below which prefix. */
static int find_place(struct make *m)
{
	struct s3_reach reach = { .endpoint = m->w.t.endpoint_url, .path_style = m->w.t.path_style };
	char why[S3_ERROR_MAX];

	if (m->w.t.region == NULL)
		m->w.t.region = getenv("AWS_REGION");
	if (m->w.t.region == NULL)
		m->w.t.region = getenv("AWS_DEFAULT_REGION");
	if (m->w.t.region == NULL)
		m->w.t.region = "us-east-1";
	reach.region = m->w.t.region;
	if (strncmp(m->w.t.to, "s3://", 5) != 0)
		return fail("--to", "must be s3://BUCKET/PREFIX");
	/* "${filename}" is a variable in the key of a POST. */
	if (strstr(m->w.t.to, "${") != NULL)
		return fail("--to", "the prefix must not have ${ in it");
	if (s3_place(&m->place, m->w.t.to, &reach, why) < 0) {
		(void)fprintf(stderr, "evac ticket: %s\n", why);
		return -EINVAL;
	}
	if (s3_key(m->prefix, &m->place, m->w.t.case_id, "x") < 0)
		return fail("--to", "the prefix is too long");
	m->prefix[strlen(m->prefix) - 1] = '\0';
	return 0;
}

static int load_assumed(struct make *m)
{
	bool is_stdin = strcmp(m->w.from, "-") == 0;
	AUTO_CLOSE int fd = is_stdin ? dup(STDIN_FILENO) : open(m->w.from, O_RDONLY | O_CLOEXEC);
	char *text = sodium_malloc(TICKET_TEXT_MAX + 1);
	ssize_t n = -ENOMEM;
	int r = -EINVAL;

	if (fd < 0)
		n = -errno;
	else if (text != NULL)
		n = io_read(fd, text, TICKET_TEXT_MAX + 1);
	if (n >= 0)
		r = ticket_read_assumed(text, (size_t)n, &m->w.t, &m->assumed);
	sodium_free(text);
	if (r < 0)
		return fail(m->w.from, n < 0 ? strerror((int)-n) :
				     "is not what aws sts assume-role --output json prints");
	return 0;
}

static int find_credentials(struct make *m)
{
	if (m->w.from != NULL)
		return load_assumed(m);
	m->key = secret_take("AWS_ACCESS_KEY_ID");
	m->secret = secret_take("AWS_SECRET_ACCESS_KEY");
	m->token = secret_take("AWS_SESSION_TOKEN");
	if (m->key == NULL || m->secret == NULL)
		return fail("credentials", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
	m->signer.key = m->key;
	m->signer.secret = m->secret;
	m->signer.token = m->token;
	if (m->w.t.kind != TICKET_CREDENTIALS)
		return 0;
	if (m->token == NULL)
		return fail("credentials", "these are permanent, and shall not go to a host: "
			    "see --print-policy and --from");
	m->w.t.key = m->key;
	m->w.t.secret = m->secret;
	m->w.t.token = m->token;
	return 0;
}

static void add_field(struct ticket *t, const char *name, const char *value)
{
	t->field[t->field_count++] = (struct ticket_field){ name, value };
}

static int make_post(struct make *m)
{
	const struct policy_grant grant = {
		.bucket = m->place.bucket, .prefix = m->prefix, .size_max = m->w.t.size_max,
		.expires = m->w.t.expires_s, .sha256 = m->w.t.sha256,
	};
	struct ticket *t = &m->w.t;
	int r = policy_post(&m->post, &m->signer, &grant);

	if (r < 0)
		return fail("policy", r == -ENAMETOOLONG ? "the session token is too long" :
			    strerror(-r));
	t->url = m->place.base;
	add_field(t, "Content-Type", "application/octet-stream");
	add_field(t, "x-amz-algorithm", "AWS4-HMAC-SHA256");
	add_field(t, "x-amz-credential", m->post.credential);
	add_field(t, "x-amz-date", m->post.date);
	if (m->signer.token != NULL)
		add_field(t, "x-amz-security-token", m->signer.token);
	add_field(t, "policy", m->post.policy);
	add_field(t, "x-amz-signature", m->post.signature);
	return 0;
}

/* One of the PUTs, below ${folder} of the case; its query is every other's. */
static int presign(struct make *m, const char *folder, const char *name,
		   uint8_t ret[TICKET_SIGNATURE_BYTES])
{
	static char key[S3_KEY_MAX], url[S3_URL_MAX], out[S3_URL_MAX + QUERY_MAX];
	char path[sizeof(m->collection) + COLLECTION_CASE_MAX + 1];
	char *query, *signature;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/%s", m->w.t.case_id, folder);
	if (s3_key(key, &m->place, path, name) < 0)
		return -ENAMETOOLONG;
	s3_url(url, &m->place, key);
	if (policy_presign(out, sizeof(out), &m->signer, POLICY_CREATE, url, (uint32_t)m->w.valid_s) < 0)
		return -ENAMETOOLONG;
	query = strchr(out, '?') + 1;
	signature = strstr(query, "&X-Amz-Signature=");
	*signature = '\0';
	signature += strlen("&X-Amz-Signature=");
	(void)snprintf(m->query, sizeof(m->query), "%s", query);
	return sodium_hex2bin(ret, TICKET_SIGNATURE_BYTES, signature, strlen(signature),
			      NULL, &len, NULL) == 0 ? 0 : -EINVAL;
}

static bool is_named(const struct ticket_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->name[i], name) == 0)
			return true;
	return false;
}

static void add_group(struct ticket *t, const char *group)
{
	for (size_t i = 0; i < t->group_count; i++)
		if (strcmp(t->group[i], group) == 0)
			return;
	if (t->group_count < TICKET_GROUPS_MAX)
		t->group[t->group_count++] = group;
}

static int make_put(struct make *m)
{
	char name[TICKET_PUT_NAME_MAX];
	struct collection_id id;
	struct ticket *t = &m->w.t;
	int r = collection_id_make(&id, t->case_id);

	(void)snprintf(m->collection, sizeof(m->collection), "%s/%s", m->w.host, id.id);
	for (size_t i = 0; collectors[i] != NULL; i++)
		if ((t->only.count == 0 || is_named(&t->only, collectors[i]->name)) &&
		    !is_named(&t->skip, collectors[i]->name))
			add_group(t, collectors[i]->group);
	add_group(t, "agent"); /* the journal */
	while (ticket_put_name(t, t->signature_count, name))
		t->signature_count++;
	m->signatures = sodium_malloc(t->signature_count * TICKET_SIGNATURE_BYTES);
	if (m->signatures == NULL)
		return fail("signatures", strerror(ENOMEM));
	for (size_t i = 0; r == 0 && ticket_put_name(t, i, name); i++)
		r = presign(m, m->collection, name, m->signatures + i * TICKET_SIGNATURE_BYTES);
	(void)snprintf(name, sizeof(name), "%s" TICKET_PROBE, id.id);
	if (r == 0)
		r = presign(m, m->w.host, name, t->probe);
	t->has_probe = r == 0;
	if (r < 0)
		return fail("signatures", "the prefix or the session token is too long");
	t->collection = m->collection;
	t->query = m->query;
	t->signatures = m->signatures;
	return 0;
}

static int fill(struct make *m)
{
	struct ticket *t = &m->w.t;
	size_t len;
	int r = 0;

	if (m->w.ca_file != NULL) {
		r = io_load(AT_FDCWD, m->w.ca_file, CA_MAX, &m->ca, &len);
		if (r < 0)
			return fail(m->w.ca_file, strerror(-r));
		t->ca = m->ca;
	}
	m->signer.region = m->place.region;
	m->signer.now = time(NULL);
	t->issued_s = m->signer.now;
	t->expires_s = t->issued_s + (int64_t)m->w.valid_s;
	if (t->credentials_expire_s != 0 && t->credentials_expire_s < t->expires_s)
		t->expires_s = t->credentials_expire_s;
	if (t->expires_s <= t->issued_s)
		return fail("credentials", "they have expired");
	if (t->kind == TICKET_POST)
		r = make_post(m);
	else if (t->kind == TICKET_PUT)
		r = make_put(m);
	return r;
}

static int write_out(const struct make *m, const struct buf *text)
{
	int fd = STDOUT_FILENO, r;

	if (m->w.output != NULL)
		fd = open(m->w.output, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(m->w.output, strerror(errno));
	r = io_write(fd, text->data, text->len);
	if (m->w.output != NULL && close(fd) < 0 && r == 0)
		r = -errno;
	if (r < 0 && m->w.output != NULL)
		(void)unlink(m->w.output);
	return r < 0 ? fail(m->w.output != NULL ? m->w.output : "stdout", strerror(-r)) : 0;
}

static int sign_and_write(struct make *m)
{
	char why[MINISIGN_ERROR_MAX], public[MINISIGN_PUBLIC_TEXT], expires[TICKET_TIME];
	struct minisign_key *key;
	struct buf text;
	int r = signkey_load(m->w.sign_key, &key, why);

	if (r < 0)
		return fail(m->w.sign_key, why);
	minisign_public_text(&key->public, public);
	r = buf_open(&text, 2 * TICKET_TEXT_MAX);
	if (r == 0)
		r = ticket_write(&m->w.t, key, &text);
	sodium_free(key);
	if (r == -ENOBUFS)
		r = fail("ticket", "it gets too long: ask for fewer --segments");
	else if (r < 0)
		r = fail("ticket", strerror(-r));
	else
		r = write_out(m, &text);
	buf_free(&text);
	if (r < 0)
		return r;
	ticket_time_text(m->w.t.expires_s, expires);
	(void)fprintf(stderr, "Ticket for case %s, below s3://%s/%s, until %s, signed by %s\n",
		      m->w.t.case_id, m->place.bucket, m->prefix, expires, public);
	if (m->signer.token != NULL && m->w.t.kind != TICKET_CREDENTIALS)
		(void)fprintf(stderr, "It ends earlier if the session ends whose credentials "
			      "signed it\n");
	return 0;
}

static int print_policy(const struct make *m)
{
	const struct policy_grant grant = { .bucket = m->place.bucket, .prefix = m->prefix };
	struct buf text;
	int r = buf_open(&text, 8192);

	if (r == 0)
		r = policy_session(&text, m->place.region, &grant);
	if (r == 0)
		r = buf_add(&text, "\n", 1);
	if (r == 0)
		r = io_write(STDOUT_FILENO, text.data, text.len);
	buf_free(&text);
	return r < 0 ? fail("policy", strerror(-r)) : 0;
}

int ticket_make_main(int argc, char **argv)
{
	static struct make m;
	int r = ticket_words_parse(&m.w, argc, argv);

	if (r != 0)
		return r > 0 ? 0 : CLI_USAGE;
	r = find_place(&m);
	if (r == 0 && m.w.print_policy)
		return print_policy(&m) < 0 ? 1 : 0;
	if (r == 0)
		r = find_credentials(&m);
	if (r == 0)
		r = fill(&m);
	if (r == 0)
		r = sign_and_write(&m);
	secret_free(m.key);
	secret_free(m.secret);
	secret_free(m.token);
	sodium_free(m.assumed);
	sodium_free(m.signatures);
	free(m.ca);
	sodium_memzero(&m, sizeof(m));
	return r < 0 ? 1 : 0;
}
