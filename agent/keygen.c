/*
 * keygen.c - `evac keygen`: an age identity, as age-keygen makes it, or a key
 * pair that signs tickets, as minisign makes it.
 *
 * Writes the secret to stdout or to a new file that only its owner may read; a
 * file that exists is never touched, and one that could not be written whole is
 * removed.  The secret is wiped from memory.
 */
#include "keygen.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agekey.h"
#include "cli.h"
#include "io.h"
#include "quote.h"
#include "scope.h"
#include "signkey.h"

struct arguments {
	const char *output;
	bool signing;
};

static const struct cli_option options[] = {
	{ .name = "output", .letter = 'o', .arg = "FILE",
	  .offset = offsetof(struct arguments, output),
	  .help = "write it to FILE, which must not exist, and not to stdout" },
	{ .name = "signing", .offset = offsetof(struct arguments, signing),
	  .help = "a key that signs tickets, and FILE.pub, by which hosts know them" },
};

static const struct cli cli = {
	.verb = "keygen",
	.usage = "[--signing] [-o FILE]",
	.about = "Makes the key pair of a responder.  Its public key, \"age1...\", is the\n"
		 "--recipient of evac collect; the secret one opens the evidence and never\n"
		 "goes to a host under examination.  age(1) reads it too.\n"
		 "With --signing it is a key that signs tickets; minisign(1) reads it too.\n",
	.options = options,
	.option_count = ARRAY_LEN(options),
};

/* The text of a new identity file into ${text}. */
static int make_text(char *text, size_t cap, char public_text[AGEKEY_RECIPIENT_TEXT])
{
	uint8_t secret[AGEKEY_BYTES], public[AGEKEY_BYTES];
	char secret_text[AGEKEY_IDENTITY_TEXT], created[64] = "";
	time_t now = time(NULL);
	struct tm tm;
	int n;

	randombytes_buf(secret, sizeof(secret));
	agekey_public(secret, public);
	agekey_recipient_text(public, public_text);
	agekey_identity_text(secret, secret_text);
	if (gmtime_r(&now, &tm) != NULL)
		(void)strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &tm);
	n = snprintf(text, cap, "# created: %s\n# public key: %s\n%s\n", created,
		     public_text, secret_text);
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(secret_text, sizeof(secret_text));
	return n < 0 || (size_t)n >= cap ? -ENOBUFS : 0;
}

static int write_file(const char *path, const char *text, mode_t mode)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
				 O_CLOEXEC, mode);
	int r;

	if (fd < 0)
		return -errno;
	r = io_write(fd, text, strlen(text));
	if (r == 0 && fsync(fd) < 0 && errno != EINVAL)
		r = -errno;
	if (r < 0)
		(void)unlink(path);
	return r;
}

/* Into a file that others may read, stdout may be led by mistake. */
static void warn_of_readers(void)
{
	struct stat st;

	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_mode & (S_IRGRP | S_IROTH)) != 0)
		(void)fprintf(stderr, "evac keygen: warning: others may read the file that "
			      "the secret key goes to\n");
}

static int fail(const char *where, int r)
{
	char quoted[256];

	(void)fprintf(stderr, "evac keygen: %s: %s\n", quote_text(quoted, sizeof(quoted), where),
		      strerror(-r));
	return 1;
}

/* Two files, or none. */
static int make_signing(const char *output)
{
	struct minisign_key *key = sodium_malloc(sizeof(*key));
	char secret[SIGNKEY_FILE_MAX], public[MINISIGN_PUBLIC_FILE_MAX];
	char public_text[MINISIGN_PUBLIC_TEXT], path[4096];
	int r = key == NULL ? -ENOMEM : 0, n;

	n = snprintf(path, sizeof(path), "%s.pub", output);
	if (n < 0 || (size_t)n >= sizeof(path))
		r = -ENAMETOOLONG;
	if (r < 0) {
		sodium_free(key);
		return fail(output, r);
	}
	minisign_keygen(key);
	signkey_file(key, secret);
	minisign_public_file(&key->public, public);
	minisign_public_text(&key->public, public_text);
	sodium_free(key);
	r = write_file(path, public, 0644);
	if (r == 0) {
		r = write_file(output, secret, 0600);
		if (r < 0)
			(void)unlink(path);
	}
	sodium_memzero(secret, sizeof(secret));
	if (r < 0)
		return fail(output, r);
	(void)fprintf(stderr, "Public key: %s\n", public_text);
	return 0;
}

int keygen_main(int argc, char **argv)
{
	struct arguments args = { NULL, false };
	char public[AGEKEY_RECIPIENT_TEXT], text[512];
	int r = cli_parse(&cli, argc, argv, &args, NULL, 0, NULL);

	if (r < 0)
		return cli_status(r);
	if (args.output != NULL && strcmp(args.output, "-") == 0)
		args.output = NULL;
	if (args.signing && args.output == NULL)
		return cli_usage(&cli, "--signing needs -o FILE: it makes two files");
	if (args.signing)
		return make_signing(args.output);
	r = make_text(text, sizeof(text), public);
	if (r == 0 && args.output == NULL) {
		warn_of_readers();
		r = io_write(STDOUT_FILENO, text, strlen(text));
	} else if (r == 0) {
		r = write_file(args.output, text, 0600);
	}
	sodium_memzero(text, sizeof(text));
	if (r < 0)
		return fail(args.output == NULL ? "stdout" : args.output, r);
	if (args.output != NULL)
		(void)fprintf(stderr, "Public key: %s\n", public);
	return 0;
}
