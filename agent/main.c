/*
 * main.c - argv to a command's exit status.
 */
#include <stdbool.h>
#include <stdio.h>
#include <sodium.h>
#include <string.h>
#include <sys/resource.h>

#include "cli.h"
#include "collect.h"
#include "credentials.h"
#include "harden.h"
#include "keygen.h"
#include "list.h"
#include "open.h"
#include "preflight.h"
#include "push.h"
#include "quote.h"
#include "ticket_make.h"
#include "verify.h"
#include "version.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *about;
	bool on_host; /* where others may look at our environment */
} commands[] = {
	{ "collect", collect_main, "collect this host's evidence into a vault", true },
	{ "preflight", preflight_main, "say what would work on this host, and whether an upload would", true },
	{ "collectors", list_main, "list what can be collected, in which order, at what cost", false },
	{ "push", push_main, "send a spool to its vault, later or from elsewhere", true },
	{ "keygen", keygen_main, "make the key that opens evidence, or one that signs tickets", false },
	{ "ticket", ticket_make_main, "make a signed order to collect, with the right to upload", false },
	{ "verify", verify_main, "check signatures, digests and completeness of a collection", false },
	{ "open", open_main, "verify, decrypt and unpack a collection", false },
	{ "version", version_main, "what this binary is and was built from", false },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void help(FILE *to)
{
	fprintf(to, "usage: evac COMMAND [OPTIONS]\n\n"
		    "Evacuate the evidence of a compromised host before its network is cut.\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-10s  %s\n", commands[i].name, commands[i].about);
	fprintf(to, "\nevac COMMAND --help says more.\n");
}

/* What was printed and did not arrive is a failure, whatever else went well. */
static int check_output(int status)
{
	bool failed = fflush(stdout) != 0;

	if (!failed && !ferror(stdout))
		return status;
	fprintf(stderr, "evac: standard output cannot be written\n");
	return status == 0 ? 1 : status;
}

int main(int argc, char **argv)
{
	static char version[] = "version";
	char shown[80];
	int status;

	harden_process();
	if (sodium_init() < 0) {
		fprintf(stderr, "evac: no source of random numbers\n");
		return 2;
	}
	if (argc < 2) {
		help(stderr);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		help(stdout);
		return check_output(0);
	}
	if (strcmp(argv[1], "--version") == 0)
		argv[1] = version;
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0) {
			if (commands[i].on_host)
				credentials_take();
			status = commands[i].run(argc - 1, argv + 1);
			credentials_forget();
			return check_output(status);
		}
	fprintf(stderr, "evac: unknown command '%s'; evac --help lists them\n",
		quote_text(shown, sizeof(shown), argv[1]));
	return CLI_USAGE;
}
