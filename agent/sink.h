/*
 * sink.h - where collectors put evidence: the only downstream call they have.
 *
 * All functions return 0 or a negative errno.  An error of a sink call means
 * that the run is over for this collector (deadline, time limit, signal):
 * return it at once.  One collector uses its sink from one thread.
 */
#ifndef SINK_H
#define SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct sink;

/* An extended attribute of a collected file, as listxattr/getxattr give it. */
struct sink_xattr {
	const char *name;
	const void *value;
	size_t len;
};

/* ${size} when the length is known only once the source has been read. */
#define SINK_SIZE_UNKNOWN UINT64_MAX

/* What a tar header needs.  Pointers are read during the call only. */
struct sink_entry {
	const char *path;      /* in the evidence: relative, no "..", any bytes but NUL */
	uint64_t size;         /* bytes that will come, or SINK_SIZE_UNKNOWN */
	uint32_t mode;         /* permission bits; 0 means 0600 */
	uint32_t uid, gid;
	bool has_times;        /* the times are a file's own, even where they are 0 */
	struct timespec mtime; /* else 0 means when its sink was opened */
	struct timespec atime, ctime; /* else 0 means not recorded */
	const struct sink_xattr *xattrs;
	size_t xattr_count;
};

/*
 * A file of unknown or known length: begin, write any number of times, end.
 * A file that does not fit into one segment is cut into entries named
 * "<path>@<12-digit decimal offset>.part".  When the bytes written differ from
 * a known ${size}, sink_end() records a gap.
 */
int sink_begin(struct sink *s, const struct sink_entry *e);
int sink_write(struct sink *s, const void *data, size_t len);
int sink_end(struct sink *s);

/* A whole small file at once. */
int sink_put(struct sink *s, const struct sink_entry *e, const void *data, size_t len);

/*
 * One piece of a file that its collector cuts itself: named as above by
 * ${offset}.  Several files may be in progress at once this way.  A piece that
 * is larger than a segment is cut further.
 */
int sink_part(struct sink *s, const struct sink_entry *e, uint64_t offset,
	      const void *data, size_t len);

/*
 * Once a call has returned that the run is over: what the collector still holds,
 * at most sink_room() bytes, as a piece or (not ${part}) a whole file.  It is
 * taken if it can be; the error that ended the run is returned again.
 */
int sink_last(struct sink *s, const struct sink_entry *e, uint64_t offset, bool part,
	      const void *data, size_t len);

/*
 * A reader of ${len} bytes at ${offset} of its source into ${buf}, called by
 * the workers, in parallel with itself.  It always fills ${buf}: what cannot
 * be read it replaces by its marker and reports through its own ${arg}.
 */
typedef void sink_reader(void *arg, uint64_t offset, void *buf, size_t len);

/*
 * An entry whose ${prefix_len} bytes of ${prefix} (at most 64) stand first and
 * whose ${size} - ${prefix_len} further bytes a worker reads with ${read} when
 * it builds the segment.  ${arg} must live until sink_drain() has returned.
 * ${e->size} must be known and at most sink_room().
 */
int sink_pull(struct sink *s, const struct sink_entry *e, const void *prefix,
	      size_t prefix_len, sink_reader *read, void *arg, uint64_t offset);

/* Close the segment in hand and wait until no worker reads from a source. */
int sink_drain(struct sink *s);

/* Close the segment in hand, if it has entries: what is there leaves now. */
int sink_flush(struct sink *s);

/* Largest entry that an empty segment takes uncut, in bytes. */
size_t sink_room(const struct sink *s);

/*
 * Record that ${path} (evidence or host path, any bytes) is absent or
 * incomplete: ${why} is a negative errno, ${detail} a few plain words or NULL.
 * A gap is evidence: the manifest counts every one.
 */
int sink_gap(struct sink *s, const char *path, int why, const char *detail);

/*
 * A fact about how this collector worked, for the manifest, which anyone may
 * read: no secret, no host content.  ${key} is [a-z0-9_.]; setting a key again
 * replaces it.  Safe from any thread.
 */
int sink_note(struct sink *s, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
