/*
 * kernel_bpf.c - BPF programs with their instructions, maps, links, and where
 * they are pinned.
 *
 * Objects are found by their ids, which no name hides; pinned ones in every BPF
 * file system that is mounted here.  What goes away between two questions is
 * passed over; ids are bounded, so a kernel that never ends is left.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf.h"
#include "dir.h"
#include "host.h"
#include "kernel.h"
#include "lines.h"
#include "mount.h"
#include "scope.h"
#include "sink.h"
#include "table.h"

#define OBJECTS_MAX 65536u
#define PINNED_MAX 65536u
#define DEPTH_MAX 8u
#define LINE_BYTES ((size_t)32 << 10)

static int put_instructions(struct sink *sink, int fd, uint32_t id)
{
	char path[64];
	struct sink_entry e = { .path = path };
	void *data;
	long n = bpf_instructions(fd, &data);
	int r;

	(void)snprintf(path, sizeof(path), "bpf/programs/%u.insn", id);
	if (n < 0)
		return sink_gap(sink, path, (int)n, "the kernel does not show its instructions");
	e.size = (uint64_t)n;
	r = sink_put(sink, &e, data, (size_t)n);
	free(data);
	return r;
}

static int take(struct sink *sink, struct table *t, enum bpf_kind kind, uint32_t id)
{
	AUTO_CLOSE int fd = bpf_open(kind, id);
	struct json *j = table_row(t);
	int r;

	if (fd < 0)
		return fd == -ENOENT ? 0 : sink_gap(sink, "bpf", fd, "an object cannot be opened");
	r = kind == BPF_KIND_PROGRAM ? bpf_program_row(j, fd) :
	    kind == BPF_KIND_MAP ? bpf_map_row(j, fd) : bpf_link_row(j, fd);
	if (r < 0)
		return sink_gap(sink, "bpf", r, "an object is not described");
	r = table_row_end(t);
	return r == 0 && kind == BPF_KIND_PROGRAM ? put_instructions(sink, fd, id) : r;
}

static int take_all(struct sink *sink, const char *name, enum bpf_kind kind, const char *note)
{
	uint32_t id = 0, next, count = 0;
	struct table *t;
	int r = table_open(&t, sink, name), err = 0, end;

	if (r < 0)
		return r;
	while (r == 0 && count < OBJECTS_MAX && (err = bpf_next(kind, id, &next)) == 0 &&
	       next > id) {
		id = next;
		count++;
		r = take(sink, t, kind, id);
	}
	/* A kernel without them, or without links, has none. */
	if (r == 0 && err < 0 && err != -ENOENT && err != -ENOSYS && err != -EINVAL)
		r = sink_gap(sink, name, err, NULL);
	if (r == 0)
		r = sink_note(sink, note, "%llu", (unsigned long long)table_rows(t));
	end = table_close(t);
	return r < 0 ? r : end;
}

struct pins {
	struct table *table;
	unsigned count;
};

static int pin_row(struct pins *p, const char *dir_path, const char *name, int dir)
{
	static const char *const kinds[] = { "program", "map", "link" };
	char path[64 + 256];
	enum bpf_kind kind;
	struct json *j;
	uint32_t id;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
	fd = bpf_open_pinned(path);
	j = table_row(p->table);
	json_bytes(j, "directory", dir_path, strlen(dir_path));
	json_bytes(j, "filename", name, strlen(name));
	if (fd >= 0 && bpf_identify(fd, &kind, &id) == 0) {
		json_str(j, "kind", kinds[kind]);
		json_u64(j, "id", id);
	}
	if (fd >= 0)
		(void)close(fd);
	return table_row_end(p->table);
}

/* ${path} has room for what is appended. */
static int walk_pins(struct pins *p, int at, char *path, size_t cap, unsigned depth)
{
	AUTO_CLOSEDIR DIR *d = dir_open(at, ".");
	size_t len = strlen(path);
	struct dirent *e;
	int r = 0;

	while (d != NULL && r == 0 && p->count++ < PINNED_MAX && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (e->d_type == DT_REG) {
			r = pin_row(p, path, e->d_name, dirfd(d));
		} else if (e->d_type == DT_DIR && depth < DEPTH_MAX &&
			   snprintf(path + len, cap - len, "/%s", e->d_name) < (int)(cap - len)) {
			AUTO_CLOSE int below = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY |
						      O_NOFOLLOW | O_CLOEXEC);

			if (below >= 0)
				r = walk_pins(p, below, path, cap, depth + 1);
		}
		path[len] = '\0';
	}
	return r;
}

static int take_pins(const struct host *host, struct sink *sink)
{
	AUTO_CLOSE int fd = openat(host->proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *buf = malloc(LINE_BYTES);
	struct pins p = { 0 };
	struct mount_line m;
	struct lines in;
	const char *line;
	char path[4096];
	size_t len;
	int r = table_open(&p.table, sink, "bpf_pinned"), end;

	if (r < 0)
		return r;
	if (buf != NULL && fd >= 0)
		lines_open(&in, fd, buf, LINE_BYTES, '\n');
	while (buf != NULL && fd >= 0 && r == 0 && lines_next(&in, &line, &len, NULL) > 0) {
		if (mount_parse(line, len, &m) < 0 || m.type_len != 3 ||
		    memcmp(m.type, "bpf", 3) != 0 || m.path_len >= sizeof(path) || m.path_len < 2)
			continue;
		path[mount_unescape(path, m.path, m.path_len)] = '\0';

		AUTO_CLOSE int dir = openat(host->root, path + 1, O_RDONLY | O_DIRECTORY |
					    O_NOFOLLOW | O_CLOEXEC);

		if (dir >= 0)
			r = walk_pins(&p, dir, path, sizeof(path), 0);
	}
	end = table_close(p.table);
	return r < 0 ? r : end;
}

int kernel_bpf_read(const struct host *host, struct sink *sink)
{
	int r = take_all(sink, "bpf_programs", BPF_KIND_PROGRAM, "kernel.bpf_programs");

	if (r == 0)
		r = take_all(sink, "bpf_maps", BPF_KIND_MAP, "kernel.bpf_maps");
	if (r == 0)
		r = take_all(sink, "bpf_links", BPF_KIND_LINK, "kernel.bpf_links");
	return r == 0 ? take_pins(host, sink) : r;
}
