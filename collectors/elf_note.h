/* elf_note.h - the build id in an ELF file's notes; bytes in, text out, no I/O. */
#ifndef ELF_NOTE_H
#define ELF_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_NOTE_HEAD ((size_t)64 << 10) /* notes stand at a file's beginning */
#define ELF_NOTE_ID 129                  /* 64 bytes in hexadecimal, and a NUL */

/* Does a file that begins so claim to be ELF? */
bool elf_note_is_elf(const void *head, size_t len);

/*
 * The GNU build id (NT_GNU_BUILD_ID of the ELF gABI's PT_NOTE) of a file of
 * either class, little endian, whose first ${len} bytes are ${head}.  Writes
 * lower-case hex and a NUL.  False, and "", when there is none within them.
 */
bool elf_note_build_id(const void *head, size_t len, char ret[ELF_NOTE_ID]);

#endif
