/* options.h - what `evac collect` was asked for. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector.h"
#include "seal.h"
#include "spool.h"

#define OPTIONS_COLLECTORS_MAX 64

/* Texts point into argv or the environment. */
struct options {
	const char *case_id;
	const char *to;                /* vault: a directory or s3://BUCKET/PREFIX */
	const char *region, *endpoint_url, *ca_file;
	bool path_style;
	const char *recipient_text[SEAL_RECIPIENTS_MAX];
	struct seal_recipients recipients;
	bool selected[OPTIONS_COLLECTORS_MAX]; /* row by row of collectors[] */
	enum collector_memory memory;
	const char *lime;              /* file of the module, or NULL */
	uint64_t deadline_s;           /* 0: none */
	size_t segment_size;           /* bytes; never 0 */
	unsigned workers;              /* never 0 */
	struct spool_options spool;    /* dir NULL: none */
	char spool_dir[4096];
	bool verbose;
};

/*
 * Read the command line of `evac collect`.  0; 1 when help was printed; -EINVAL
 * when it was wrong, and stderr has one line that names the offending word.
 */
int options_parse(struct options *o, int argc, char **argv);

#endif
