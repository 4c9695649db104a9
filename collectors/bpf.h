/* bpf.h - the kernel's BPF programs, maps and links, asked for by bpf(2). */
#ifndef COLLECTORS_BPF_H /* BPF_H is an instruction bit of the kernel's */
#define COLLECTORS_BPF_H

#include <stddef.h>
#include <stdint.h>

struct json;

enum bpf_kind { BPF_KIND_PROGRAM, BPF_KIND_MAP, BPF_KIND_LINK };

/*
 * The id of the first object after ${id} (0: of all).  0; -ENOENT at the end;
 * -EPERM, -ENOSYS or -EINVAL when the kernel does not tell.
 */
int bpf_next(enum bpf_kind kind, uint32_t id, uint32_t *ret);

/* A descriptor of the object: nothing is changed by holding it.  -errno. */
int bpf_open(enum bpf_kind kind, uint32_t id);

/* The object pinned as ${path}, which may begin "/proc/self/fd/N/".  -errno. */
int bpf_open_pinned(const char *path);

#define BPF_INSTRUCTIONS_MAX ((size_t)16 << 20)

/*
 * The members of its row (include/uapi/linux/bpf.h: struct bpf_prog_info,
 * bpf_map_info, bpf_link_info).  0, or -errno of the kernel: nothing is written
 * then.
 */
int bpf_program_row(struct json *j, int fd);
int bpf_map_row(struct json *j, int fd);
int bpf_link_row(struct json *j, int fd);

/*
 * The program's instructions as the kernel runs them or compiles them: struct
 * bpf_insn[], for free().  Their bytes; -EFBIG; another -errno.
 */
long bpf_instructions(int fd, void **ret);

/* Kind and id of what a descriptor is.  0 or -errno. */
int bpf_identify(int fd, enum bpf_kind *kind, uint32_t *ret);

/* Which program, if any, hangs on a perf event that ${pid} has open as ${fd},
 * and on which probe (of ${cap} bytes, with a NUL).  0 or -errno. */
int bpf_of_event(int pid, int fd, uint32_t *ret_program, char *ret_probe, size_t cap);

#endif
