/*
 * image_elf.c - the memory image as an ELF core file.
 *
 * Reads memory/vmcoreinfo, layout.json and proc/iomem beside the image, which
 * the host wrote: a number out of them moves an address in the new file and
 * nothing else.  What is not there is done without.
 */
#include "image_elf.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "extract.h"
#include "image.h"
#include "io.h"
#include "parse.h"
#include "scope.h"

#define LOADS_MAX 65000u
#define PAGE_BYTES 4096u
#define SIDE_MAX (4u << 20)
#define INFO_MAX (1u << 20)
#define X86_TEXT_BASE 0xffffffff80000000u

/* elf_prstatus of the machines; its content is not known here. */
#define PRSTATUS_X86 336u
#define PRSTATUS_ARM 392u

/* What the files beside the image say; 0 and NULL when they do not. */
struct side {
	char *info;            /* VMCOREINFO */
	size_t info_len;
	bool is_arm;
	bool has_direct, has_text;
	uint64_t direct;       /* virtual less physical address: direct map */
	uint64_t text;         /* the same of the kernel's own image */
	struct range kernel;   /* which lies here */
};

/* The file ${path} whole, with a NUL; NULL when it is not there or too long. */
static char *read_side(struct extract *x, const char *path, size_t *len)
{
	AUTO_CLOSE int fd = extract_reopen(x, path);
	char *text = fd >= 0 ? malloc(SIDE_MAX + 1) : NULL;
	ssize_t n = text != NULL ? io_read(fd, text, SIDE_MAX) : -ENOENT;

	if (n < 0 || n == SIDE_MAX) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	*len = (size_t)n;
	return text;
}

/* The member "${key}":"0x..." of memory/layout.json, which evac writes. */
static bool get_hex(const char *text, const char *key, uint64_t *ret)
{
	const char *p = strstr(text, key);

	if (p == NULL || strncmp(p + strlen(key), "\":\"0x", 5) != 0)
		return false;
	p += strlen(key) + 5;
	return parse_u64(p, strcspn(p, "\""), 16, ret) == 0;
}

static void read_layout(struct side *s, const char *text)
{
	uint64_t v;

	s->is_arm = strstr(text, "\"machine\":\"aarch64\"") != NULL;
	s->has_direct = get_hex(text, "\"direct_map", &s->direct);
	if (s->is_arm) {
		s->has_text = get_hex(text, "\"kimage_voffset", &s->text);
	} else if (get_hex(text, "\"phys_base", &v)) {
		s->has_text = true;
		s->text = X86_TEXT_BASE - v;
	}
}

static void side_open(struct side *s, struct extract *x)
{
	AUTO_FREE char *layout = NULL;
	AUTO_FREE char *iomem = NULL;
	size_t len;

	*s = (struct side){ 0 };
	s->info = read_side(x, "memory/vmcoreinfo", &s->info_len);
	if (s->info_len > INFO_MAX)
		s->info_len = INFO_MAX;
	layout = read_side(x, "memory/layout.json", &len);
	if (layout != NULL)
		read_layout(s, layout);
	iomem = read_side(x, "memory/proc/iomem", &len);
	if (iomem == NULL || ranges_parse_kernel(&s->kernel, iomem, len) < 0)
		s->has_text = false;
}

/* The new file's headers, as they are made. */
struct headers {
	Elf64_Phdr *phdrs;
	size_t count, cap;
	uint8_t *notes;
	size_t notes_len;
};

static void add_note(struct headers *h, const char *name, uint32_t type,
		     const void *data, size_t len)
{
	size_t name_len = strlen(name) + 1;
	const Elf64_Nhdr n = {
		.n_namesz = (Elf64_Word)name_len, .n_descsz = (Elf64_Word)len,
		.n_type = type,
	};

	/* The memory is zeros, and so is what is between. */
	memcpy(h->notes + h->notes_len, &n, sizeof(n));
	memcpy(h->notes + h->notes_len + sizeof(n), name, name_len);
	h->notes_len += sizeof(n) + ((name_len + 3) & ~(size_t)3);
	if (data != NULL)
		memcpy(h->notes + h->notes_len, data, len);
	h->notes_len += (len + 3) & ~(size_t)3;
}

static int make_notes(struct headers *h, const struct side *s)
{
	h->notes = calloc(1, s->info_len + 1024);
	if (h->notes == NULL)
		return -ENOMEM;
	/* crash wants one; registers are in memory, where they were saved. */
	add_note(h, "CORE", NT_PRSTATUS, NULL, s->is_arm ? PRSTATUS_ARM : PRSTATUS_X86);
	if (s->info != NULL)
		add_note(h, "VMCOREINFO", 0, s->info, s->info_len);
	return 0;
}

/* One segment for each run of pieces that touch. */
static int make_loads(struct headers *h, const struct image *im, const struct side *s)
{
	for (size_t i = 0; i < im->count; i++) {
		const struct range *r = &im->pieces[i].range;
		uint64_t size = r->end - r->start + 1;
		Elf64_Phdr *top = &h->phdrs[h->count - 1];

		if (i > 0 && top->p_paddr + top->p_filesz == r->start) {
			top->p_filesz += size;
			top->p_memsz += size;
			continue;
		}
		if (h->count == h->cap)
			return -E2BIG;
		h->phdrs[h->count++] = (Elf64_Phdr){
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_W | PF_X,
			.p_vaddr = s->has_direct ? r->start + s->direct : r->start,
			.p_paddr = r->start,
			.p_filesz = size,
			.p_memsz = size,
		};
	}
	return 0;
}

/* Give each segment its place: off a page as its address is. */
static uint64_t place_loads(struct headers *h, size_t first, uint64_t at)
{
	for (size_t i = first; i < h->count; i++) {
		Elf64_Phdr *p = &h->phdrs[i];

		at = (at + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
		at += p->p_paddr % PAGE_BYTES;
		p->p_offset = at;
		at += p->p_filesz;
	}
	return at;
}

/* The kernel's image once more, where its symbols say that it is. */
static void place_text(struct headers *h, Elf64_Phdr *text, const struct side *s)
{
	uint64_t size = s->kernel.end - s->kernel.start + 1;

	for (size_t i = 0; i < h->count; i++) {
		const Elf64_Phdr *p = &h->phdrs[i];

		if (p->p_type != PT_LOAD || p == text || s->kernel.start < p->p_paddr ||
		    s->kernel.start - p->p_paddr >= p->p_filesz)
			continue;
		if (size > p->p_filesz - (s->kernel.start - p->p_paddr))
			size = p->p_filesz - (s->kernel.start - p->p_paddr);
		*text = (Elf64_Phdr){
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_W | PF_X,
			.p_offset = p->p_offset + (s->kernel.start - p->p_paddr),
			.p_vaddr = s->kernel.start + s->text,
			.p_paddr = s->kernel.start,
			.p_filesz = size,
			.p_memsz = size,
		};
		return;
	}
}

static int write_headers(const struct image *im, const struct headers *h, bool is_arm)
{
	const Elf64_Ehdr e = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT, ELFOSABI_SYSV },
		.e_type = ET_CORE,
		.e_machine = is_arm ? EM_AARCH64 : EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(e),
		.e_ehsize = sizeof(e),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (Elf64_Half)h->count,
	};
	size_t len = h->count * sizeof(*h->phdrs);
	int r = image_write_at(im->to, (const uint8_t *)&e, sizeof(e), 0);

	if (r == 0)
		r = image_write_at(im->to, (const uint8_t *)h->phdrs, len, sizeof(e));
	if (r == 0)
		r = image_write_at(im->to, h->notes, h->notes_len, sizeof(e) + len);
	return r;
}

/* Copy each piece to where its segment has it. */
static int copy_loads(const struct image *im, const struct headers *h, size_t first)
{
	size_t i = first;
	int r = 0;

	for (size_t k = 0; r == 0 && k < im->count; k++) {
		const struct image_piece *p = &im->pieces[k];

		while (p->range.start - h->phdrs[i].p_paddr >= h->phdrs[i].p_filesz)
			i++;
		r = image_copy(im, p, h->phdrs[i].p_offset +
			       (p->range.start - h->phdrs[i].p_paddr));
	}
	return r;
}

static int write_elf(const struct image *im, const struct side *s, struct headers *h,
		     uint64_t *ret_bytes)
{
	/* The notes; the kernel's image, first as kexec has it; memory. */
	size_t first = 1 + s->has_text, len;
	int r = make_notes(h, s);

	h->cap = LOADS_MAX;
	h->phdrs = calloc(h->cap, sizeof(*h->phdrs));
	if (r < 0 || h->phdrs == NULL)
		return r < 0 ? r : -ENOMEM;
	h->count = first;
	r = make_loads(h, im, s);
	if (r < 0)
		return r;
	len = sizeof(Elf64_Ehdr) + h->count * sizeof(*h->phdrs);
	h->phdrs[0] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = len, .p_align = 4,
		.p_filesz = h->notes_len, .p_memsz = h->notes_len,
	};
	*ret_bytes = place_loads(h, first, len + h->notes_len);
	if (s->has_text)
		place_text(h, &h->phdrs[1], s);
	if (ftruncate(im->to, (off_t)*ret_bytes) < 0)
		return -errno;
	r = write_headers(im, h, s->is_arm);
	return r < 0 ? r : copy_loads(im, h, first);
}

int image_elf_write(const struct image *im, struct extract *x, uint64_t *ret_bytes)
{
	struct headers h = { 0 };
	struct side s;
	int r;

	side_open(&s, x);
	r = write_elf(im, &s, &h, ret_bytes);
	free(h.phdrs);
	free(h.notes);
	free(s.info);
	return r;
}
