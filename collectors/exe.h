/* exe.h - SHA-256 and build id of programs that run, each file read once. */
#ifndef EXE_H
#define EXE_H

#include <stdbool.h>
#include <stdint.h>

#include "elf_note.h"

struct attr;
struct exe_cache;

#define EXE_HEX 65
#define EXE_MAX_BYTES ((uint64_t)512 << 20)

/* What is known of a file. */
struct exe_facts {
	int result;      /* 0, or why it could not be read: a negative errno */
	bool elf;
	bool kept;       /* these facts stay; not once too many files were met */
	bool stored;     /* its content is in the evidence, set by exe_store() */
	char sha256[EXE_HEX];
	char build_id[ELF_NOTE_ID]; /* "": it has none */
};

/* ${proc}: /proc, for the mounts of our own.  0 or -ENOMEM. */
int exe_open(struct exe_cache **ret, int proc);

/*
 * The file behind the link ${leaf} in ${dir}, which is below the /proc directory
 * ${pid_dir} of a process; ${a} are the file's attributes.  Works for deleted
 * files and memfds.  ${any}: false when only ELF files matter, others are then
 * -ENOEXEC.  ${fresh}: true when the file was not met before.  The facts, whose
 * result is also: -EFBIG beyond EXE_MAX_BYTES; -EREMOTE when it lies where
 * reading may hang (network, FUSE).  Valid until the next call.
 */
struct exe_facts *exe_look(struct exe_cache *c, int pid_dir, int dir, const char *leaf,
			   const struct attr *a, bool any, bool *fresh);

/*
 * Mark its content as stored.  False when it was before, as that of this or of
 * another file; call it before storing.
 */
bool exe_store(struct exe_cache *c, struct exe_facts *f);

/* Open such a file for reading, its access time kept if possible.  Or -errno. */
int exe_open_file(int dir, const char *leaf);

void exe_free(struct exe_cache *c); /* NULL is fine */

#endif
