/* module_fetch.h - the LiME module, looked for while other evidence is collected. */
#ifndef MODULE_FETCH_H
#define MODULE_FETCH_H

#include "module.h"

struct collector_request;
struct module_fetch;

/*
 * Begin to look for it, as module_load() does, in a thread of its own: neither
 * a server nor a file system that hangs holds anybody up.  After all that must
 * be done before there are threads.  ${o} and ${how} (copied; what they point
 * to lives on) say what and where.  It takes MODULE_WAIT_MS at most, or a tenth
 * of ${deadline_s} (0: none).  ${ret} is NULL when it could not begin.
 */
void module_fetch_start(struct module_fetch **ret, const struct module_options *o,
			const struct vault_options *how, uint64_t deadline_s);

/*
 * Wait until it is found or its time is over, and take it into ${m}, which
 * stays the caller's; ${req} gets it, or why there is none.  ${f} is NULL then,
 * or was before: nothing is done.  A thread that hangs is left behind.
 */
void module_fetch_end(struct module_fetch **f, struct module *m,
		      struct collector_request *req);

#endif
