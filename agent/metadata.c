/*
 * metadata.c - the instance metadata service, as collectors may ask it.
 */
#include "metadata.h"

#include <string.h>

#include "imds.h"
#include "log.h"

_Static_assert(COLLECTOR_METADATA_WHY == IMDS_WHY_MAX, "one line of why");

static int get(void *arg, const char *path, struct buf *ret, char why[COLLECTOR_METADATA_WHY])
{
	return imds_get(arg, path, ret, why);
}

const struct collector_metadata *metadata_open(struct metadata *m, const char *endpoint)
{
	char why[CREDENTIALS_ERROR_MAX];

	*m = (struct metadata){ 0 };
	if (endpoint != NULL && strcmp(endpoint, "none") == 0)
		return NULL;
	if (imds_open(&m->imds, endpoint, why) < 0) {
		log_line(LOG_WARN, "no instance metadata: %s", why);
		return NULL;
	}
	m->door = (struct collector_metadata){ get, m->imds, endpoint != NULL };
	return &m->door;
}

void metadata_close(struct metadata *m)
{
	imds_close(m->imds);
	*m = (struct metadata){ 0 };
}
