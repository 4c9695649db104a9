/*
 * exe.c - SHA-256 of running executables, each file read once.
 *
 * Reads /proc/PID/exe, which reaches the file that runs, whatever has become of
 * its name.  A file is the same when device, inode, size and mtime are.  Only
 * regular files on file systems that answer are opened.
 */
#include "exe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "attr.h"
#include "digest.h"
#include "mount.h"
#include "parse.h"
#include "scope.h"
#include "set.h"

#define SLOTS 8192u /* a power of two; hashed again when they are used up */

struct exe_entry {
	uint64_t device, inode, size;
	int64_t mtime_s;
	long mtime_ns;
	int result;
	bool used;
	char hex[EXE_HEX];
};

struct exe_cache {
	struct mount_set mounts;
	struct set tables; /* mount namespaces whose table was read */
	size_t count;
	struct exe_entry entries[SLOTS];
};

int exe_open(struct exe_cache **ret, int proc)
{
	struct exe_cache *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	/* Without it every mount counts as unknown, and is judged by itself. */
	(void)mount_set_add(&c->mounts, proc, "self/mountinfo");
	*ret = c;
	return 0;
}

void exe_free(struct exe_cache *c)
{
	if (c == NULL)
		return;
	mount_set_free(&c->mounts);
	set_free(&c->tables);
	free(c);
}

static bool same(const struct exe_entry *e, const struct attr *a)
{
	return e->device == a->device && e->inode == a->inode &&
	       e->size == a->size && e->mtime_s == a->mtime.tv_sec &&
	       e->mtime_ns == a->mtime.tv_nsec;
}

/* The entry of this file, or the free one where it belongs. */
static struct exe_entry *find(struct exe_cache *c, const struct attr *a)
{
	uint64_t h = (a->inode ^ a->device << 40 ^ a->size << 20) *
		     0x9e3779b97f4a7c15ull;
	size_t i = (size_t)(h >> 32) & (SLOTS - 1);

	while (c->entries[i].used && !same(&c->entries[i], a))
		i = (i + 1) & (SLOTS - 1);
	return &c->entries[i];
}

/* May reading this file hang?  Other mount namespaces are looked up once. */
static bool remote(struct exe_cache *c, int pid_dir, const struct attr *a)
{
	struct attr ns;
	bool known;
	enum mount_kind kind = mount_set_kind(&c->mounts, a, &known);

	if (!known && attr_get(pid_dir, "ns/mnt", true, &ns) == 0 &&
	    set_add(&c->tables, ns.inode)) {
		(void)mount_set_add(&c->mounts, pid_dir, "mountinfo");
		kind = mount_set_kind(&c->mounts, a, &known);
	}
	return kind != MOUNT_LOCAL;
}

static int open_exe(int pid_dir)
{
	int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = openat(pid_dir, "exe", flags | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		fd = openat(pid_dir, "exe", flags);
	return fd < 0 ? -errno : fd;
}

static int compute(struct exe_cache *c, int pid_dir, const struct attr *a,
		   char ret[EXE_HEX])
{
	uint8_t sum[DIGEST_BYTES];
	struct attr now;
	int r;

	if (!S_ISREG(a->mode))
		return -EINVAL;
	if (a->size > EXE_MAX_BYTES)
		return -EFBIG;
	if (remote(c, pid_dir, a))
		return -EREMOTE;
	AUTO_CLOSE int fd = open_exe(pid_dir);
	if (fd < 0)
		return fd;
	/* An exec in between is another file. */
	r = attr_get(fd, "", false, &now);
	if (r == 0 && (now.inode != a->inode || now.device != a->device))
		r = -ESTALE;
	if (r == 0)
		r = digest_file(fd, EXE_MAX_BYTES, sum, NULL);
	if (r == 0)
		parse_to_hex(ret, sum, sizeof(sum));
	return r;
}

int exe_digest(struct exe_cache *c, int pid_dir, const struct attr *a,
	       char ret[EXE_HEX], bool *fresh)
{
	struct exe_entry *e = find(c, a), full;
	bool gone;

	*fresh = !e->used;
	if (!e->used) {
		if (c->count >= SLOTS / 2)
			e = &full;
		*e = (struct exe_entry){ .hex = "" };
		e->result = compute(c, pid_dir, a, e->hex);
		gone = e->result == -ESTALE || e->result == -ENOENT ||
		       e->result == -ESRCH;
		if (e != &full && !gone) {
			e->used = true;
			e->device = a->device;
			e->inode = a->inode;
			e->size = a->size;
			e->mtime_s = a->mtime.tv_sec;
			e->mtime_ns = a->mtime.tv_nsec;
			c->count++;
		}
	}
	memcpy(ret, e->hex, EXE_HEX);
	return e->result;
}
