/*
 * memory_kcore.c - physical memory through /proc/kcore.
 *
 * Reads the file's ELF headers and notes once; pages are then read by the
 * workers, side by side, through one descriptor (memory_pull.c).  A piece that
 * cannot be read is halved down to a page; such a page, and memory that no
 * segment shows, is another method's, or the marker pattern and a hole.  What
 * is less than a page at a range's border is zeros then, as LiME writes it.
 */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "io.h"
#include "parse.h"
#include "scope.h"

#define NOTES_MAX (1u << 20)
#define TRIES 8u

/* Read the program headers and make the map. */
static int read_map(struct memory *m, int fd)
{
	uint8_t head[KCORE_EHDR_BYTES];
	struct kcore_header h;
	AUTO_FREE uint8_t *phdrs = NULL;
	ssize_t n = io_pread(fd, head, sizeof(head), 0);
	size_t len;
	int r;

	if (n != (ssize_t)sizeof(head))
		return n < 0 ? (int)n : -EINVAL;
	r = kcore_parse_header(head, &h);
	if (r < 0)
		return r;
	len = h.phdr_count * KCORE_PHDR_BYTES;
	phdrs = malloc(len);
	m->map.seg = calloc(h.phdr_count, sizeof(*m->map.seg));
	if (phdrs == NULL || m->map.seg == NULL)
		return -ENOMEM;
	n = io_pread(fd, phdrs, len, (off_t)h.phdrs);
	if (n != (ssize_t)len)
		return n < 0 ? (int)n : -EINVAL;
	return kcore_parse(&h, phdrs, &m->ram, &m->map);
}

/* Keep VMCOREINFO's text out of a note segment. */
static void keep_vmcoreinfo(struct memory *m, const uint8_t *notes, size_t len)
{
	const uint8_t *text;
	size_t n;

	if (m->vmcoreinfo != NULL ||
	    kcore_note(notes, len, "VMCOREINFO", &text, &n) < 0)
		return;
	n = strnlen((const char *)text, n);
	m->vmcoreinfo = malloc(n + 1);
	if (m->vmcoreinfo == NULL)
		return;
	memcpy(m->vmcoreinfo, text, n);
	m->vmcoreinfo[n] = '\0';
	m->vmcoreinfo_len = n;
}

/* Kernels before 4.19 have no such note in kcore, but tell where it lies. */
static void read_vmcoreinfo_from_memory(struct memory *m)
{
	char text[64];
	const char *p = text;
	size_t first;
	uint64_t address, size;
	AUTO_FREE uint8_t *notes = NULL;

	if (io_read_file(m->host->sys, "kernel/vmcoreinfo", text, sizeof(text)) <= 0)
		return;
	/* "0x000000003fff1000 1024", both hexadecimal; older ones without 0x. */
	if (strncmp(p, "0x", 2) == 0)
		p += 2;
	first = strcspn(p, " ");
	if (p[first] != ' ' || parse_u64(p, first, 16, &address) < 0 ||
	    parse_u64(p + first + 1, strcspn(p + first + 1, "\n"), 16, &size) < 0 ||
	    size == 0 || size > NOTES_MAX || address > INT64_MAX)
		return;
	if (!ranges_has(&m->ram, address, address + size - 1))
		return;
	notes = malloc((size_t)size);
	if (notes == NULL)
		return;
	memory_kcore_fill(m, address, notes, (size_t)size);
	keep_vmcoreinfo(m, notes, (size_t)size);
}

static void read_notes(struct memory *m)
{
	size_t len = m->map.note_len < NOTES_MAX ? (size_t)m->map.note_len : NOTES_MAX;
	AUTO_FREE uint8_t *notes = malloc(len + 1);
	ssize_t n;

	if (notes != NULL) {
		n = io_pread(m->kcore, notes, len, (off_t)m->map.note_offset);
		if (n > 0)
			keep_vmcoreinfo(m, notes, (size_t)n);
	}
	if (m->vmcoreinfo == NULL)
		read_vmcoreinfo_from_memory(m);
}

/*
 * Can memory be read at all?  A page may be bad, so several are tried, of the
 * largest segment.  0, or the error of the last one.
 */
static int try_read(const struct memory *m, int fd)
{
	const struct kcore_segment *best = &m->map.seg[0];
	uint8_t byte;
	ssize_t n = -ENODATA;

	for (size_t i = 1; i < m->map.count; i++)
		if (m->map.seg[i].range.end - m->map.seg[i].range.start >
		    best->range.end - best->range.start)
			best = &m->map.seg[i];
	for (unsigned i = 1; i < TRIES; i++) {
		uint64_t at = (best->range.end - best->range.start) / TRIES * i;

		n = memory_read_limited(m, fd, best->offset + at, &byte, 1);
		if (n == 1)
			return 0;
	}
	return n < 0 ? (int)n : -ENODATA;
}

void memory_kcore_open(struct memory *m)
{
	int fd = openat(m->host->proc, "kcore", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r;

	m->kcore = fd < 0 ? -errno : fd;
	if (fd < 0)
		return;
	r = read_map(m, fd);
	if (r == 0)
		r = try_read(m, fd);
	if (r < 0) {
		(void)close(fd);
		m->kcore = r;
		return;
	}
	read_notes(m);
}

void memory_kcore_close(struct memory *m)
{
	if (m->kcore >= 0)
		(void)close(m->kcore);
	m->kcore = -ENODATA;
	free(m->map.seg);
	free(m->vmcoreinfo);
	m->map = (struct kcore_map){ 0 };
	m->vmcoreinfo = NULL;
}

/* The whole gap around ${address}, as far as RAM goes. */
static uint64_t gap_bytes(const struct memory *m, uint64_t address)
{
	const struct kcore_segment *after = kcore_find(&m->map, address);
	const struct range *ram = ranges_find(&m->ram, address);
	size_t before = after != NULL ? (size_t)(after - m->map.seg) : m->map.count;
	uint64_t start, end;

	if (ram == NULL || ram->start > address)
		return UINT64_MAX;
	start = ram->start;
	end = ram->end;
	if (before > 0 && m->map.seg[before - 1].range.end >= start)
		start = m->map.seg[before - 1].range.end + 1;
	if (after != NULL && after->range.start <= end)
		end = after->range.start - 1;
	return end - start + 1;
}

/* Bytes that no segment shows. */
static void fill_gap(struct memory *m, uint64_t address, uint8_t *buf, size_t len)
{
	if (gap_bytes(m, address) < m->page)
		memset(buf, 0, len);
	else
		memory_mark(buf, address, len);
	memory_hole(m, HOLE_UNMAPPED, address, address + len - 1);
}

ssize_t memory_kcore_read(const struct memory *m, uint64_t address, void *buf,
			  size_t len)
{
	const struct kcore_segment *s = kcore_find(&m->map, address);

	if (s == NULL || s->range.start > address)
		return -ENXIO;
	if (s->range.end - address < len)
		len = (size_t)(s->range.end - address) + 1;
	return memory_read_limited(m, m->kcore, s->offset + (address - s->range.start),
				   buf, len);
}

void memory_kcore_fill(struct memory *m, uint64_t address, void *buf, size_t len)
{
	struct memory_source self = { .m = m, .method = METHOD_KCORE };
	const struct memory_reader source = {
		.fd = m->kcore,
		.page = m->page,
		.read = memory_rescue_read,
		.bad = memory_rescue_bad,
		.arg = &self,
	};
	uint8_t *p = buf;

	while (len > 0) {
		const struct kcore_segment *s = kcore_find(&m->map, address);
		uint64_t left = len;
		size_t n;

		if (s != NULL && s->range.start <= address) {
			if (s->range.end - address < left)
				left = s->range.end - address + 1;
			n = (size_t)left;
			memory_read(&source, address, address, p, n);
		} else {
			if (s != NULL && s->range.start - address < left)
				left = s->range.start - address;
			n = memory_rescue(m, METHOD_KCORE, address, p, (size_t)left);
			if (n == 0) {
				n = (size_t)left;
				fill_gap(m, address, p, n);
			}
		}
		p += n;
		address += n;
		len -= n;
	}
}
