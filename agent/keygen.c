/*
 * keygen.c - `evac keygen`: an age identity, as age-keygen makes it.
 *
 * Writes the secret to stdout or to a new file that only its owner may read; a
 * file that exists is never touched, and one that could not be written whole is
 * removed.  The secret is wiped from memory.
 */
#include "keygen.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
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

struct arguments {
	const char *output;
};

static const struct cli_option options[] = {
	{ .name = "output", .letter = 'o', .arg = "FILE",
	  .offset = offsetof(struct arguments, output),
	  .help = "write it to FILE, which must not exist, and not to stdout" },
};

static const struct cli cli = {
	.verb = "keygen",
	.usage = "[-o FILE]",
	.about = "Makes the key pair of a responder.  Its public key, \"age1...\", is the\n"
		 "--recipient of evac collect; the secret one opens the evidence and never\n"
		 "goes to a host under examination.  age(1) reads it too.\n",
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

static int write_file(const char *path, const char *text)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
				 O_CLOEXEC, 0600);
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

int keygen_main(int argc, char **argv)
{
	struct arguments args = { NULL };
	char public[AGEKEY_RECIPIENT_TEXT], text[512], quoted[256];
	int r = cli_parse(&cli, argc, argv, &args, NULL, 0, NULL);

	if (r < 0)
		return cli_status(r);
	if (args.output != NULL && strcmp(args.output, "-") == 0)
		args.output = NULL;
	r = make_text(text, sizeof(text), public);
	if (r == 0 && args.output == NULL) {
		warn_of_readers();
		r = io_write(STDOUT_FILENO, text, strlen(text));
	} else if (r == 0) {
		r = write_file(args.output, text);
	}
	sodium_memzero(text, sizeof(text));
	if (r < 0) {
		(void)fprintf(stderr, "evac keygen: %s: %s\n", args.output == NULL ? "stdout" :
			      quote_text(quoted, sizeof(quoted), args.output),
			      strerror(-r));
		return 1;
	}
	if (args.output != NULL)
		(void)fprintf(stderr, "Public key: %s\n", public);
	return 0;
}
