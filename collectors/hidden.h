/* hidden.h - what the parts of the hidden collector share. */
#ifndef HIDDEN_H
#define HIDDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct host;
struct set;
struct sink;
struct table;

struct hidden {
	const struct host *host;
	struct sink *sink;
	struct table *table;
	uint64_t count; /* of rows */
};

/* Ways to ask for a process, as bits. */
enum hidden_view {
	HIDDEN_LIST = 1 << 0,   /* the names in /proc, by a mount of our own */
	HIDDEN_HOST = 1 << 1,   /* the names in the host's /proc */
	HIDDEN_OPEN = 1 << 2,   /* /proc/PID by its name */
	HIDDEN_SIGNAL = 1 << 3, /* kill(pid, 0) */
	HIDDEN_SCHED = 1 << 4,  /* sched_getscheduler(pid) */
	HIDDEN_GROUP = 1 << 5,  /* getpgid(pid) */
	HIDDEN_CGROUP = 1 << 6, /* cgroup.procs */
	HIDDEN_CHILD = 1 << 7,  /* task/TID/children of its parent */
};

/* Views that show each process that lives, or it is hidden from them. */
#define HIDDEN_ALL (HIDDEN_LIST | HIDDEN_OPEN | HIDDEN_SIGNAL | HIDDEN_SCHED | HIDDEN_GROUP)

/* One disagreement. */
struct hidden_row {
	const char *kind;
	pid_t pid;              /* 0: it is no process */
	int port;               /* 0: no port */
	const char *name;       /* any bytes */
	size_t name_len;
	const char *seen, *missing; /* the views, with blanks between; "" none */
	const char *detail;     /* what else is known, or NULL */
};

/* Write it.  0, or the sink's error. */
int hidden_row(struct hidden *h, const struct hidden_row *row);

/*
 * The names of ${views} in ${ret}, with blanks between; cut at ${cap}.
 */
void hidden_view_names(unsigned views, char *ret, size_t cap);

/* Do these views of one process, of which ${asked} could be had, disagree? */
bool hidden_disagree(unsigned seen, unsigned asked);

/* Pids in the cgroups of the host, into ${ret}; false when there is no such tree. */
bool hidden_cgroup_pids(const struct hidden *h, struct set *ret);

/* Each looks for one kind and writes rows.  0, or the sink's error. */
int hidden_pids(struct hidden *h);
int hidden_mounts(struct hidden *h);
int hidden_modules(struct hidden *h);
int hidden_interfaces(struct hidden *h);

/* A link as rtnetlink(7) tells it. */
struct hidden_link {
	char name[16];
	size_t name_len;
	uint32_t index, flags, promiscuity, master;
};

/* The payload of one RTM_NEWLINK.  False when it is none.  No I/O. */
bool hidden_link_parse(const void *data, size_t len, struct hidden_link *ret);

#endif
