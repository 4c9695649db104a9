/* raw.h - the kernel's own texts, copied as they are. */
#ifndef RAW_H
#define RAW_H

#include <stdint.h>

struct sink;

/* Most bytes of one text; more leaves a gap. */
#define RAW_MAX ((uint64_t)64 << 20)

/*
 * Copy what ${fd} gives into the evidence as ${path}.  A source that fails
 * leaves a gap.  0, or the sink's error.
 */
int raw_copy_fd(struct sink *sink, int fd, const char *path);

/*
 * Copy the file ${name} below ${dir} as "${prefix}/${name}".  One that is not
 * there is no gap: kernels differ.  ${count} (may be NULL) counts those copied.
 * 0, or the sink's error.
 */
int raw_copy(struct sink *sink, int dir, const char *name, const char *prefix,
	     uint64_t *count);

#endif
