/* harden.h - what the process does for its own safety before anything else. */
#ifndef HARDEN_H
#define HARDEN_H

/*
 * Make read-only what the linker meant to be (musl leaves that to a dynamic
 * loader, which a static binary does not have), allow no core dump, be opaque
 * to ptrace by other users.  Nothing here can fail in a way that matters.
 */
void harden_process(void);

#endif
