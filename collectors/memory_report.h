/* memory_report.h - which methods of taking memory would work here, and why the others not. */
#ifndef MEMORY_REPORT_H
#define MEMORY_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct collector_request;
struct host;
struct memory_probe;

#define MEMORY_REPORT_METHODS 5
#define MEMORY_REPORT_WHY_MAX 256

/* One method, in the order in which they are tried. */
struct memory_verdict {
	const char *method;  /* "lime", "kcore", "dev_crash", "dev_mem", "process" */
	bool physical;       /* it shows all of the machine's memory */
	bool works;
	char why[MEMORY_REPORT_WHY_MAX]; /* why not; "" when it works */
};

struct memory_report {
	struct memory_verdict at[MEMORY_REPORT_METHODS];
	char release[128];
	const char *lockdown;    /* "none", "integrity", "confidentiality", "unknown" */
	const char *secure_boot; /* "on", "off", "unknown" */
	int ptrace_scope;        /* kernel.yama.ptrace_scope; -1: not in this kernel */
	const char *resident;    /* a lime module that is there: "absent", "idle", "stuck" */
	bool modules_disabled, signature_enforced;
	bool cap_module, cap_rawio, cap_ptrace, cap_admin;
	pid_t secretmem;         /* a holder of memfd_secret memory; 0: none seen */
	uint64_t taint;
	uint64_t ram_bytes;      /* 0: not known */
	int ram_error;           /* why not, a negative errno */
	size_t ram_ranges;
};

/* What an error of opening a process's memory means: ", plain words", or "". */
const char *memory_report_process(const struct memory_probe *p, int error);

/*
 * Look at everything that decides the method and change nothing; of memory,
 * one page is read from each device that allows it.  0, or -ENOMEM.
 */
int memory_report(struct memory_report *ret, const struct host *host,
		  const struct collector_request *req);

#endif
