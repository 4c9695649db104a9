/*
 * kcore.c - the ELF headers of /proc/kcore as a map of physical memory.
 *
 * No I/O.  Headers may be garbage: a segment whose numbers overflow is left
 * out, so no result points outside of what was checked.
 */
#include "kcore.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* x86-64: the kernel image, modules and vsyscall live from here up. */
#define X86_IMAGE_BASE 0xffffffff80000000u
/* x86-64: the direct map is the lowest thing above the canonical hole. */
#define X86_KERNEL_BASE 0xffff800000000000u
/* x86-64: its base is aligned to what one upper page-table entry maps. */
#define X86_DIRECT_ALIGN ((uint64_t)1 << 30)
#define PAGE_4K 4096u

int kcore_parse_header(const uint8_t head[KCORE_EHDR_BYTES],
		       struct kcore_header *ret)
{
	Elf64_Ehdr e;

	_Static_assert(sizeof(e) == KCORE_EHDR_BYTES, "ELF-64 header");
	_Static_assert(sizeof(Elf64_Phdr) == KCORE_PHDR_BYTES, "ELF-64 segment");
	memcpy(&e, head, sizeof(e));
	if (memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 ||
	    e.e_ident[EI_CLASS] != ELFCLASS64 ||
	    e.e_ident[EI_DATA] != ELFDATA2LSB || e.e_type != ET_CORE ||
	    e.e_phentsize != KCORE_PHDR_BYTES || e.e_phnum == 0 ||
	    e.e_phoff > INT64_MAX - KCORE_PHDRS_MAX * KCORE_PHDR_BYTES)
		return -EINVAL;
	*ret = (struct kcore_header){
		.machine = e.e_machine,
		.phdrs = e.e_phoff,
		.phdr_count = e.e_phnum,
	};
	return 0;
}

static Elf64_Phdr phdr_at(const uint8_t *phdrs, size_t i)
{
	Elf64_Phdr p;

	memcpy(&p, phdrs + i * sizeof(p), sizeof(p));
	return p;
}

/* A segment that can hold RAM, with numbers that can be added. */
static bool is_memory(const struct kcore_header *h, const Elf64_Phdr *p)
{
	if (p->p_type != PT_LOAD || p->p_filesz == 0 || p->p_filesz > INT64_MAX ||
	    p->p_offset > INT64_MAX - p->p_filesz)
		return false;
	return h->machine != EM_X86_64 || p->p_vaddr < X86_IMAGE_BASE;
}

static bool has_address(const Elf64_Phdr *p)
{
	return p->p_paddr != UINT64_MAX &&
	       p->p_paddr <= UINT64_MAX - 1 - p->p_filesz;
}

/* Before 4.11 every p_paddr is 0. */
static bool is_old(const struct kcore_header *h, const uint8_t *phdrs)
{
	size_t loads = 0;

	for (size_t i = 0; i < h->phdr_count; i++) {
		Elf64_Phdr p = phdr_at(phdrs, i);

		if (p.p_type == PT_LOAD && p.p_paddr != 0)
			return false;
		loads += p.p_type == PT_LOAD;
	}
	return loads > 1;
}

/* The first whole page of RAM; ranges without one have no segment. */
static bool first_page(const struct ranges *ram, uint64_t *ret)
{
	for (size_t i = 0; i < ram->count; i++) {
		uint64_t skip = -ram->at[i].start & (PAGE_4K - 1);
		uint64_t last = ram->at[i].end - ram->at[i].start;

		if (last >= skip && last - skip >= PAGE_4K - 1) {
			*ret = ram->at[i].start + skip;
			return true;
		}
	}
	return false;
}

/*
 * Virtual address of physical 0 where headers do not tell: the lowest segment
 * of the kernel's half shows the first whole page of RAM.  0 when unknown.
 */
static uint64_t guess_base(const struct kcore_header *h, const uint8_t *phdrs,
			   const struct ranges *ram)
{
	uint64_t low = UINT64_MAX, first;

	for (size_t i = 0; i < h->phdr_count; i++) {
		Elf64_Phdr p = phdr_at(phdrs, i);

		if (is_memory(h, &p) && p.p_vaddr >= X86_KERNEL_BASE &&
		    p.p_vaddr < low)
			low = p.p_vaddr;
	}
	if (h->machine != EM_X86_64 || low == UINT64_MAX || !first_page(ram, &first))
		return 0;
	if (low < first || (low - first) % X86_DIRECT_ALIGN != 0)
		return 0;
	return low - first;
}

/* Physical address of a segment of an old kernel, if it shows nothing but RAM. */
static bool derive(Elf64_Phdr *p, uint64_t base, const struct ranges *ram)
{
	uint64_t end;

	if (p->p_vaddr < base)
		return false;
	p->p_paddr = p->p_vaddr - base;
	if (__builtin_add_overflow(p->p_paddr, p->p_filesz - 1, &end))
		return false;
	return ranges_has(ram, p->p_paddr, end);
}

static int by_start(const void *a, const void *b)
{
	const struct kcore_segment *x = a, *y = b;

	return x->range.start < y->range.start ? -1 : x->range.start > y->range.start;
}

static void trim_start(struct kcore_segment *s, uint64_t start)
{
	s->offset += start - s->range.start;
	s->range.start = start;
}

/*
 * Sorted segments become disjoint ones: of two that overlap the larger keeps
 * what both show.  Since starts ascend, a larger one never ends before a
 * smaller one that it cuts, so nothing is lost.  ${whole} gets the sizes
 * before trimming.
 */
static size_t make_disjoint(struct kcore_segment *seg, size_t count,
			    uint64_t *whole)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		struct kcore_segment s = seg[i];
		uint64_t size = s.range.end - s.range.start + 1;

		while (n > 0 && seg[n - 1].range.end >= s.range.start) {
			struct kcore_segment *top = &seg[n - 1];

			if (size <= whole[n - 1]) {
				if (top->range.end >= s.range.end)
					break;
				trim_start(&s, top->range.end + 1);
			} else if (top->range.start >= s.range.start) {
				n--;
			} else {
				top->range.end = s.range.start - 1;
			}
		}
		if (n > 0 && seg[n - 1].range.end >= s.range.start)
			continue;
		seg[n] = s;
		whole[n++] = size;
	}
	return n;
}

static int sort_out(struct kcore_map *map)
{
	uint64_t *whole = calloc(map->count, sizeof(*whole));

	if (whole == NULL)
		return -ENOMEM;
	qsort(map->seg, map->count, sizeof(*map->seg), by_start);
	map->count = make_disjoint(map->seg, map->count, whole);
	free(whole);
	return 0;
}

int kcore_parse(const struct kcore_header *header, const uint8_t *phdrs,
		const struct ranges *ram, struct kcore_map *ret)
{
	bool old = is_old(header, phdrs);
	uint64_t base = old ? guess_base(header, phdrs, ram) : 0;
	uint64_t largest = 0;

	ret->count = 0;
	ret->note_offset = ret->note_len = ret->page_offset = 0;
	if (old && base == 0)
		return -EOPNOTSUPP;
	for (size_t i = 0; i < header->phdr_count; i++) {
		Elf64_Phdr p = phdr_at(phdrs, i);

		if (p.p_type == PT_NOTE && p.p_offset <= INT64_MAX) {
			ret->note_offset = p.p_offset;
			ret->note_len = p.p_filesz;
		}
		if (!is_memory(header, &p) ||
		    (old ? !derive(&p, base, ram) : !has_address(&p)))
			continue;
		ret->seg[ret->count++] = (struct kcore_segment){
			.range = { p.p_paddr, p.p_paddr + p.p_filesz - 1 },
			.offset = p.p_offset,
		};
		if (p.p_filesz > largest) {
			largest = p.p_filesz;
			ret->page_offset = p.p_vaddr - p.p_paddr;
		}
	}
	if (ret->count == 0)
		return old ? -EOPNOTSUPP : -ENODATA;
	return sort_out(ret);
}

const struct kcore_segment *kcore_find(const struct kcore_map *map,
				       uint64_t address)
{
	size_t low = 0, high = map->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (map->seg[mid].range.end < address)
			low = mid + 1;
		else
			high = mid;
	}
	return low < map->count ? &map->seg[low] : NULL;
}

static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

int kcore_note(const uint8_t *notes, size_t len, const char *name,
	       const uint8_t **ret, size_t *ret_len)
{
	size_t want = strlen(name);

	while (len >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr n;
		size_t body, all;

		memcpy(&n, notes, sizeof(n));
		body = sizeof(n) + padded(n.n_namesz);
		all = body + padded(n.n_descsz);
		if (n.n_namesz > len || n.n_descsz > len || body > len ||
		    body + n.n_descsz > len)
			break;
		/* The name's length may or may not count its NUL. */
		if (n.n_namesz >= want && n.n_namesz <= want + 1 &&
		    memcmp(notes + sizeof(n), name, want) == 0) {
			*ret = notes + body;
			*ret_len = n.n_descsz;
			return 0;
		}
		if (all >= len)
			break;
		notes += all;
		len -= all;
	}
	return -ENOENT;
}

int kcore_info(const char *text, size_t len, const char *key, const char **ret,
	       size_t *ret_len)
{
	size_t want = strlen(key);

	while (len > 0) {
		const char *nl = memchr(text, '\n', len);
		size_t n = nl != NULL ? (size_t)(nl - text) : len;

		if (n > want && memcmp(text, key, want) == 0 && text[want] == '=') {
			*ret = text + want + 1;
			*ret_len = n - want - 1;
			return 0;
		}
		text += nl != NULL ? n + 1 : n;
		len -= nl != NULL ? n + 1 : n;
	}
	return -ENOENT;
}
