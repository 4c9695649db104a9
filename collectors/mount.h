/* mount.h - mount tables: one line parsed, and which mounts are safe to touch. */
#ifndef MOUNT_H
#define MOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct attr;

/*
 * One line of /proc/PID/mountinfo (fs/proc_namespace.c).  Texts point into the
 * line and keep the kernel's octal escapes: see mount_unescape().
 */
struct mount_line {
	uint64_t id, parent, device;
	const char *root, *path, *options, *type, *source, *super_options;
	size_t root_len, path_len, options_len, type_len, source_len;
	size_t super_options_len;
};

/* 0, or -EINVAL when the line has another form. */
int mount_parse(const char *line, size_t len, struct mount_line *ret);

/*
 * Undo "\NNN" in ${len} bytes of ${text} into ${ret}, which may be ${text}
 * itself and has room for ${len} bytes.  The length written.
 */
size_t mount_unescape(char *ret, const char *text, size_t len);

/* What a mount may do to a reader. */
enum mount_kind {
	MOUNT_LOCAL,   /* disks, memory: reads come back */
	MOUNT_REMOTE,  /* network or a user's process: reads may never come back */
	MOUNT_TRIGGER, /* autofs: a look mounts something */
	MOUNT_KERNEL,  /* made up by the kernel: no files to collect */
};

enum mount_kind mount_kind_of(const char *type, size_t len);

/* The mounts that were seen; all zero is empty. */
struct mount_set {
	struct mount_known *known; /* sorted by id once looked at */
	size_t count, cap;
	bool sorted;
};

/* Most mounts remembered; those beyond count as local. */
#define MOUNT_SET_MAX 65536

/* Add the table in the file ${name} below ${dir}.  0 or a negative errno. */
int mount_set_add(struct mount_set *s, int dir, const char *name);

/*
 * The kind of mount that a file with these attributes lies on: by its mount id,
 * or by its device where the id is not known.  ${known} (may be NULL): was it there?
 */
enum mount_kind mount_set_kind(struct mount_set *s, const struct attr *a,
			       bool *known);

void mount_set_free(struct mount_set *s);

#endif
