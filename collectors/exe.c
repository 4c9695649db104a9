/*
 * exe.c - SHA-256 and build id of programs that run, each file read once.
 *
 * Reads through the links of /proc/PID, which reach the file that runs, whatever
 * has become of its name.  A file is the same when device, inode, size and mtime are.  Only
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
#include "io.h"
#include "mount.h"
#include "parse.h"
#include "scope.h"
#include "set.h"

#define SLOTS 8192u /* a power of two; hashed again when they are used up */

struct exe_entry {
	uint64_t device, inode, size;
	int64_t mtime_s;
	long mtime_ns;
	bool used;
	struct exe_facts facts;
};

struct exe_cache {
	struct mount_set mounts;
	struct set tables; /* mount namespaces whose table was read */
	size_t count;
	struct exe_entry full; /* of the last file, when the table has no room */
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

int exe_open_file(int dir, const char *leaf)
{
	int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = openat(dir, leaf, flags | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		fd = openat(dir, leaf, flags);
	return fd < 0 ? -errno : fd;
}

static int read_facts(int fd, bool any, struct exe_facts *f)
{
	AUTO_FREE uint8_t *head = malloc(ELF_NOTE_HEAD);
	uint8_t sum[DIGEST_BYTES];
	ssize_t n;
	int r;

	if (head == NULL)
		return -ENOMEM;
	n = io_pread(fd, head, ELF_NOTE_HEAD, 0);
	if (n < 0)
		return (int)n;
	f->elf = elf_note_is_elf(head, (size_t)n);
	if (!f->elf && !any)
		return -ENOEXEC;
	(void)elf_note_build_id(head, (size_t)n, f->build_id);
	r = digest_file(fd, EXE_MAX_BYTES, sum, NULL);
	if (r == 0)
		parse_to_hex(f->sha256, sum, sizeof(sum));
	return r;
}

static int compute(struct exe_cache *c, int pid_dir, int dir, const char *leaf,
		   const struct attr *a, bool any, struct exe_facts *f)
{
	struct attr now;
	int r;

	if (!S_ISREG(a->mode))
		return -EINVAL;
	if (a->size > EXE_MAX_BYTES)
		return -EFBIG;
	if (remote(c, pid_dir, a))
		return -EREMOTE;
	AUTO_CLOSE int fd = exe_open_file(dir, leaf);
	if (fd < 0)
		return fd;
	/* An exec in between is another file. */
	r = attr_get(fd, "", false, &now);
	if (r == 0 && (now.inode != a->inode || now.device != a->device))
		r = -ESTALE;
	return r == 0 ? read_facts(fd, any, f) : r;
}

struct exe_facts *exe_look(struct exe_cache *c, int pid_dir, int dir, const char *leaf,
			   const struct attr *a, bool any, bool *fresh)
{
	struct exe_entry *e = find(c, a);
	bool gone;

	/* As a mere descriptor it did not matter; as a program it does. */
	*fresh = !e->used || (any && e->facts.result == -ENOEXEC);
	if (!*fresh)
		return &e->facts;
	if (!e->used && c->count >= SLOTS / 2)
		e = &c->full;
	e->facts = (struct exe_facts){ 0 };
	e->facts.result = compute(c, pid_dir, dir, leaf, a, any, &e->facts);
	gone = e->facts.result == -ESTALE || e->facts.result == -ENOENT ||
	       e->facts.result == -ESRCH;
	if (e == &c->full || gone)
		return &e->facts;
	if (e->used) {
		e->facts.kept = true;
		return &e->facts;
	}
	e->used = e->facts.kept = true;
	e->device = a->device;
	e->inode = a->inode;
	e->size = a->size;
	e->mtime_s = a->mtime.tv_sec;
	e->mtime_ns = a->mtime.tv_nsec;
	c->count++;
	return &e->facts;
}

bool exe_store(struct exe_cache *c, struct exe_facts *f)
{
	bool before = f->stored;

	for (size_t i = 0; i < SLOTS && !before; i++)
		before = c->entries[i].used && c->entries[i].facts.stored &&
			 strcmp(c->entries[i].facts.sha256, f->sha256) == 0;
	f->stored = true;
	return !before;
}
