/*
 * credentials.c - keys for S3, from the first source that has some.
 *
 * A set that a request uses stays until it is given back, also when another
 * one has taken its place.  A source that fails later on leaves the old set in
 * use, and is asked again after a while, not by each request.
 */
#include "credentials.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "clock.h"
#include "imds.h"
#include "log.h"
#include "scope.h"
#include "secret.h"

/* The metadata service may take six seconds to say nothing. */
#define ASK_BEFORE_MS 7000
#define REFRESH_BEFORE_S 300
#define ASK_AGAIN_MS 30000
#define NO_KEYS "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"

/* A set and the texts that it points to. */
struct held {
	struct credentials set; /* first: it is what callers see */
	struct held *next;      /* older ones that are still in use */
	unsigned users;
	char text[];
};

struct credentials_store {
	const char *kind;
	int64_t end_ms; /* of the run; 0: none */
	pthread_mutex_t lock;
	struct credentials_source source; /* that had some; load NULL: cannot again */
	struct held *now;                 /* the head of a list */
	struct imds *imds;
	int64_t ask_ms;                   /* not asked again before */
};

static bool is_clean(const char *text, size_t max)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return len > 0 && len < max;
}

int credentials_make(struct credentials **ret, const char *key, const char *secret,
		     const char *token, int64_t expires_s)
{
	size_t k, s, t;
	struct held *h;

	if (key == NULL || secret == NULL || !is_clean(key, CREDENTIALS_KEY_MAX) ||
	    !is_clean(secret, CREDENTIALS_KEY_MAX) ||
	    (token != NULL && !is_clean(token, CREDENTIALS_TOKEN_MAX)))
		return -EACCES;
	k = strlen(key) + 1;
	s = strlen(secret) + 1;
	t = token != NULL ? strlen(token) + 1 : 0;
	/* sodium_malloc() aligns at the end: a whole number of pointers. */
	h = sodium_malloc((sizeof(*h) + k + s + t + 15) & ~(size_t)15);
	if (h == NULL)
		return -ENOMEM;
	h->next = NULL;
	h->users = 0;
	h->set = (struct credentials){ .key = h->text, .secret = h->text + k,
				       .token = token != NULL ? h->text + k + s : NULL,
				       .expires_s = expires_s };
	memcpy(h->text, key, k);
	memcpy(h->text + k, secret, s);
	if (token != NULL)
		memcpy(h->text + k + s, token, t);
	*ret = &h->set;
	return 0;
}

void credentials_free(struct credentials *c)
{
	sodium_free(c);
}

/* What the environment had: once it is taken, no other vault finds it there. */
static char *taken_key, *taken_secret, *taken_token;

static void take(char **ret, const char *name)
{
	char *value = secret_take(name);

	if (value == NULL)
		return;
	secret_free(*ret);
	*ret = value;
}

void credentials_take(void)
{
	take(&taken_key, "AWS_ACCESS_KEY_ID");
	take(&taken_secret, "AWS_SECRET_ACCESS_KEY");
	take(&taken_token, "AWS_SESSION_TOKEN");
}

static int load_environment(struct credentials **ret, char error[CREDENTIALS_ERROR_MAX])
{
	int r;

	credentials_take();
	(void)snprintf(error, CREDENTIALS_ERROR_MAX, NO_KEYS);
	if (taken_key == NULL || taken_secret == NULL)
		return -ENOENT;
	r = credentials_make(ret, taken_key, taken_secret, taken_token, 0);
	if (r == -EACCES)
		(void)snprintf(error, CREDENTIALS_ERROR_MAX, "the credentials in the "
			       "environment have a blank or a control character in them");
	return r;
}

void credentials_forget(void)
{
	secret_free(taken_key);
	secret_free(taken_secret);
	secret_free(taken_token);
	taken_key = taken_secret = taken_token = NULL;
}

static int load_role(void *arg, struct credentials **ret, char error[CREDENTIALS_ERROR_MAX])
{
	return imds_credentials(arg, ret, error);
}

/* The instance's role, the last choice: who broke in has it too. */
static int open_role(struct credentials_store *s, const char *endpoint,
		     struct credentials **ret, char error[CREDENTIALS_ERROR_MAX])
{
	char why[CREDENTIALS_ERROR_MAX] = "";
	int r;

	if (endpoint != NULL && strcmp(endpoint, "none") == 0)
		return -ENOENT;
	r = imds_open(&s->imds, endpoint, why);
	if (r == 0)
		r = load_role(s->imds, ret, why);
	if (r < 0)
		(void)snprintf(error, CREDENTIALS_ERROR_MAX, "%s; %.160s", NO_KEYS, why);
	else
		s->source = (struct credentials_source){ .load = load_role, .arg = s->imds };
	return r;
}

void credentials_until(struct credentials_store *s, int64_t end_ms)
{
	s->end_ms = end_ms;
}

const char *credentials_kind(const struct credentials_store *s)
{
	return s->kind;
}

int credentials_open(struct credentials_store **ret, const struct credentials_source *given,
		     const char *imds, char error[CREDENTIALS_ERROR_MAX])
{
	struct credentials_store *s = calloc(1, sizeof(*s));
	struct credentials *c = NULL;
	int r = -ENOENT;

	(void)snprintf(error, CREDENTIALS_ERROR_MAX, "%s", strerror(ENOMEM));
	if (s == NULL)
		return -ENOMEM;
	(void)pthread_mutex_init(&s->lock, NULL);
	if (given != NULL) {
		r = given->load(given->arg, &c, error);
		s->source = *given;
		s->kind = "ticket-sts";
	}
	if (r == -ENOENT) {
		s->source.load = NULL;
		r = load_environment(&c, error);
		s->kind = "environment";
	}
	if (r == -ENOENT) {
		r = open_role(s, imds, &c, error);
		s->kind = "imds";
	}
	if (r < 0) {
		credentials_close(s);
		return r;
	}
	s->now = (struct held *)c;
	*ret = s;
	return 0;
}

void credentials_close(struct credentials_store *s)
{
	if (s == NULL)
		return;
	while (s->now != NULL) {
		struct held *next = s->now->next;

		sodium_free(s->now);
		s->now = next;
	}
	imds_close(s->imds);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

/* The old ones stay only while they are in use. */
static void replace(struct credentials_store *s, struct held *new)
{
	struct held *old = s->now;

	new->next = old;
	if (old->users == 0) {
		new->next = old->next;
		sodium_free(old);
	}
	s->now = new;
}

/* Ask the source again, with the lock held.  0 when it gave others. */
static int load_again(struct credentials_store *s)
{
	char error[CREDENTIALS_ERROR_MAX] = "";
	const struct credentials *old = &s->now->set;
	struct credentials *c = NULL;
	int64_t now = clock_now_ms();
	int r;

	if (s->source.load == NULL || now < s->ask_ms)
		return -ENOENT;
	/* All who send wait for the answer meanwhile. */
	if (s->end_ms != 0 && now >= s->end_ms - ASK_BEFORE_MS)
		return -ENOENT;
	s->ask_ms = now + ASK_AGAIN_MS;
	r = s->source.load(s->source.arg, &c, error);
	if (r < 0) {
		log_line(LOG_WARN, "credentials could not be renewed: %s",
			 error[0] != '\0' ? error : strerror(-r));
		return -ENOENT;
	}
	if (strcmp(c->key, old->key) == 0 && strcmp(c->secret, old->secret) == 0 &&
	    (c->token == NULL) == (old->token == NULL) &&
	    (c->token == NULL || strcmp(c->token, old->token) == 0)) {
		credentials_free(c);
		return -ENOENT;
	}
	replace(s, (struct held *)c);
	log_line(LOG_INFO, "credentials were renewed");
	return 0;
}

const struct credentials *credentials_get(struct credentials_store *s)
{
	const struct credentials *c;
	int64_t end;

	(void)pthread_mutex_lock(&s->lock);
	end = s->now->set.expires_s;
	if (end != 0 && (int64_t)time(NULL) >= end - REFRESH_BEFORE_S)
		(void)load_again(s);
	s->now->users++;
	c = &s->now->set;
	(void)pthread_mutex_unlock(&s->lock);
	return c;
}

void credentials_put(struct credentials_store *s, const struct credentials *c)
{
	(void)pthread_mutex_lock(&s->lock);
	for (struct held **at = &s->now; *at != NULL; at = &(*at)->next) {
		struct held *h = *at;

		if (&h->set != c)
			continue;
		h->users--;
		if (h->users == 0 && h != s->now) {
			*at = h->next;
			sodium_free(h);
		}
		break;
	}
	(void)pthread_mutex_unlock(&s->lock);
}

int credentials_renew(struct credentials_store *s, const struct credentials *refused)
{
	int r;

	(void)pthread_mutex_lock(&s->lock);
	r = refused == &s->now->set ? load_again(s) : 0;
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}
