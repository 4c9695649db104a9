/*
 * elf_note.c - the build id in an ELF file's notes.
 *
 * The file is the attacker's: each offset and length is checked against what
 * was read, and structures are copied out before they are looked at.
 */
#include "elf_note.h"

#include <elf.h>
#include <string.h>

#include "parse.h"

#define PHDRS_MAX 128u

bool elf_note_is_elf(const void *head, size_t len)
{
	return len >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0;
}

/* Copy ${want} bytes at ${at}, if they are there. */
static bool take(void *ret, size_t want, const uint8_t *data, size_t len, uint64_t at)
{
	if (at > len || len - at < want)
		return false;
	memcpy(ret, data + at, want);
	return true;
}

/* One segment of notes: names and contents are padded to four bytes. */
static bool notes(const uint8_t *data, size_t len, char ret[ELF_NOTE_ID])
{
	Elf32_Nhdr n; /* the same in both classes */
	uint64_t at = 0;

	while (take(&n, sizeof(n), data, len, at)) {
		uint64_t name = at + sizeof(n);
		uint64_t desc = name + (((uint64_t)n.n_namesz + 3) & ~3ull);
		char owner[4];

		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == sizeof(owner) &&
		    take(owner, sizeof(owner), data, len, name) &&
		    memcmp(owner, "GNU", sizeof(owner)) == 0 && n.n_descsz > 0 &&
		    2 * (uint64_t)n.n_descsz < ELF_NOTE_ID && desc <= len &&
		    len - desc >= n.n_descsz) {
			parse_to_hex(ret, data + desc, n.n_descsz);
			return true;
		}
		at = desc + (((uint64_t)n.n_descsz + 3) & ~3ull);
	}
	return false;
}

struct table_of {
	uint64_t at;
	unsigned count, size;
	bool wide;
};

static bool segment(const struct table_of *t, unsigned i, const uint8_t *data,
		    size_t len, uint64_t *offset, uint64_t *size)
{
	uint64_t at = t->at + (uint64_t)i * t->size;
	Elf64_Phdr p64;
	Elf32_Phdr p32;

	if (at < t->at)
		return false;
	if (t->wide) {
		if (!take(&p64, sizeof(p64), data, len, at) || p64.p_type != PT_NOTE)
			return false;
		*offset = p64.p_offset;
		*size = p64.p_filesz;
		return true;
	}
	if (!take(&p32, sizeof(p32), data, len, at) || p32.p_type != PT_NOTE)
		return false;
	*offset = p32.p_offset;
	*size = p32.p_filesz;
	return true;
}

static bool read_header(const uint8_t *data, size_t len, struct table_of *t)
{
	Elf64_Ehdr e64;
	Elf32_Ehdr e32;

	if (!elf_note_is_elf(data, len) || len <= EI_DATA || data[EI_DATA] != ELFDATA2LSB)
		return false;
	t->wide = data[EI_CLASS] == ELFCLASS64;
	if (t->wide && take(&e64, sizeof(e64), data, len, 0))
		*t = (struct table_of){ e64.e_phoff, e64.e_phnum, e64.e_phentsize, true };
	else if (!t->wide && take(&e32, sizeof(e32), data, len, 0))
		*t = (struct table_of){ e32.e_phoff, e32.e_phnum, e32.e_phentsize, false };
	else
		return false;
	if (t->count > PHDRS_MAX)
		t->count = PHDRS_MAX;
	return true;
}

bool elf_note_build_id(const void *head, size_t len, char ret[ELF_NOTE_ID])
{
	const uint8_t *data = head;
	uint64_t offset, size;
	struct table_of t;

	ret[0] = '\0';
	if (!read_header(data, len, &t))
		return false;
	for (unsigned i = 0; i < t.count; i++) {
		if (!segment(&t, i, data, len, &offset, &size) || offset > len)
			continue;
		if (size > len - offset)
			size = len - offset;
		if (notes(data + offset, (size_t)size, ret))
			return true;
	}
	return false;
}
