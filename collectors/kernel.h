/* kernel.h - the parts of the kernel collector. */
#ifndef KERNEL_H
#define KERNEL_H

struct host;
struct sink;

/* Each writes its own table; what cannot be read is a gap.  0, or the sink's
 * error, or -ENOMEM. */

/* "kernel_info": release, arguments, taint, lockdown, as one row. */
int kernel_info_read(const struct host *host, struct sink *sink);

/* "kernel_modules", from /proc/modules and /sys/module. */
int kernel_modules_read(const struct host *host, struct sink *sink);

/* "mounts", of every mount namespace. */
int kernel_mounts_read(const struct host *host, struct sink *sink);

/* "system_controls", the tree below /proc/sys. */
int kernel_sysctl_read(const struct host *host, struct sink *sink);

/* "kernel_log" and dmesg.txt, from /dev/kmsg, without taking anything away. */
int kernel_log_read(const struct host *host, struct sink *sink);

/* "bpf_programs", "bpf_maps", "bpf_links", "bpf_pinned", and each program's
 * instructions as bpf/programs/ID.insn. */
int kernel_bpf_read(const struct host *host, struct sink *sink);

/* "kernel_handles": io_uring, BPF, perf events and the like, and who has them. */
int kernel_handles_read(const struct host *host, struct sink *sink);

/* Probes and tracers, as the texts of tracefs and debugfs. */
int kernel_trace_read(const struct host *host, struct sink *sink);

#endif
