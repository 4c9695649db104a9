/* result.h - what the caller gets: two lines of JSON and an exit status. */
#ifndef RESULT_H
#define RESULT_H

#include <stdint.h>

struct collection_id;
struct pipeline;

/* Exit statuses.  Some others mean something to the SSM agent (194 reboots
 * the host): none but these is ever used. */
#define RESULT_COMPLETE 0
#define RESULT_PARTIAL 1 /* evidence is safe, but something is missing */
#define RESULT_NOTHING 2 /* nothing could be saved */
#define RESULT_USAGE 64

#define RESULT_COLLECTORS_MAX 64

struct result {
	int64_t begun_ms;
	unsigned count;
	struct { const char *name, *status; } collector[RESULT_COLLECTORS_MAX];
};

/* How a collector ended; static texts. */
void result_collector(struct result *res, const char *name, const char *status);

/* The collection's id and public key, on stdout, at once. */
void result_first_line(const struct collection_id *id, const char *public_key);

/* The exit status.  ${manifest} is what storing the manifest returned. */
int result_status(struct pipeline *pipe, int manifest);

/* The outcome, on stdout.  ${pipe} NULL: nothing was begun. */
void result_last_line(const struct result *res, struct pipeline *pipe, int manifest,
		      int status);

#endif
