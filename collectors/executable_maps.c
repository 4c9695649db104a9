/*
 * executable_maps.c - executable mappings whose content no file of the disk has.
 *
 * Reads maps; files by map_files, which reaches deleted ones; memory without a
 * file by mem, as far as the pagemap has pages, so that nothing is touched that
 * the process has not.  Memory comes as "executables/PID-START.mem".
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "attr.h"
#include "digest.h"
#include "executable.h"
#include "io.h"
#include "lines.h"
#include "memory_areas.h"
#include "parse.h"
#include "process.h"
#include "scope.h"
#include "sink.h"
#include "table.h"

#define REGION_MAX ((uint64_t)64 << 20)
#define ENTRIES 512u

/* Executable memory that is nobody's file; the kernel's own pages are not. */
static bool is_anonymous(const struct procfs_map *m)
{
	static const char *const names[] = { "[heap]", "[stack", "[anon" };

	if (m->inode != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (m->path_len >= strlen(names[i]) &&
		    memcmp(m->path, names[i], strlen(names[i])) == 0)
			return true;
	return m->path_len == 0;
}

/* Which pages of ${count} from ${start} on are there; without a pagemap, all. */
static void read_present(int pagemap, uint64_t start, size_t count, bool ret[ENTRIES])
{
	uint64_t entries[ENTRIES];
	ssize_t n = pagemap < 0 ? -1 :
		    io_pread(pagemap, entries, count * 8, (off_t)(start / (uint64_t)sysconf(_SC_PAGESIZE) * 8));

	for (size_t i = 0; i < count; i++)
		ret[i] = n != (ssize_t)(count * 8) || memory_areas_is_page(entries[i]);
}

struct region {
	uint64_t start, size; /* of the file: up to the last page that is there */
	uint64_t present;     /* bytes */
	uint64_t unreadable;
	char sha256[DIGEST_HEX];
};

static void measure(int pagemap, const struct procfs_map *m, struct region *ret)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), end = m->end;
	bool present[ENTRIES];

	*ret = (struct region){ .start = m->start };
	if (end - m->start > REGION_MAX)
		end = m->start + REGION_MAX;
	for (uint64_t at = m->start; at < end; at += page * ENTRIES) {
		size_t n = (size_t)((end - at) / page < ENTRIES ? (end - at) / page : ENTRIES);

		read_present(pagemap, at, n, present);
		for (size_t i = 0; i < n; i++) {
			if (!present[i])
				continue;
			ret->present += page;
			ret->size = at + (i + 1) * page - m->start;
		}
	}
}

/* ${count} pages at ${at} into ${buf}; those that are not there are zeros. */
static void read_pages(int mem, int pagemap, uint64_t at, size_t count, char *buf,
		       struct region *g)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	bool present[ENTRIES];

	read_present(pagemap, at, count, present);
	memset(buf, 0, count * page);
	for (size_t i = 0; i < count; i++) {
		size_t run = 1;

		if (!present[i])
			continue;
		while (i + run < count && present[i + run])
			run++;
		for (size_t done = 0; done < run * page;) {
			ssize_t n = io_pread(mem, buf + i * page + done, run * page - done,
					     (off_t)(at + i * page + done));

			if (n <= 0) { /* this page not: the next may be */
				g->unreadable += page;
				n = (ssize_t)(page - done % page);
			}
			done += (size_t)n;
		}
		i += run - 1;
	}
}

/* The region's bytes into the evidence. */
static int copy(struct executable *x, int mem, int pagemap, struct region *g, const char *path)
{
	struct sink_entry e = { .path = path, .size = g->size };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t step = PROCESS_ARGS / page < ENTRIES ? PROCESS_ARGS / page : ENTRIES;
	uint8_t sum[DIGEST_BYTES];
	struct digest *d;
	int r = digest_open(&d);

	if (r < 0)
		return r;
	r = sink_begin(x->pass->sink, &e);
	for (uint64_t at = 0; r == 0 && at < g->size; at += step * page) {
		size_t n = (size_t)((g->size - at) / page < step ? (g->size - at) / page : step);

		read_pages(mem, pagemap, g->start + at, n, x->pass->args, g);
		digest_add(d, x->pass->args, n * page);
		r = sink_write(x->pass->sink, x->pass->args, n * page);
	}
	if (r == 0)
		r = sink_end(x->pass->sink);
	digest_end(d, sum);
	parse_to_hex(g->sha256, sum, sizeof(sum));
	digest_free(d);
	return r;
}

static int region_row(struct executable *x, const struct process *p,
		      const struct procfs_map *m, const struct region *g, const char *content)
{
	struct json *j = table_row(x->pass->table);

	json_i64(j, "pid", p->pid);
	json_str(j, "kind", "anonymous");
	json_bytes(j, "path", m->path, m->path_len);
	json_str(j, "memory_only", "anonymous");
	json_hex(j, "start", m->start);
	json_hex(j, "end", m->end);
	json_str(j, "permissions", m->permissions);
	json_u64(j, "size", g->size);
	json_u64(j, "unreadable", g->unreadable);
	json_str(j, "sha256", content != NULL ? g->sha256 : NULL);
	json_str(j, "content", content);
	return table_row_end(x->pass->table);
}

static int take_region(struct executable *x, const struct process *p,
		       const struct procfs_map *m, int mem, int pagemap)
{
	struct region g;
	char path[64];
	int r = 0;

	measure(pagemap, m, &g);
	if (g.present == 0) /* set aside, never written */
		return 0;
	(void)snprintf(path, sizeof(path), "executables/%d-%" PRIx64 ".mem", (int)p->pid, m->start);
	if (mem < 0 || g.present > x->left_memory) {
		x->left_out++;
		r = sink_gap(x->pass->sink, path, mem < 0 ? mem : -EDQUOT,
			     mem < 0 ? NULL : "the budget for programs in memory is used up");
		return r == 0 ? region_row(x, p, m, &g, NULL) : r;
	}
	r = copy(x, mem, pagemap, &g, path);
	x->left_memory -= g.present;
	x->stored += r == 0;
	if (r == 0 && m->end - m->start > REGION_MAX)
		r = sink_gap(x->pass->sink, path, -EFBIG, "only the first 64 MiB");
	return r == 0 ? region_row(x, p, m, &g, path) : r;
}

static int take_mapping(struct executable *x, const struct process *p,
			const struct procfs_map *m)
{
	struct executable_row row = { .pid = p->pid, .kind = "mapping", .path = m->path,
				      .path_len = m->path_len };
	struct attr a;
	char leaf[64];

	row.why = executable_why(m->path, &row.path_len, NULL);
	if (row.why == NULL)
		return 0;
	(void)snprintf(leaf, sizeof(leaf), "map_files/%" PRIx64 "-%" PRIx64, m->start, m->end);
	if (attr_get(p->dir, leaf, true, &a) < 0 || !S_ISREG(a.mode))
		return 0;
	return executable_file(x, p->dir, p->dir, leaf, &a, &row, true);
}

int executable_maps(struct executable *x, const struct process *p, uint64_t exe_inode)
{
	AUTO_CLOSE int fd = openat(p->dir, "maps", O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int pagemap = -1;
	AUTO_CLOSE int mem = -1;
	uint64_t last = 0; /* a library has several mappings */
	bool opened = false;
	struct procfs_map m;
	const char *line;
	struct lines l;
	size_t len;
	int r = 0, got;

	if (fd < 0)
		return 0; /* a gap of the collector of maps */
	lines_open(&l, fd, x->pass->lines, PROCESS_LINES, '\n');
	while (r == 0 && (got = lines_next(&l, &line, &len, NULL)) > 0) {
		if (procfs_parse_map(line, len, &m) < 0 || m.permissions[2] != 'x')
			continue;
		if (is_anonymous(&m)) {
			if (!opened) {
				opened = true;
				mem = openat(p->dir, "mem", O_RDONLY | O_CLOEXEC);
				mem = mem < 0 ? -errno : mem;
				pagemap = openat(p->dir, "pagemap", O_RDONLY | O_CLOEXEC);
			}
			r = take_region(x, p, &m, mem, pagemap);
		} else if (m.inode != 0 && m.inode != exe_inode && m.inode != last) {
			last = m.inode;
			r = take_mapping(x, p, &m);
		}
	}
	return r;
}
