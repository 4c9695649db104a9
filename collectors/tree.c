/*
 * tree.c - files of the host: a bounded walk that follows no link.
 *
 * Holds a descriptor for the first and the deepest levels; one between them is
 * opened again by its child's "..", and must still be the same.  So a directory
 * that is moved or replaced meanwhile cannot lead elsewhere, and a tree of any
 * depth costs neither stack nor descriptors.  File systems that may never answer
 * (network, FUSE), mount when looked at (autofs) or have no files of their own
 * (proc, sysfs) are listed and not entered.
 */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "attr.h"
#include "host.h"
#include "mask.h"
#include "mount.h"
#include "scope.h"
#include "sink.h"
#include "table.h"
#include "taken.h"
#include "tree_file.h"
#include "tree_row.h"

/* What the sink takes; a directory whose names could get longer is not entered. */
#define PATH_BYTES ((size_t)16384)
#define NAME_BYTES 256u
#define HELD 32 /* levels at the top that stay open, and as many at the bottom */
#define ROOT_MAX 4096u
#define HOPS_MAX 8u
#define ROOTS_MAX 512u
#define PREFIX "files"

struct level {
	DIR *dir; /* NULL: to be opened again */
	size_t path_len;
	uint64_t device, inode, mount;
	long at;  /* where to go on */
};

struct tree {
	const struct host *host;
	struct sink *sink;
	struct table *files;
	struct tree_limits limits;
	struct tree_counts counts;
	struct mount_set mounts;
	char *chunk;
	unsigned hops; /* links to links */
	bool full, spent;
	size_t root_count;
	struct root {
		uint64_t device, inode;
	} roots[ROOTS_MAX]; /* that were asked for */
	size_t path_len; /* of path; the host's path stands behind PREFIX */
	char path[PATH_BYTES];
	struct level *levels;
};

int tree_open(struct tree **ret, const struct host *host, struct sink *sink,
	      struct table *files, const struct tree_limits *limits)
{
	struct tree *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->host = host;
	t->sink = sink;
	t->files = files;
	t->limits = *limits;
	if (t->limits.depth > TREE_DEPTH)
		t->limits.depth = TREE_DEPTH;
	t->chunk = malloc(TREE_FILE_CHUNK);
	t->levels = calloc(t->limits.depth + 1, sizeof(*t->levels));
	if (t->chunk == NULL || t->levels == NULL) {
		tree_free(t);
		return -ENOMEM;
	}
	(void)mount_set_add(&t->mounts, host->proc, "self/mountinfo");
	*ret = t;
	return 0;
}

void tree_free(struct tree *t)
{
	if (t == NULL)
		return;
	mount_set_free(&t->mounts);
	free(t->chunk);
	free(t->levels);
	free(t);
}

const struct tree_counts *tree_count(const struct tree *t)
{
	return &t->counts;
}

/* List a regular file whose bytes do not come now. */
static int list_file(struct tree *t, const struct attr *a, const char *why)
{
	struct tree_row row = {
		.path = t->path + strlen(PREFIX), .attr = a, .size_end = a->size, .why = why,
	};

	return tree_row_write(t->files, &row);
}

/* Take a regular file and list it. */
static int take_file(struct tree *t, int dir, const char *name, struct attr *a)
{
	struct tree_file_how how = { .max = t->limits.file_bytes, .chunk = t->chunk };
	struct tree_file f;
	struct tree_row row = { .path = t->path + strlen(PREFIX), .attr = a };
	uint64_t left = t->limits.bytes - t->counts.bytes;
	int r;

	if (t->limits.bytes != 0 && left < how.max)
		how.max = left;
	if (t->limits.mask)
		how.mask = mask_kind_of(row.path);
	if (how.mask == MASK_WITHHELD) {
		t->counts.withheld++;
		return list_file(t, a, "a secret: taken with --with-secrets only");
	}
	if (how.max == 0 && a->size > 0) {
		r = t->spent ? 0 : sink_gap(t->sink, t->path, -EDQUOT, "the size budget is used "
					    "up: this and further files are listed only");
		t->spent = true;
		return r < 0 ? r : list_file(t, a, "beyond the size budget");
	}
	if (!taken_add(t->limits.taken, t->path))
		return list_file(t, a, "taken by another collector");
	r = tree_file_copy(t->sink, dir, name, t->path, &how, a, &f);
	if (r < 0)
		return r;
	row.masked = f.masked;
	t->counts.masked += f.masked > 0;
	t->counts.files += f.copied > 0 || f.error == 0;
	t->counts.bytes += f.copied;
	t->counts.touched += f.touched;
	row.collected = f.error == 0;
	row.copied = f.copied;
	row.size_end = f.size_end;
	row.why = f.detail != NULL ? f.detail : f.error != 0 ? strerror(-f.error) : NULL;
	return tree_row_write(t->files, &row);
}

/* List what has no bytes to take. */
static int list_other(struct tree *t, int dir, const char *name,
		      const struct attr *a, const char *why)
{
	char target[ROOT_MAX];
	ssize_t n = S_ISLNK(a->mode) ? readlinkat(dir, name, target, sizeof(target)) : 0;
	struct tree_row row = {
		.path = t->path + strlen(PREFIX),
		.attr = a,
		.target = target,
		.target_len = n > 0 ? (size_t)n : 0,
		.size_end = a->size,
		.why = why,
	};
	struct tree_found found = {
		.dir = dir, .name = name, .path = row.path, .attr = a,
		.target = target, .target_len = row.target_len, .refused = why,
	};

	if (t->limits.visit != NULL)
		return t->limits.visit(t->limits.visit_arg, &found);
	return tree_row_write(t->files, &row);
}

/* Why a directory is not entered; NULL when it may be. */
static const char *closed(struct tree *t, const struct attr *a, int depth)
{
	switch (mount_set_kind(&t->mounts, a, NULL)) {
	case MOUNT_REMOTE:
		return "on a file system that may not answer";
	case MOUNT_TRIGGER:
		return "an automount point";
	case MOUNT_KERNEL:
		return "made up by the kernel";
	case MOUNT_LOCAL:
		break;
	}
	if ((unsigned)depth >= t->limits.depth || t->path_len + NAME_BYTES + 1 > PATH_BYTES)
		return "too deep";
	return NULL;
}

/* The same place by another name (/var/run is often a link) is taken once. */
static bool taken(struct tree *t, const struct attr *a)
{
	if (S_ISREG(a->mode) && a->links > 1)
		return false; /* its other name is worth a row, too */
	for (size_t i = 0; i < t->root_count; i++)
		if (t->roots[i].device == a->device && t->roots[i].inode == a->inode)
			return true;
	if (t->root_count < ROOTS_MAX)
		t->roots[t->root_count++] = (struct root){ a->device, a->inode };
	return false;
}

/* Does another mount begin here? */
static bool mounted(const struct tree *t, const struct attr *a, int depth)
{
	const struct level *up = &t->levels[depth > 0 ? depth - 1 : 0];

	return depth == 0 || up->mount != a->mount_id || up->device != a->device;
}

/* List a directory and stand in it.  1 when it was entered. */
static int enter(struct tree *t, int at, const char *name, const struct attr *a,
		 int depth)
{
	const char *why = closed(t, a, depth);
	int r;

	if (why == NULL && t->limits.visit != NULL && mounted(t, a, depth) && taken(t, a))
		return list_other(t, at, name, a, "listed already, where it is mounted, too");
	r = list_other(t, at, name, a, why);
	struct attr now;
	DIR *dir;

	if (r < 0)
		return r;
	if (why != NULL) {
		t->counts.skipped++;
		return sink_gap(t->sink, t->path, -EXDEV, why);
	}
	dir = tree_dir(at, name);
	if (dir == NULL)
		return sink_gap(t->sink, t->path, -errno, NULL);
	/* Something may have been mounted on it since. */
	if (attr_get(dirfd(dir), "", false, &now) < 0 ||
	    closed(t, &now, depth) != NULL) {
		(void)closedir(dir);
		return sink_gap(t->sink, t->path, -ESTALE, NULL);
	}
	t->levels[depth] = (struct level){
		.dir = dir, .path_len = t->path_len, .device = now.device, .inode = now.inode,
		.mount = now.mount_id,
	};
	if (depth >= 2 * HELD) {
		struct level *l = &t->levels[depth - HELD];

		l->at = telldir(l->dir);
		(void)closedir(l->dir);
		l->dir = NULL;
	}
	return 1;
}

/* Leave the level ${depth}.  The level to go on with, which may be further up. */
static int leave(struct tree *t, int depth, int *error)
{
	struct level *l = &t->levels[depth], *up = l - 1;
	struct attr a;

	if (depth > 0 && up->dir == NULL) {
		int fd = l->dir == NULL ? -1 : openat(dirfd(l->dir), "..", O_RDONLY |
			 O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd >= 0 && attr_get(fd, "", false, &a) == 0 && a.device == up->device &&
		    a.inode == up->inode && (up->dir = fdopendir(fd)) != NULL) {
			seekdir(up->dir, up->at);
		} else {
			if (fd >= 0)
				(void)close(fd);
			t->path[up->path_len] = '\0';
			if (*error == 0)
				*error = sink_gap(t->sink, t->path, -ESTALE,
						  "it was moved while it was read");
		}
	}
	if (l->dir != NULL)
		(void)closedir(l->dir);
	return depth - 1;
}

/* One entry of a directory.  1 when it is a directory that was entered. */
static int take_entry(struct tree *t, int dir, const char *name, int depth)
{
	struct attr a;
	int r = attr_get(dir, name, false, &a);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return sink_gap(t->sink, t->path, r, NULL);
	if (++t->counts.entries > t->limits.entries) {
		t->full = true;
		return sink_gap(t->sink, t->path, -E2BIG, "the rest was left out");
	}
	if (S_ISDIR(a.mode))
		return enter(t, dir, name, &a, depth);
	if (t->limits.visit != NULL)
		return list_other(t, dir, name, &a, NULL);
	/* A file can be a mount point, too. */
	if (S_ISREG(a.mode) && closed(t, &a, 0) == NULL)
		return take_file(t, dir, name, &a);
	return list_other(t, dir, name, &a, S_ISREG(a.mode) ? closed(t, &a, 0) :
			  S_ISLNK(a.mode) ? "a link, not followed" : "no regular file");
}

/* All below the level 0. */
static int walk(struct tree *t)
{
	int depth = 0, r = 0;

	while (depth >= 0) {
		struct level *l = &t->levels[depth];
		struct dirent *d = r < 0 || t->full || l->dir == NULL ? NULL : readdir(l->dir);
		size_t n;

		if (d == NULL) {
			depth = leave(t, depth, &r);
			continue;
		}
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		n = strlen(d->d_name);
		if (l->path_len + n + 2 > sizeof(t->path))
			continue; /* cannot be: names have 255 bytes at most */
		t->path[l->path_len] = '/';
		memcpy(t->path + l->path_len + 1, d->d_name, n + 1);
		t->path_len = l->path_len + 1 + n;
		r = take_entry(t, dirfd(l->dir), d->d_name, depth + 1);
		depth += r > 0 ? 1 : 0;
	}
	return r < 0 ? r : 0;
}

/*
 * The path that a link ${path} to ${target} means, "." and ".." undone by their
 * words alone.  False when it gets too long.
 */
static bool join(char ret[ROOT_MAX], const char *path, const char *target, size_t len)
{
	size_t n = 0, up = (size_t)(strrchr(path, '/') - path);

	if (up + len + 2 > ROOT_MAX)
		return false;
	if (target[0] != '/') {
		memcpy(ret, path, up);
		n = up;
	}
	for (size_t i = 0; i < len;) {
		size_t part = 0;

		while (i + part < len && target[i + part] != '/')
			part++;
		if (part == 2 && memcmp(target + i, "..", 2) == 0) {
			while (n > 0 && ret[--n] != '/')
				;
		} else if (part > 0 && !(part == 1 && target[i] == '.')) {
			ret[n++] = '/';
			memcpy(ret + n, target + i, part);
			n += part;
		}
		i += part + 1;
	}
	ret[n] = '\0';
	return n > 0;
}

/* A link to a file: that one is taken by its own name. */
static int take_target(struct tree *t, int dir, const char *name, const char *path)
{
	char target[ROOT_MAX], real[ROOT_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof(target));
	int r;

	if (n <= 0 || t->hops == HOPS_MAX || !join(real, path, target, (size_t)n))
		return 0;
	t->hops++;
	r = tree_take(t, real);
	t->hops--;
	return r;
}

/* What the link ${name} leads to: a directory, a file, or nothing. */
static int take_link(struct tree *t, int dir, const char *name, const char *path,
		     const struct attr *a)
{
	AUTO_CLOSE int real = tree_lookup(t->host->root, path + 1);
	struct attr there;
	int r = list_other(t, dir, name, a, "a link, followed");

	if (r < 0)
		return r;
	if (real == -ENOTDIR)
		return take_target(t, dir, name, path);
	if (real == -ENOENT)
		return 0; /* the link is listed: there is nothing more */
	if (real < 0)
		return sink_gap(t->sink, t->path, real, "a link that cannot be followed");
	if (attr_get(real, "", false, &there) == 0 && taken(t, &there))
		return 0;
	return take_entry(t, real, ".", 0);
}

int tree_take(struct tree *t, const char *path)
{
	char parent[ROOT_MAX];
	const char *name = strrchr(path, '/');
	struct attr a;
	int r;

	if (name == NULL || name[1] == '\0' || strlen(path) >= sizeof(parent))
		return -EINVAL;
	(void)snprintf(parent, sizeof(parent), ".%.*s", (int)(name - path), path);
	t->path_len = (size_t)snprintf(t->path, sizeof(t->path), PREFIX "%s", path);
	AUTO_CLOSE int dir = tree_lookup(t->host->root, parent);
	if (dir == -ENOENT || dir == -ENOTDIR)
		return 0;
	if (dir < 0)
		return sink_gap(t->sink, t->path, dir, NULL);
	r = attr_get(dir, name + 1, false, &a);
	if (r == -ENOENT || (r == 0 && taken(t, &a)))
		return 0;
	if (r == 0 && S_ISLNK(a.mode))
		r = take_link(t, dir, name + 1, path, &a);
	else
		r = take_entry(t, dir, name + 1, 0);
	return r > 0 ? walk(t) : r;
}

const char *tree_refuses(struct tree *t, const struct attr *a)
{
	t->path_len = 0;
	return closed(t, a, 0);
}

int tree_root(const struct tree *t)
{
	return t->host->root;
}

int tree_walk(struct tree *t)
{
	struct attr a;
	int r = attr_get(t->host->root, "", false, &a);

	t->path_len = (size_t)snprintf(t->path, sizeof(t->path), PREFIX);
	if (r == 0)
		r = enter(t, t->host->root, ".", &a, 0);
	return r > 0 ? walk(t) : r;
}
