/* harden.h - what the process does for its own safety before anything else. */
#ifndef HARDEN_H
#define HARDEN_H

/*
 * Make read-only what the linker meant to be (musl leaves that to a dynamic
 * loader, which a static binary does not have), allow no core dump, be opaque
 * to ptrace by other users.  Nothing here can fail in a way that matters.
 */
void harden_process(void);

#define HARDEN_NICE (-10)

/*
 * More than the usual part of the processors, for this thread and those that it
 * starts: half of them beside eight others for each.  Where it may.
 */
void harden_priority(void);

/* What harden_oom() asks for: nearly never, and still before init. */
#define HARDEN_OOM_ADJ (-900)

/*
 * Ask the kernel to end others first when memory runs out, unless it was asked
 * for as much already.  ${ret_before} is what oom_score_adj was.  0, or a
 * negative errno: -EACCES without CAP_SYS_RESOURCE.  proc_pid_oom_score_adj(5).
 */
int harden_oom(int *ret_before);

#endif
