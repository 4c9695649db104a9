/* The build id in an ELF file's notes: our own program's, made ones, and broken ones. */
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "check.h"
#include "elf_note.h"

struct file {
	Elf64_Ehdr e;
	Elf64_Phdr p;
	Elf64_Nhdr other;
	char other_name[8], other_desc[4];
	Elf64_Nhdr n;
	char name[4];
	unsigned char desc[20];
};

static struct file make(void)
{
	struct file f = {
		.e = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		       .e_phoff = offsetof(struct file, p), .e_phnum = 1,
		       .e_phentsize = sizeof(Elf64_Phdr) },
		.p = { .p_type = PT_NOTE, .p_offset = offsetof(struct file, other),
		       .p_filesz = sizeof(struct file) - offsetof(struct file, other) },
		.other = { 6, 3, NT_GNU_BUILD_ID }, .other_name = "OTHER", .other_desc = "abc",
		.n = { 4, 20, NT_GNU_BUILD_ID }, .name = "GNU",
	};

	for (unsigned char i = 0; i < sizeof(f.desc); i++)
		f.desc[i] = (unsigned char)(i * 13);
	return f;
}

int main(void)
{
	struct file f = make();
	char id[ELF_NOTE_ID];
	size_t cut = 0;

	CHECK(elf_note_build_id(&f, sizeof(f), id) &&
	      strcmp(id, "000d1a2734414e5b6875828f9ca9b6c3d0ddeaf7") == 0, "behind another note (%s)", id);
	for (size_t n = 0; n < offsetof(struct file, desc) + sizeof(f.desc); n++)
		cut += elf_note_build_id(&f, n, id) || id[0] != '\0';
	CHECK(cut == 0, "no shorter file has it");
	f.p.p_offset = UINT64_MAX;
	CHECK(!elf_note_build_id(&f, sizeof(f), id), "an offset far away");
	f = make();
	f.other.n_descsz = UINT32_MAX;
	CHECK(!elf_note_build_id(&f, sizeof(f), id), "a length beyond all");
	f = make();
	f.n.n_descsz = 65;
	CHECK(!elf_note_build_id(&f, sizeof(f), id), "an id that is too long");
	f = make();
	f.e.e_ident[EI_DATA] = ELFDATA2MSB;
	CHECK(!elf_note_build_id(&f, sizeof(f), id) && elf_note_is_elf(&f, sizeof(f)), "another byte order");
	CHECK(!elf_note_build_id("#!/bin/sh", 9, id) && !elf_note_is_elf("\177EL", 3), "no ELF at all");
	return CHECK_DONE();
}
