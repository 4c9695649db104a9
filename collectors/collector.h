/* collector.h - the contract between the agent and every source of evidence. */
#ifndef COLLECTOR_H
#define COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host.h"

struct aws_ranges;
struct buf;
struct sink;
struct taken;

/* Order of volatility (RFC 3227, with isolation in mind): lower goes first. */
enum collector_rank {
	RANK_PROCESS,
	RANK_NETWORK,
	RANK_KERNEL,
	RANK_DETAIL,  /* the rest of what processes have: more bytes, of less worth */
	RANK_MEMORY,
	RANK_ACCOUNT, /* small files that say who came in, and how they come back */
	RANK_LOG,
	RANK_STATE,   /* what is installed and deployed */
	RANK_DISK,    /* what every file of the disk says of itself */
};

/* What a run of it costs. */
enum collector_cost {
	COST_LOW,    /* about a second */
	COST_MEDIUM, /* grows with the files that it takes */
	COST_HIGH,   /* grows with memory, or with the whole disk */
};

/* How much is asked for: each has what those above it have. */
enum collector_profile {
	PROFILE_FAST,    /* seconds: what is volatile, but for memory itself */
	PROFILE_DEFAULT,
	PROFILE_FULL,    /* with larger budgets of size and time */
};

/* Methods of memory acquisition that may be asked for. */
enum collector_memory {
	MEMORY_AUTO, /* the first of those below that works */
	MEMORY_LIME,
	MEMORY_KCORE,
	MEMORY_PROCESS, /* that of each process alone */
	MEMORY_ALL,     /* as MEMORY_AUTO, and that of each process beside it */
	MEMORY_NONE,
};

#define COLLECTOR_METADATA_WHY 192

/* The instance metadata service, by the agent's means. */
struct collector_metadata {
	/*
	 * Ask for ${path} below "/latest/".  0 and the whole answer behind what
	 * ${ret} holds; -ENOENT: it has no such thing; another negative errno
	 * and ${why}, one line.  Never credentials: -EPERM.
	 */
	int (*get)(void *arg, const char *path, struct buf *ret,
		   char why[COLLECTOR_METADATA_WHY]);
	void *arg;
	bool bidden; /* the responder named the service: asked on any machine */
};

/* What was asked for, as far as collectors need it. */
struct collector_request {
	enum collector_profile profile;
	struct taken *taken; /* files that some collector took already, or NULL */
	enum collector_memory memory;
	bool with_secrets; /* copy secrets of the host's owners as they are; see secrets.h */
	uint64_t process_budget; /* bytes of all processes' memory; 0: the default */
	bool may_be_cut;   /* what is worth most first, even if that takes longer */
	bool freeze;       /* hold a process still while its own memory is read */
	const void *lime;  /* a LiME kernel module's bytes, or NULL */
	size_t lime_len;
	const char *lime_name; /* its file name, for the record */
	const char *lime_from; /* where it came from and what vouches for it; NULL: unknown */
	const char *lime_why;  /* why there is none, or NULL */
	const struct aws_ranges *aws_ranges; /* Amazon's addresses, or NULL */
	const struct collector_metadata *metadata; /* or NULL: not asked */
	const char *time_server; /* address[:port] of SNTP; NULL: Amazon's, there; "none": not asked */
};

struct collector {
	const char *name;   /* --only/--skip and the manifest: [a-z_] */
	const char *group;  /* name of its segments: "volatile", "memory", "logs" */
	const char *reads;  /* one line for people: what it reads */
	enum collector_rank rank;
	enum collector_cost cost;
	enum collector_profile profile; /* the least that has it */
	unsigned budget_s;  /* time limit; 0 means until the deadline */
	/*
	 * Write everything into ${sink}.  0 when the walk was finished (gaps or
	 * not); a negative errno when it could not be done or the sink ended it.
	 */
	int (*run)(const struct host *host, const struct collector_request *req,
		   struct sink *sink);
};

extern const struct collector *const collectors[]; /* registry.c, NULL at the end */

extern const struct collector collector_process;
extern const struct collector collector_socket;
extern const struct collector collector_network;
extern const struct collector collector_kernel;
extern const struct collector collector_cloud;
extern const struct collector collector_time;
extern const struct collector collector_hidden;
extern const struct collector collector_hidden_ports;
extern const struct collector collector_process_files;
extern const struct collector collector_process_maps;
extern const struct collector collector_process_envs;
extern const struct collector collector_process_threads;
extern const struct collector collector_process_executables;
extern const struct collector collector_memory;
extern const struct collector collector_users;
extern const struct collector collector_persistence;
extern const struct collector collector_shells;
extern const struct collector collector_log;
extern const struct collector collector_containers;
extern const struct collector collector_packages;
extern const struct collector collector_filesystem;

#endif
