/*
 * test_credentials.c - which source counts, when it is asked again, and that a
 * set in use stays as it is when another takes its place.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "check.h"
#include "clock.h"
#include "credentials.h"

/* A source that gives A, B, C ... and counts. */
struct source {
	unsigned asked;
	int error;           /* instead */
	int64_t lasts_s;     /* 0: for ever */
	bool same;           /* always A */
};

static int load(void *arg, struct credentials **ret, char error[CREDENTIALS_ERROR_MAX])
{
	struct source *s = arg;
	char key[] = "A";

	if (!s->same)
		key[0] = (char)('A' + (int)s->asked);
	s->asked++;
	(void)snprintf(error, CREDENTIALS_ERROR_MAX, "the source says no");
	if (s->error < 0)
		return s->error;
	return credentials_make(ret, key, "secret", "token",
				s->lasts_s != 0 ? (int64_t)time(NULL) + s->lasts_s : 0);
}

static bool key_is(struct credentials_store *s, const char *key)
{
	const struct credentials *c = credentials_get(s);
	bool is = strcmp(c->key, key) == 0;

	credentials_put(s, c);
	return is;
}

static struct credentials_store *open_from(struct source *s)
{
	const struct credentials_source source = { load, s };
	char error[CREDENTIALS_ERROR_MAX];
	struct credentials_store *store = NULL;

	CHECK(credentials_open(&store, &source, "none", error) == 0, "credentials by a source");
	if (store == NULL)
		exit(1);
	return store;
}

static void test_make(void)
{
	static char big[CREDENTIALS_TOKEN_MAX + 1];
	struct credentials *c;

	CHECK(credentials_make(&c, "k", "s", NULL, 7) == 0 && strcmp(c->key, "k") == 0 &&
	      strcmp(c->secret, "s") == 0 && c->token == NULL && c->expires_s == 7, "a set");
	credentials_free(c);
	CHECK(credentials_make(&c, NULL, "s", NULL, 0) == -EACCES, "no key");
	CHECK(credentials_make(&c, "k", NULL, NULL, 0) == -EACCES, "no secret");
	CHECK(credentials_make(&c, "", "s", NULL, 0) == -EACCES, "an empty key");
	CHECK(credentials_make(&c, "k\n", "s", NULL, 0) == -EACCES, "a line feed");
	CHECK(credentials_make(&c, "k", "s s", NULL, 0) == -EACCES, "a blank");
	CHECK(credentials_make(&c, "k", "s", "t\xc3\xa9", 0) == -EACCES, "what is not ASCII");
	memset(big, 't', sizeof(big) - 1);
	CHECK(credentials_make(&c, "k", "s", big, 0) == -EACCES, "a token that is too long");
	CHECK(credentials_make(&c, big, "s", NULL, 0) == -EACCES, "a key that is too long");
	credentials_free(NULL);
}

static void test_order(void)
{
	struct source s = { .error = -ENOENT };
	const struct credentials_source source = { load, &s };
	struct credentials_store *store = NULL;
	char error[CREDENTIALS_ERROR_MAX];

	CHECK(credentials_open(&store, NULL, "none", error) == -ENOENT &&
	      strcmp(error, "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY") == 0,
	      "nobody has some: %s", error);
	(void)setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", "x", 1);
	CHECK(credentials_open(&store, &source, "none", error) == 0 && key_is(store, "ENV"),
	      "the environment's, where the first has none");
	CHECK(getenv("AWS_ACCESS_KEY_ID") == NULL, "and it has them no more");
	credentials_close(store);
	CHECK(credentials_open(&store, NULL, "none", error) == 0 && key_is(store, "ENV"),
	      "another vault gets the same");
	credentials_close(store);
	s.error = -EACCES;
	CHECK(credentials_open(&store, &source, "none", error) == -EACCES &&
	      strcmp(error, "the source says no") == 0, "what cannot be used ends it");
	s.error = 0;
	CHECK(credentials_open(&store, &source, "none", error) == 0 && key_is(store, "C"),
	      "the first counts when it has some");
	credentials_close(store);
	credentials_forget();
	CHECK(credentials_open(&store, NULL, "none", error) == -ENOENT, "forgotten");
	(void)setenv("AWS_ACCESS_KEY_ID", "a b", 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", "x", 1);
	CHECK(credentials_open(&store, NULL, "none", error) == -EACCES &&
	      strstr(error, "blank") != NULL, "a blank in the environment's");
	credentials_forget();
	CHECK(credentials_open(&store, NULL, "http://192.0.2.1", error) == -EINVAL &&
	      strstr(error, "192.0.2.1") != NULL, "a metadata service elsewhere is not asked");
}

static void test_renewal(void)
{
	struct source s = { .asked = 0 };
	struct credentials_store *store = open_from(&s);
	const struct credentials *old = credentials_get(store);

	CHECK(credentials_renew(store, old) == 0 && key_is(store, "B"), "renewed");
	CHECK(strcmp(old->key, "A") == 0, "the old set is as it was while it is in use");
	CHECK(credentials_renew(store, old) == 0 && s.asked == 2,
	      "who comes with the old one gets the new one unasked");
	credentials_put(store, old);
	old = credentials_get(store);
	CHECK(credentials_renew(store, old) == -ENOENT && s.asked == 2,
	      "not asked again so soon");
	credentials_put(store, old);
	credentials_close(store);

	s = (struct source){ .same = true };
	store = open_from(&s);
	old = credentials_get(store);
	CHECK(credentials_renew(store, old) == -ENOENT && s.asked == 2, "the same are no others");
	credentials_put(store, old);
	credentials_close(store);

	s = (struct source){ .asked = 0 };
	store = open_from(&s);
	s.error = -ENOENT;
	old = credentials_get(store);
	CHECK(credentials_renew(store, old) == -ENOENT && key_is(store, "A"),
	      "a source that fails leaves the old ones");
	credentials_put(store, old);
	credentials_close(store);
	credentials_close(NULL);
}

static void test_expiry(void)
{
	struct source s = { .lasts_s = 299 };
	struct credentials_store *store = open_from(&s);

	CHECK(key_is(store, "B") && s.asked == 2, "asked again five minutes before the end");
	CHECK(key_is(store, "B") && s.asked == 2, "but not by each request");
	credentials_close(store);
	s = (struct source){ .lasts_s = 400 };
	store = open_from(&s);
	CHECK(key_is(store, "A") && s.asked == 1, "not before");
	credentials_close(store);
	s = (struct source){ .lasts_s = 299 };
	store = open_from(&s);
	credentials_until(store, clock_now_ms() + 5000);
	CHECK(key_is(store, "A") && s.asked == 1, "nor when the run ends before an answer may come");
	credentials_until(store, clock_now_ms() + 60000);
	CHECK(key_is(store, "B") && s.asked == 2, "but a minute before its end");
	credentials_close(store);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	(void)unsetenv("AWS_ACCESS_KEY_ID");
	(void)unsetenv("AWS_SECRET_ACCESS_KEY");
	(void)unsetenv("AWS_SESSION_TOKEN");
	test_make();
	test_order();
	test_renewal();
	test_expiry();
	return CHECK_DONE();
}
