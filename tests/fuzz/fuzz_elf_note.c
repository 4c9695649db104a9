/* The notes of an ELF file: any bytes. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "elf_note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char id[ELF_NOTE_ID];

	if (elf_note_build_id(data, size, id) && strlen(id) % 2 != 0)
		__builtin_trap();
	return 0;
}
