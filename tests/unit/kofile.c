/* kofile.c - kernel module files for tests: headers, and a .modinfo. */
#include "kofile.h"

#include <elf.h>
#include <string.h>

size_t kofile_make(uint8_t *p, uint16_t machine, const char *modinfo, size_t len)
{
	static const char names[] = "\0.modinfo\0.shstrtab";
	Elf64_Ehdr e = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_REL, .e_machine = machine, .e_shoff = sizeof(e),
		.e_shentsize = sizeof(Elf64_Shdr), .e_shnum = 3, .e_shstrndx = 2,
	};
	Elf64_Shdr s[3] = {
		{ 0 },
		{ .sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = 512, .sh_size = len },
		{ .sh_name = 10, .sh_type = SHT_STRTAB, .sh_offset = 400,
		  .sh_size = sizeof(names) },
	};

	memset(p, 0, 512);
	memcpy(p, &e, sizeof(e));
	memcpy(p + sizeof(e), s, sizeof(s));
	memcpy(p + 400, names, sizeof(names));
	memcpy(p + 512, modinfo, len);
	return 512 + len;
}
