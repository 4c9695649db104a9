/* metadata.h - the instance metadata service, as collectors may ask it. */
#ifndef METADATA_H
#define METADATA_H

#include "collector.h"

struct imds;

/* All zero is none. */
struct metadata {
	struct imds *imds;
	struct collector_metadata door;
};

/*
 * For ${endpoint} (NULL: Amazon's).  Before other threads run; nothing is sent
 * yet.  NULL when it is "none", or when the journal says why; ${m} is closed in
 * any case.
 */
const struct collector_metadata *metadata_open(struct metadata *m, const char *endpoint);

void metadata_close(struct metadata *m);

#endif
