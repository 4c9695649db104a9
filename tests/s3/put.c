/*
 * put.c - stores one file through the agent's S3 vault: the vault alone, for
 * tests of what it does when things go wrong.
 *
 * usage: put [-e ENDPOINT] [-c CAFILE] [-r REGION] [-d DEADLINE_MS] [-p] [-t SECONDS] [-n COUNT] URL PATH NAME FILE
 *
 * -p: path style.  -t: the clock is wrong by so much.  -n: that many objects,
 * NAME.0, NAME.1 ... by one session.  Prints a line for each: "stored NAME" or
 * "ERRNO: message".  Exit status 0 when all were stored.
 */
#include <errno.h>
#include <fcntl.h>
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

static int put_all(struct vault *v, char **words, unsigned long count)
{
	struct vault_session *s = NULL;
	char name[128];
	void *data = NULL;
	size_t len;
	int failed = 0;

	if (io_load(AT_FDCWD, words[3], 1u << 30, &data, &len) < 0 ||
	    vault_s3.session(&s, v) < 0) {
		perror(words[3]);
		failed = 1;
	}
	for (unsigned long i = 0; s != NULL && i < count; i++) {
		if (count == 1)
			(void)snprintf(name, sizeof(name), "%s", words[2]);
		else
			(void)snprintf(name, sizeof(name), "%s.%lu", words[2], i);
		failed |= put_one(s, name, data, len) < 0;
	}
	vault_s3.session_close(s);
	free(data);
	return failed;
}

int main(int argc, char **argv)
{
	char error[VAULT_ERROR_MAX];
	struct vault_options o = { 0 };
	struct vault *v;
	unsigned long count = 1;
	int c, failed;

	if (sodium_init() < 0)
		return 1;
	while ((c = getopt(argc, argv, "e:c:r:d:pt:n:")) != -1) {
		switch (c) {
		case 'e': o.endpoint_url = optarg; break;
		case 'c': o.ca_file = optarg; break;
		case 'r': o.region = optarg; break;
		case 'd': o.deadline_ms = clock_now_ms() + atoll(optarg); break;
		case 'p': o.path_style = true; break;
		case 't': clock_error_s = atol(optarg); break;
		case 'n': count = strtoul(optarg, NULL, 10); break;
		default: return 64;
		}
	}
	if (argc - optind != 4)
		return 64;
	o.url = argv[optind];
	if (vault_s3.open(&v, &o, argv[optind + 1], error) < 0) {
		printf("open: %s\n", error);
		return 1;
	}
	failed = put_all(v, argv + optind, count);
	vault_s3.close(v);
	return failed;
}
