/*
 * version.c - what this binary is and what it was built from.
 *
 * The build hands in the list: "openssl 3.5.4-1\n..." of what was linked.
 */
#include "version.h"

#include <stdio.h>

#include "cli.h"
#include "versions.inc"

static const struct cli cli = {
	.verb = "version",
	.usage = "",
	.about = "Print the version of evac and of everything that is linked into it.\n",
};

const char *version_text(void)
{
	return EVAC_VERSION;
}

int version_main(int argc, char **argv)
{
	int r = cli_parse(&cli, argc, argv, NULL, NULL, 0, NULL);

	if (r < 0)
		return cli_status(r);
	printf("evac %s (%s)\n%s", EVAC_VERSION, EVAC_ARCH, EVAC_COMPONENTS);
	return 0;
}
