/*
 * socket_view.c - both interfaces to the sockets of one network namespace.
 *
 * A rootkit that filters one of them usually forgets the other.  Descriptors are
 * opened inside the namespace in one short visit; they stay bound to it, and are
 * read when the thread is at home again.
 *
 * A kind is asked of sock_diag only when /proc/net/protocols has it, because the
 * question alone would make the kernel load a module.
 */
#include "socket_view.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "blob.h"
#include "host.h"
#include "lines.h"
#include "netns.h"
#include "procfs.h"
#include "scope.h"
#include "sink.h"
#include "socket_proc.h"
#include "socket_record.h"

#define TEXT_BYTES ((size_t)64 << 10)
#define TRIES 3
#define TEXT_SOCKETS_MAX 8192u

struct opening {
	struct socket_view *view;
	int proc;
};

/* Which protocols this kernel has; without the file, the common ones. */
static uint32_t read_protocols(int proc)
{
	AUTO_CLOSE int fd = openat(proc, "thread-self/net/protocols", O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *buf = malloc(TEXT_BYTES);
	uint32_t found = 0;
	const char *line, *name;
	size_t len, n;
	struct lines l;

	if (fd < 0 || buf == NULL)
		return 0x1fff; /* up to netlink */
	lines_open(&l, fd, buf, TEXT_BYTES, '\n');
	while (lines_next(&l, &line, &len, NULL) > 0) {
		if (!procfs_field(&line, &len, &name, &n))
			continue;
		for (unsigned i = 0; socket_kinds[i].name != NULL; i++)
			if (strlen(socket_kinds[i].protocol) == n &&
			    memcmp(socket_kinds[i].protocol, name, n) == 0)
				found |= 1u << i;
	}
	return found;
}

static int open_inside(void *arg)
{
	struct opening *o = arg;
	struct socket_view *v = o->view;

	v->netlink_error = netlink_open(&v->netlink, NETLINK_SOCK_DIAG);
	v->registered = read_protocols(o->proc);
	for (unsigned i = 0; socket_kinds[i].name != NULL; i++) {
		char path[64];

		if (socket_kinds[i].layout == LAYOUT_NONE)
			continue;
		(void)snprintf(path, sizeof(path), "thread-self/net/%s",
			       socket_kinds[i].name);
		v->files[i] = openat(o->proc, path, O_RDONLY | O_CLOEXEC);
	}
	return 0;
}

int socket_view_open(struct socket_view *v, const struct host *host,
		     const struct netns *ns, const struct netns *home)
{
	struct opening o = { .view = v, .proc = host->proc };

	*v = (struct socket_view){ .netlink = { .fd = -1 } };
	for (unsigned i = 0; i < SOCKET_KINDS; i++)
		v->files[i] = -1;
	return netns_visit(ns, home, open_inside, &o);
}

void socket_view_close(struct socket_view *v)
{
	netlink_close(&v->netlink);
	for (unsigned i = 0; i < SOCKET_KINDS; i++)
		if (v->files[i] >= 0)
			(void)close(v->files[i]);
	set_free(&v->diag);
	set_free(&v->proc);
	set_free(&v->cookies);
}

static uint64_t key_of(unsigned kind, uint64_t inode)
{
	return (uint64_t)(kind + 1) << 56 | (inode & 0xffffffffffffffull);
}

struct receiver {
	struct socket_view *view;
	unsigned kind;
	socket_each *each;
	void *arg;
};

static int from_diag(void *arg, const struct socket_record *s)
{
	struct receiver *in = arg;
	struct socket_view *v = in->view;

	if (s->cookie != 0 && !set_add(&v->cookies, s->cookie) && !v->cookies.overflow)
		return 0;
	v->diag_count[in->kind]++;
	/* Bound but neither connected nor listening: /proc/net never shows it. */
	if (s->inode != 0 && s->state != SOCKET_TCP_BOUND_INACTIVE)
		(void)set_add(&v->diag, key_of(in->kind, s->inode));
	return in->each != NULL ? in->each(in->arg, s) : 0;
}

static int dump_kind(struct socket_view *v, struct receiver *in)
{
	struct netlink_result result;
	int r = -EAGAIN;

	for (int i = 0; i < TRIES && r == -EAGAIN; i++) {
		r = socket_diag_dump(&v->netlink, &socket_kinds[in->kind], from_diag,
				     in, &result);
		v->truncated |= result.truncated;
		if (r == 0 && result.interrupted)
			r = -EAGAIN;
	}
	if (r == -EAGAIN) { /* it never held still; what was seen is there */
		v->interrupted = true;
		r = 0;
	}
	if (r == 0)
		v->by_diag |= 1u << in->kind;
	return r;
}

int socket_view_diag(struct socket_view *v, socket_each *each, void *arg)
{
	struct receiver in = { .view = v, .each = each, .arg = arg };

	if (v->netlink.fd < 0)
		return 0;
	for (in.kind = 0; socket_kinds[in.kind].name != NULL; in.kind++) {
		if (socket_kinds[in.kind].diag == DIAG_NONE ||
		    (v->registered & 1u << in.kind) == 0)
			continue;
		if (dump_kind(v, &in) == -ECANCELED)
			return -ECANCELED;
	}
	return 0;
}

/*
 * The kernel counts from the first UDP socket on for each page of the text:
 * the time grows with the square.  sock_diag has them all.
 */
static bool too_long(struct socket_view *v, unsigned kind)
{
	if (socket_kinds[kind].diag != DIAG_INET || socket_kinds[kind].type != SOCK_DGRAM ||
	    (v->by_diag & 1u << kind) == 0 || v->diag_count[kind] < TEXT_SOCKETS_MAX)
		return false;
	v->skipped = true;
	return true;
}

/* One file of /proc/net. */
static int read_kind(struct socket_view *v, struct receiver *in, struct blob *copy)
{
	AUTO_FREE char *buf = malloc(TEXT_BYTES);
	bool rows = in->each != NULL && (v->by_diag & 1u << in->kind) == 0;
	struct socket_record s;
	struct lines l;
	const char *line;
	bool heading = true;
	size_t len;
	int r;

	if (buf == NULL)
		return -ENOMEM;
	lines_open(&l, v->files[in->kind], buf, TEXT_BYTES, '\n');
	l.copy = copy;
	for (; (r = lines_next(&l, &line, &len, NULL)) > 0; heading = false) {
		if (socket_proc_parse(&socket_kinds[in->kind], line, len, &s) < 0) {
			v->malformed |= !heading;
			continue;
		}
		if (s.inode != 0)
			(void)set_add(&v->proc, key_of(in->kind, s.inode));
		if (rows && in->each(in->arg, &s) != 0)
			return -ECANCELED;
	}
	if (r == 0)
		v->by_proc |= 1u << in->kind;
	return r;
}

/* The same, with its text as evidence. */
static int keep_kind(struct socket_view *v, struct receiver *in,
		     struct sink *sink, uint64_t ns)
{
	struct blob copy;
	char path[80];
	int r, end;

	(void)snprintf(path, sizeof(path), "proc/net/%llu/%s",
		       (unsigned long long)ns, socket_kinds[in->kind].name);
	r = blob_open(&copy, sink, path);
	if (r < 0)
		return sink_gap(sink, path, r, NULL);
	r = read_kind(v, in, &copy);
	end = blob_close(&copy);
	if (r == -ECANCELED || end < 0)
		return r == -ECANCELED ? r : end;
	return r < 0 ? sink_gap(sink, path, r, NULL) : 0;
}

int socket_view_proc(struct socket_view *v, struct sink *sink, uint64_t ns,
		     socket_each *each, void *arg)
{
	struct receiver in = { .view = v, .each = each, .arg = arg };

	for (in.kind = 0; socket_kinds[in.kind].name != NULL; in.kind++) {
		int r;

		if (v->files[in.kind] < 0 || too_long(v, in.kind))
			continue;
		r = sink != NULL ? keep_kind(v, &in, sink, ns)
				 : read_kind(v, &in, NULL);
		if (r < 0 && (sink != NULL || r == -ECANCELED))
			return r;
	}
	return 0;
}

static int compare_side(const struct socket_view *v, const struct set *mine,
			const struct set *other, socket_lonely *each, void *arg)
{
	for (size_t i = 0; i < mine->cap; i++) {
		uint64_t key = mine->slots[i];
		unsigned kind = (unsigned)(key >> 56) - 1;
		int r;

		if (key == 0 || (v->by_diag & v->by_proc & 1u << kind) == 0 ||
		    set_has(other, key))
			continue;
		r = each(arg, socket_kinds[kind].name, key & 0xffffffffffffffull,
			 mine == &v->diag);
		if (r < 0)
			return r;
	}
	return 0;
}

int socket_view_compare(const struct socket_view *v, socket_lonely *each, void *arg)
{
	int r;

	if (v->diag.overflow || v->proc.overflow || v->truncated)
		return 0;
	r = compare_side(v, &v->diag, &v->proc, each, arg);
	return r < 0 ? r : compare_side(v, &v->proc, &v->diag, each, arg);
}

bool socket_view_lonely(const struct socket_view *v, const char *kind,
			uint64_t inode, bool by_diag)
{
	unsigned i = 0;

	while (socket_kinds[i].name != NULL && strcmp(socket_kinds[i].name, kind) != 0)
		i++;
	if ((v->by_diag & v->by_proc & 1u << i) == 0)
		return false;
	return set_has(&v->diag, key_of(i, inode)) == by_diag &&
	       set_has(&v->proc, key_of(i, inode)) == !by_diag;
}
