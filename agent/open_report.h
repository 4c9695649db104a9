/* open_report.h - what `evac open` wrote: sums over groups, for stdout. */
#ifndef OPEN_REPORT_H
#define OPEN_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "collection.h"

struct audit;

#define OPEN_REPORT_GROUPS 32

struct open_report {
	struct timespec begun;
	struct open_report_group {
		char name[COLLECTION_GROUP_MAX];
		uint64_t segments, entries, bytes;
	} groups[OPEN_REPORT_GROUPS]; /* past the last one: added to it */
	unsigned group_count;
	uint64_t memory_bytes;        /* of the joined image */
	const char *memory_name;      /* its file; NULL: JOIN_MEMORY */
};

void open_report_begin(struct open_report *r);

/* A segment of ${group} gave this much. */
void open_report_add(struct open_report *r, const char *group, uint64_t entries,
		     uint64_t bytes);

/* Print it, as lines or one JSON object.  0 or -ENOMEM. */
int open_report_print(const struct open_report *r, const struct audit *a,
		      const char *out, bool json);

#endif
