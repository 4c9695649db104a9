/*
 * put.c - stores one file through the agent's S3 vault: the vault alone, for
 * tests of what it does when things go wrong.
 *
 * usage: put [-e ENDPOINT] [-c CAFILE] [-r REGION] [-d DEADLINE_MS] [-P PATIENCE_MS] [-p] [-s] [-t SECONDS] [-n COUNT]
 *            [-j SESSIONS] [-o OPTION=VALUE]... URL PATH NAME FILE
 *
 * -p: path style.  -t: the clock is wrong by so much.  -n: that many objects,
 * NAME.0, NAME.1 ... by one session.  -j: that many sessions, one beside the
 * other, likewise.  -s: each has its own name written over its beginning.  -o: an option as evac collect has it.  Prints
 * a line for each: "stored NAME" or "ERRNO: message".  Exit status 0 when all were
 * stored.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <sodium.h>

#include "clock.h"
#include "digest.h"
#include "errname.h"
#include "io.h"
#include "vault.h"
#include "vault_cli.h"

#define SESSIONS_MAX 16u

static long clock_error_s;

/* Instead of the C library's: the program, libcurl and OpenSSL see a wrong clock. */
time_t time(time_t *ret)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += clock_error_s;
	if (ret != NULL)
		*ret = t.tv_sec;
	return t.tv_sec;
}

static int put_one(struct vault_session *s, const char *name, const void *data, size_t len)
{
	struct vault_object obj = { .name = name, .data = data, .len = len };
	char error[VAULT_ERROR_MAX] = "";
	int r = digest_memory(data, len, obj.sha256);

	if (r == 0)
		r = vault_s3.put(s, &obj, error);
	if (r < 0)
		printf("%s: %s\n", errname(r), error);
	else
		printf("stored %s\n", name);
	return r;
}

/* One session and what it stores. */
struct job {
	struct vault *vault;
	const char *name;
	const void *data;
	size_t len;
	unsigned long first, count;
	bool numbered, stamped;
	int failed;
};

static void *put_all(void *arg)
{
	struct job *j = arg;
	struct vault_session *s = NULL;
	char name[128], *own = malloc(j->len);

	if (own == NULL)
		abort();
	memcpy(own, j->data, j->len);
	if (vault_s3.session(&s, j->vault) < 0)
		j->failed = 1;
	for (unsigned long i = j->first; s != NULL && i < j->first + j->count; i++) {
		if (!j->numbered)
			(void)snprintf(name, sizeof(name), "%s", j->name);
		else
			(void)snprintf(name, sizeof(name), "%s.%lu", j->name, i);
		if (j->stamped && strlen(name) <= j->len)
			memcpy(own, name, strlen(name));
		j->failed |= put_one(s, name, own, j->len) < 0;
	}
	free(own);
	vault_s3.session_close(s);
	return NULL;
}

static int put_files(struct vault *v, char **words, unsigned long count, unsigned long sessions, bool stamped)
{
	struct job jobs[SESSIONS_MAX];
	pthread_t threads[SESSIONS_MAX];
	void *data = NULL;
	size_t len;
	int failed = 0;

	if (io_load(AT_FDCWD, words[3], 1u << 30, &data, &len) < 0) {
		perror(words[3]);
		return 1;
	}
	for (unsigned long i = 0; i < sessions; i++) {
		jobs[i] = (struct job){ v, words[2], data, len, i * count, count,
					count * sessions > 1, stamped, 0 };
		if (pthread_create(&threads[i], NULL, put_all, &jobs[i]) != 0)
			abort();
	}
	for (unsigned long i = 0; i < sessions; i++) {
		(void)pthread_join(threads[i], NULL);
		failed |= jobs[i].failed;
	}
	free(data);
	return failed;
}

struct words {
	struct vault_cli vault;
	unsigned long count, sessions;
	bool stamped;
};

/* "NAME=VALUE", or "NAME" of a flag, by the same code as evac's. */
static int set_option(struct words *w, const char *text)
{
	static const struct cli_option rows[] = {
		VAULT_CLI_REACH(struct words, vault), VAULT_CLI_KEEP(struct words, vault),
	};
	size_t len = strcspn(text, "=");
	char error[CLI_ERROR_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *at = (char *)w + rows[i].offset;

		if (strlen(rows[i].name) != len || strncmp(rows[i].name, text, len) != 0)
			continue;
		if (rows[i].set != NULL)
			return rows[i].set(at, text + len + (text[len] == '='), error);
		*(bool *)at = true;
		return 0;
	}
	return -EINVAL;
}

static int take_words(struct words *w, struct vault_options *o, int argc, char **argv)
{
	int c, r = 0;

	while (r == 0 && (c = getopt(argc, argv, "e:c:r:d:P:pst:n:j:o:")) != -1) {
		switch (c) {
		case 'e': o->endpoint_url = optarg; break;
		case 'c': o->ca_file = optarg; break;
		case 'r': o->region = optarg; break;
		case 'd': o->deadline_ms = clock_now_ms() + atoll(optarg); break;
		case 'P': o->patience_ms = atoll(optarg); break;
		case 'p': o->path_style = true; break;
		case 's': w->stamped = true; break;
		case 't': clock_error_s = atol(optarg); break;
		case 'n': w->count = strtoul(optarg, NULL, 10); break;
		case 'j': w->sessions = strtoul(optarg, NULL, 10); break;
		case 'o': r = set_option(w, optarg); break;
		default: r = -EINVAL;
		}
	}
	vault_cli_apply(&w->vault, o);
	return argc - optind == 4 && w->sessions >= 1 && w->sessions <= SESSIONS_MAX ? r : -EINVAL;
}

int main(int argc, char **argv)
{
	char error[VAULT_ERROR_MAX];
	struct vault_options o = { 0 };
	struct words w = { .count = 1, .sessions = 1 };
	struct vault *v;
	int failed;

	/* A line at a time: what goes to standard error shall not cut one in two. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (sodium_init() < 0 || take_words(&w, &o, argc, argv) < 0)
		return 64;
	o.url = argv[optind];
	if (vault_s3.open(&v, &o, argv[optind + 1], error) < 0) {
		printf("open: %s\n", error);
		return 1;
	}
	failed = put_files(v, argv + optind, w.count, w.sessions, w.stamped);
	vault_s3.close(v);
	return failed;
}
