/*
 * mount.c - mount tables.
 *
 * Reads mountinfo files.  A file system of an unknown type counts as local; the
 * names below are those whose server can make a reader wait for ever.
 */
#include "mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "attr.h"
#include "lines.h"
#include "parse.h"
#include "procfs.h"
#include "scope.h"

#define LINE_MAX_BYTES ((size_t)32 << 10)

struct mount_known {
	uint64_t id, device;
	enum mount_kind kind;
};

static bool take_number(const char **p, size_t *len, uint64_t *ret)
{
	const char *f;
	size_t n;

	return procfs_field(p, len, &f, &n) && parse_u64(f, n, 10, ret) == 0;
}

static bool take_device(const char **p, size_t *len, uint64_t *ret)
{
	uint64_t major, minor;
	const char *f, *mid;
	size_t n, left;

	if (!procfs_field(p, len, &f, &n))
		return false;
	mid = memchr(f, ':', n);
	if (mid == NULL)
		return false;
	left = n - (size_t)(mid + 1 - f);
	if (parse_u64(f, (size_t)(mid - f), 10, &major) < 0 ||
	    parse_u64(mid + 1, left, 10, &minor) < 0 ||
	    major > UINT32_MAX || minor > UINT32_MAX)
		return false;
	*ret = makedev((unsigned)major, (unsigned)minor);
	return true;
}

int mount_parse(const char *line, size_t len, struct mount_line *ret)
{
	const char *f;
	size_t n;

	*ret = (struct mount_line){ 0 };
	if (!take_number(&line, &len, &ret->id) ||
	    !take_number(&line, &len, &ret->parent) ||
	    !take_device(&line, &len, &ret->device) ||
	    !procfs_field(&line, &len, &ret->root, &ret->root_len) ||
	    !procfs_field(&line, &len, &ret->path, &ret->path_len) ||
	    !procfs_field(&line, &len, &ret->options, &ret->options_len))
		return -EINVAL;
	do /* optional fields up to a lone "-" */
		if (!procfs_field(&line, &len, &f, &n))
			return -EINVAL;
	while (n != 1 || *f != '-');
	if (!procfs_field(&line, &len, &ret->type, &ret->type_len))
		return -EINVAL;
	/* A source may be empty: two blanks then, and one field less. */
	if (len >= 2 && line[0] == ' ' && line[1] == ' ') {
		ret->source = line;
	} else if (!procfs_field(&line, &len, &ret->source, &ret->source_len)) {
		return -EINVAL;
	}
	if (!procfs_field(&line, &len, &ret->super_options, &ret->super_options_len))
		return -EINVAL;
	return 0;
}

static bool octal(const char *p, size_t len, char *ret)
{
	if (len < 4 || p[0] != '\\' || p[1] < '0' || p[1] > '3')
		return false;
	for (int i = 2; i < 4; i++)
		if (p[i] < '0' || p[i] > '7')
			return false;
	*ret = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
	return true;
}

size_t mount_unescape(char *ret, const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; n++) {
		char c;

		if (octal(text + i, len - i, &c)) {
			ret[n] = c;
			i += 4;
		} else {
			ret[n] = text[i++];
		}
	}
	return n;
}

static bool listed(const char *const *names, const char *type, size_t len)
{
	for (; *names != NULL; names++)
		if (strlen(*names) == len && memcmp(*names, type, len) == 0)
			return true;
	return false;
}

enum mount_kind mount_kind_of(const char *type, size_t len)
{
	static const char *const remote[] = {
		"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse", "fuseblk", "9p",
		"virtiofs", "ceph", "glusterfs", "lustre", "afs", "coda",
		"ocfs2", "gfs2", "beegfs", "gpfs", "orangefs", "ncpfs",
		"davfs", "pvfs2", "acfs", NULL,
	};
	static const char *const kernel[] = {
		"proc", "sysfs", "cgroup", "cgroup2", "debugfs", "tracefs",
		"securityfs", "configfs", "devpts", "mqueue", "binfmt_misc",
		"fusectl", "nsfs", "bpf", "selinuxfs", "rpc_pipefs", "efivarfs",
		"hugetlbfs", "pstore", NULL,
	};

	if (len == 6 && memcmp(type, "autofs", 6) == 0)
		return MOUNT_TRIGGER;
	if (listed(remote, type, len) ||
	    (len > 5 && memcmp(type, "fuse.", 5) == 0))
		return MOUNT_REMOTE;
	if (listed(kernel, type, len))
		return MOUNT_KERNEL;
	return MOUNT_LOCAL;
}

static int append(struct mount_set *s, const struct mount_line *m)
{
	if (s->count == s->cap) {
		size_t cap = s->cap == 0 ? 256 : s->cap * 2;
		struct mount_known *more;

		if (cap > MOUNT_SET_MAX)
			return 0;
		more = realloc(s->known, cap * sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		s->known = more;
		s->cap = cap;
	}
	s->known[s->count++] = (struct mount_known){
		.id = m->id,
		.device = m->device,
		.kind = mount_kind_of(m->type, m->type_len),
	};
	s->sorted = false;
	return 0;
}

int mount_set_add(struct mount_set *s, int dir, const char *name)
{
	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *buf = malloc(LINE_MAX_BYTES);
	struct mount_line m;
	struct lines l;
	const char *line;
	size_t len;
	int r;

	if (fd < 0)
		return -errno;
	if (buf == NULL)
		return -ENOMEM;
	lines_open(&l, fd, buf, LINE_MAX_BYTES, '\n');
	while ((r = lines_next(&l, &line, &len, NULL)) > 0) {
		if (mount_parse(line, len, &m) < 0)
			continue;
		r = append(s, &m);
		if (r < 0)
			return r;
	}
	return r;
}

static int by_id(const void *a, const void *b)
{
	const struct mount_known *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

enum mount_kind mount_set_kind(struct mount_set *s, const struct attr *a,
			       bool *known)
{
	struct mount_known key = { .id = a->mount_id }, *m = NULL;

	if (!s->sorted && s->count > 0) {
		qsort(s->known, s->count, sizeof(*s->known), by_id);
		s->sorted = true;
	}
	if (a->mount_id != 0 && s->count > 0)
		m = bsearch(&key, s->known, s->count, sizeof(*s->known), by_id);
	/* A private view of the host's tree has ids of its own, but the same
	 * file systems. */
	for (size_t i = 0; i < s->count && m == NULL; i++)
		if (s->known[i].device == a->device)
			m = &s->known[i];
	if (known != NULL)
		*known = m != NULL;
	return m != NULL ? m->kind : MOUNT_LOCAL;
}

void mount_set_free(struct mount_set *s)
{
	free(s->known);
	*s = (struct mount_set){ 0 };
}
