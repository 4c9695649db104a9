/* memory.h - what the methods of the memory collector share. */
#ifndef MEMORY_H
#define MEMORY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kcore.h"
#include "memory_module.h"
#include "ranges.h"

struct collector_request;
struct host;
struct sink;
struct memory;
struct memory_watch;

/* How a piece was taken. */
enum memory_method {
	METHOD_NONE, /* it could not be: marker pattern */
	METHOD_LIME,
	METHOD_KCORE, /* from here on workers read it: in order of preference */
	METHOD_CRASH, /* /dev/crash */
	METHOD_MEM,   /* /dev/mem */
	METHODS,
};

/* As the records and the manifest call them. */
extern const char *const memory_method_names[METHODS]; /* memory_pull.c */

/* Hot-plugged memory shows as a line for each block: 128 MiB mostly. */
#define MEMORY_RANGES_MAX 65536u

/* Why bytes are not what memory held. */
enum memory_hole {
	HOLE_UNREADABLE, /* reads failed: marker pattern */
	HOLE_UNMAPPED,   /* no kcore segment shows it: marker, or zeros below a page */
	HOLE_PARTIAL,    /* LiME writes zeros for what is less than a page */
	HOLE_DOUBTFUL,   /* the stream ended early and may have been out of step here */
	HOLE_HWPOISON,   /* the kernel shows zeros for these three: a broken page, */
	HOLE_OFFLINE,    /* one that was given back (hot-unplug, balloon), */
	HOLE_NOPAGE,     /* one that the kernel does not know */
	HOLE_KINDS,
};

/* Flags of /proc/kpageflags that are counted. */
#define MEMORY_FLAGS 27

/* Some of them (Linux include/uapi/linux/kernel-page-flags.h). */
#define MEMORY_FLAG_SLAB 7
#define MEMORY_FLAG_BUDDY 10
#define MEMORY_FLAG_HWPOISON 19
#define MEMORY_FLAG_NOPAGE 20
#define MEMORY_FLAG_OFFLINE 23 /* before 5.1: balloon */
#define MEMORY_FLAG_PGTABLE 26

/* One LiME image in the evidence, or a part of one that came by one method. */
struct memory_piece {
	struct memory *m;
	struct range range;
	enum memory_method method;
	uint64_t begin_ns, end_ns; /* UTC since 1970; 0 when nothing was read */
};

/* Kernel lockdown, as far as it shows. */
enum memory_lockdown {
	LOCKDOWN_UNKNOWN, /* no such file: too old, or securityfs not mounted */
	LOCKDOWN_NONE,
	LOCKDOWN_INTEGRITY,
	LOCKDOWN_CONFIDENTIALITY,
};

/* UEFI Secure Boot. */
enum memory_secure_boot {
	SECURE_BOOT_UNKNOWN, /* no UEFI, or its variables are not shown */
	SECURE_BOOT_OFF,
	SECURE_BOOT_ON,
};

/* What is already there of a LiME module. */
enum memory_resident {
	LIME_ABSENT,
	LIME_IDLE, /* Live, no user: it can be unloaded */
	LIME_STUCK, /* loading, unloading, in use, or in sysfs alone */
};

/* What was found before anything was touched. */
struct memory_probe {
	char release[128];
	char version[128];     /* "#1 SMP PREEMPT_DYNAMIC Debian ..." */
	enum memory_lockdown lockdown;
	enum memory_resident lime;
	bool modules_disabled;
	bool signature_enforced;
	bool cap_module;  /* CAP_SYS_MODULE */
	bool cap_rawio;   /* CAP_SYS_RAWIO */
	bool cap_ptrace;  /* CAP_SYS_PTRACE */
	bool cap_admin;   /* CAP_SYS_ADMIN */
	enum memory_secure_boot secure_boot;
	int ptrace_scope; /* kernel.yama.ptrace_scope; -1: not in this kernel */
	pid_t secretmem;  /* a process that holds memfd_secret memory; 0: none seen */
	uint64_t taint;
};

/* The collector's state: memory_state_open(). */
struct memory {
	const struct host *host;
	const struct collector_request *req;
	struct sink *sink;
	struct memory_probe probe;
	size_t page;        /* bytes */
	size_t piece_bytes; /* largest piece, without its header */

	char *iomem;        /* /proc/iomem as it was parsed */
	size_t iomem_len;
	struct ranges ram;     /* what should be taken */
	struct ranges covered; /* what is in the evidence */
	struct memory_piece *pieces;
	size_t piece_count, piece_cap;

	int kcore;          /* descriptor, or a negative errno */
	struct kcore_map map;
	char *vmcoreinfo;   /* NULL when there is none */
	size_t vmcoreinfo_len;

	int dev[2];         /* /dev/crash, /dev/mem: as ${kcore} */
	bool dev_opened;    /* /dev/mem could be opened */

	int kpageflags;     /* as ${kcore} */

	struct memory_watch *watch; /* NULL: a read may take for ever */
	atomic_uint failing[METHODS]; /* pages in a row that could not be read */

	/* Filled by workers too. */
	pthread_mutex_t lock;
	struct ranges rescued[METHODS]; /* came by it where another method failed */
	uint64_t lent[METHODS]; /* bytes in its pieces that others brought */
	int first_error[METHODS]; /* negative errno */
	uint64_t first_error_at[METHODS];
	struct ranges holes[HOLE_KINDS];
	uint64_t flagged;    /* pages whose flags were seen */
	uint64_t flag_pages[MEMORY_FLAGS]; /* of them, with the flag */
	uint64_t holes_lost; /* bytes in holes that no longer fitted */
	int read_error;      /* the first one, negative errno */
};

/* memory.c ------------------------------------------------------------- */

/* UTC in nanoseconds since 1970. */
uint64_t memory_now_ns(void);

/* Record that bytes are missing.  From any thread. */
void memory_hole(struct memory *m, enum memory_hole why, uint64_t start,
		 uint64_t end);

/*
 * Record that [${start}, ${end}] is in the evidence, or will be when a worker
 * has read it.  The piece, with its begin set to now; NULL when there are more
 * pieces than memory can honestly have.
 */
struct memory_piece *memory_cover(struct memory *m, uint64_t start, uint64_t end,
				  enum memory_method method);

/* memory_record.c ------------------------------------------------------ */

/*
 * Write memory/ranges.ndjson and holes.ndjson; ${left} is what no method took.
 * The workers are done.  0, or the sink's error.
 */
int memory_record_write(struct memory *m, const struct ranges *left);

/*
 * The two files when the run is over, ${why}, and the notes: at once, while the
 * workers may still be at what was handed out to them.
 */
void memory_record_last(struct memory *m, int why);

/* memory_summary.c ----------------------------------------------------- */

/* The manifest's notes: how it went so far.  Not from a worker. */
void memory_summary_notes(struct memory *m);

/* Gaps for all that is not there or not real.  0, or the sink's error. */
int memory_summary_gaps(struct memory *m, const struct ranges *left);

/* memory_state.c ------------------------------------------------------- */

/*
 * Make the state of a struct whose host, request, sink (or NULL) and lock are
 * set.  0 or a negative errno; memory_state_close() is due either way, and
 * ends what the workers still read.
 */
int memory_state_open(struct memory *m);
void memory_state_close(struct memory *m);

/* Read /proc/iomem into ${m->iomem} and ${m->ram}.  As ranges_parse_iomem(). */
int memory_state_ram(struct memory *m);

/* memory_read.c -------------------------------------------------------- */

/* A source of memory, read from any thread. */
struct memory_reader {
	int fd;
	size_t page; /* bytes that fail together */
	/* Read up to ${len} bytes: how many, 0 at the end, a negative errno. */
	ssize_t (*read)(const struct memory_reader *r, uint64_t offset, void *buf,
			size_t len);
	/* Told of ${len} bytes at ${address} that became the marker. */
	void (*bad)(const struct memory_reader *r, uint64_t address, size_t len,
		    int why);
	void *arg;
};

/* ${r->read} for a descriptor. */
ssize_t memory_read_fd(const struct memory_reader *r, uint64_t offset, void *buf,
		       size_t len);

/*
 * Fill ${buf} from ${offset} of the source, where ${address} is the memory's
 * own address.  Pages that cannot be read are marked and told.
 */
void memory_read(const struct memory_reader *r, uint64_t offset, uint64_t address,
		 uint8_t *buf, size_t len);

/* Fill ${len} bytes at ${address} with the marker pattern. */
void memory_mark(uint8_t *buf, uint64_t address, size_t len);

/* memory_flags.c ------------------------------------------------------- */

void memory_flags_open(struct memory *m); /* sets ${m->kpageflags} */
void memory_flags_close(struct memory *m);

/*
 * Count the flags of the pages at ${address}; of those that are zeros in
 * ${buf} (NULL: not looked at) note which are none of memory's.
 */
void memory_flags_look(struct memory *m, uint64_t address, const void *buf,
		       size_t len);

/*
 * Read the flags of ${count} pages from ${address} on into ${ret}.  How many,
 * or a negative errno.
 */
ssize_t memory_flags_read(const struct memory *m, uint64_t address, uint64_t *ret,
			  size_t count);

/* Write memory/kpageflags.json.  0, or the sink's error. */
int memory_flags_write(struct memory *m);

/* memory_order.c ------------------------------------------------------- */

/* A piece of memory that is still to be taken. */
struct memory_window {
	struct range range;
	uint64_t score; /* how soon */
};

/* The least score of a window with a page table or much of the kernel's own. */
#define MEMORY_ORDER_FIRST 64u

/* Windows of memory_pull_first(). */
#define MEMORY_FIRST_BYTES ((size_t)2 << 20)
#define MEMORY_FIRST_PART 8u

/*
 * Sort ${count} windows, ascending ones, by what is worth most if the run is
 * cut short: the kernel's image, then page tables and kernel objects as
 * /proc/kpageflags shows them, free memory last.
 */
void memory_order_sort(struct memory *m, struct memory_window *w, size_t count);

/* memory_probe.c ------------------------------------------------------- */

/* Look at what decides the method.  Nothing is changed. */
void memory_probe(struct memory_probe *ret, const struct host *host);

/*
 * Look for a holder of memfd_secret memory, which may crash a kernel that LiME
 * reads.  Its pid, 0 when none is seen.
 */
pid_t memory_probe_secretmem(const struct host *host);

/* What is there of a module "lime" now. */
enum memory_resident memory_probe_resident(const struct host *host);

/* State of the module "lime" in ${text}, the content of /proc/modules. */
enum memory_resident memory_probe_modules(const char *text, size_t len);

/* memory_files.c ------------------------------------------------------- */

/* Write what makes an image analysable.  0, or the sink's error. */
int memory_files_run(struct memory *m);

/*
 * A method takes what is still missing and returns 0, finished or not: what is
 * left then is for the next one.  Or the sink's error.
 */
int memory_lime_run(struct memory *m);
int memory_pull_run(struct memory *m, enum memory_method method);

/*
 * Take what makes the rest readable by the best method that can be pulled from,
 * an eighth of memory at most: LiME, whose turn is next, has an order of its
 * own.  0, or the sink's error.
 */
int memory_pull_first(struct memory *m);
int memory_process_run(struct memory *m);

/* The core file of one process.  0, also when it is gone; or the sink's error. */
int memory_process_one(struct memory *m, pid_t pid);

/* memory_pull.c -------------------------------------------------------- */

/*
 * Why ${method} cannot be pulled from.  0: it can; else a negative errno, and
 * its name and meaning in ${why}.
 */
int memory_pull_refusal(const struct memory *m, enum memory_method method,
			char *why, size_t cap);

/* The first method that can be pulled from; METHOD_NONE: there is none. */
enum memory_method memory_pull_best(const struct memory *m);

/* Fill ${buf} from ${address} on by ${method}, with the marker where all fail. */
void memory_pull_fill(struct memory *m, enum memory_method method,
		      uint64_t address, void *buf, size_t len);

/* Its descriptor, or the negative errno that refused it. */
int memory_pull_source(const struct memory *m, enum memory_method method);

/* memory_rescue.c ------------------------------------------------------ */

/* ${arg} of a reader of physical memory, whose offsets are addresses. */
struct memory_source {
	struct memory *m;
	enum memory_method method;
};

/* As memory_read_fd(), but not for longer than the watch allows. */
ssize_t memory_read_limited(const struct memory *m, int fd, uint64_t offset, void *buf,
			    size_t len);

/* ${read} of such a reader: the other methods take what its own cannot. */
ssize_t memory_rescue_read(const struct memory_reader *r, uint64_t offset, void *buf,
			   size_t len);

/* ${bad} of such a reader: a hole. */
void memory_rescue_bad(const struct memory_reader *r, uint64_t address, size_t len,
		       int why);

/* Read at ${address} by any method but ${failed}.  How many bytes, maybe 0. */
size_t memory_rescue(struct memory *m, enum memory_method failed, uint64_t address,
		     void *buf, size_t len);

/* memory_lime.c -------------------------------------------------------- */

/* What argues against loading the module, in plain words; NULL: nothing. */
const char *memory_lime_refusal(const struct memory_probe *probe,
				const struct collector_request *req);

/* Take a LiME stream from ${fd} until it ends.  0, or the sink's error. */
int memory_lime_stream(struct memory *m, int fd, int stall_ms);

/* memory_loader.c ------------------------------------------------------ */

struct memory_loader; /* a process inside init_module() */

/*
 * Load the module ${image}, which must stay valid, so that it writes into a
 * pipe.  Sets ${ret}, and ${ret_fd} to the pipe's other end, which is the
 * caller's.  0 or a negative errno.
 */
int memory_loader_open(struct memory_loader **ret, int *ret_fd,
		       const void *image, size_t len);

/*
 * End it, once the pipe's end is closed, and free the loader: a process that
 * still runs (the pipe had not come to its end) is killed.  What init_module()
 * returned; -EINTR when it was killed; -ETIMEDOUT when it hangs inside the
 * kernel: it is then left behind, with the memory that it uses.
 */
int memory_loader_close(struct memory_loader *l);

/* Unload the module ${name}, waiting shortly while it is busy.  0 or -errno. */
int memory_loader_unload(const char *name);

/* memory_kcore.c ------------------------------------------------------- */

/* Open /proc/kcore and read its headers: sets ${m->kcore}, map, VMCOREINFO. */
void memory_kcore_open(struct memory *m);
void memory_kcore_close(struct memory *m);

/* Fill ${buf} from ${address} on, with the marker where all methods fail. */
void memory_kcore_fill(struct memory *m, uint64_t address, void *buf, size_t len);

/* Try to read at ${address}.  How many bytes, or a negative errno. */
ssize_t memory_kcore_read(const struct memory *m, uint64_t address, void *buf,
			  size_t len);

/* memory_dev.c --------------------------------------------------------- */

/* Open the devices and try them: sets ${m->dev}.  After memory_state_ram(). */
void memory_dev_open(struct memory *m);
void memory_dev_close(struct memory *m);

/* Read a page high up from ${fd}, such a device.  0 or a negative errno. */
int memory_dev_try(struct memory *m, enum memory_method method, int fd);

/* As memory_kcore_fill(), from the device of ${method}. */
void memory_dev_fill(struct memory *m, enum memory_method method,
		     uint64_t address, void *buf, size_t len);

/* As memory_kcore_read(), from the device of ${method}. */
ssize_t memory_dev_read(const struct memory *m, enum memory_method method,
			uint64_t address, void *buf, size_t len);

#endif
