/*
 * memory_report.c - which methods of taking memory would work here.
 *
 * Asks the methods themselves, in the order in which the collector would:
 * nothing is loaded, written or left open.
 */
#include "memory_report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector.h"
#include "errname.h"
#include "host.h"
#include "memory.h"
#include "parse.h"
#include "scope.h"

#define TRIES_MAX 256

static const char *const lockdowns[] = {
	[LOCKDOWN_UNKNOWN] = "unknown",
	[LOCKDOWN_NONE] = "none",
	[LOCKDOWN_INTEGRITY] = "integrity",
	[LOCKDOWN_CONFIDENTIALITY] = "confidentiality",
};

static const char *const secure_boots[] = {
	[SECURE_BOOT_UNKNOWN] = "unknown",
	[SECURE_BOOT_OFF] = "off",
	[SECURE_BOOT_ON] = "on",
};

static const char *const residents[] = {
	[LIME_ABSENT] = "absent",
	[LIME_IDLE] = "idle",
	[LIME_STUCK] = "stuck",
};

static void set(struct memory_verdict *v, const char *method, const char *why)
{
	*v = (struct memory_verdict){
		.method = method,
		.physical = true,
		.works = why == NULL,
	};
	if (why != NULL)
		(void)snprintf(v->why, sizeof(v->why), "%s", why);
}

/* Can the memory of any process but ours be opened?  0 or a negative errno. */
static int try_processes(const struct host *host)
{
	int fd = openat(host->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d;
	int r = fd < 0 ? -errno : -ENOENT, tries = 0;

	if (dir == NULL && fd >= 0)
		(void)close(fd);
	while (dir != NULL && tries < TRIES_MAX && (d = readdir(dir)) != NULL) {
		pid_t pid = parse_pid(d->d_name);
		char name[32], byte;

		if (pid <= 0 || pid == getpid())
			continue;
		tries++;
		(void)snprintf(name, sizeof(name), "%d/mem", (int)pid);
		AUTO_CLOSE int mem = openat(host->proc, name, O_RDONLY | O_CLOEXEC |
					    O_NOFOLLOW);
		/* That of a kernel thread can be opened and is empty. */
		if (mem >= 0 && pread(mem, &byte, 1, 0) == 0)
			continue;
		if (mem >= 0)
			return 0;
		r = -errno;
	}
	return r;
}

const char *memory_report_process(const struct memory_probe *p, int error)
{
	if (error != -EACCES && error != -EPERM)
		return "";
	if (p->ptrace_scope == 3)
		return ", kernel.yama.ptrace_scope is 3: nobody may";
	if (!p->cap_ptrace)
		return ", no CAP_SYS_PTRACE";
	return ", a security module refuses it";
}

static void ask_process(struct memory_verdict *v, const struct memory *m)
{
	int r = try_processes(m->host);

	set(v, "process", NULL);
	v->physical = false;
	v->works = r == 0;
	if (r < 0)
		(void)snprintf(v->why, sizeof(v->why), "%s%s", errname(r),
			       memory_report_process(&m->probe, r));
}

/* Without a map of RAM no physical method has a place to begin. */
static void no_ram(struct memory_report *ret)
{
	char why[MEMORY_REPORT_WHY_MAX];

	(void)snprintf(why, sizeof(why), "/proc/iomem: %s%s", errname(ret->ram_error),
		       ret->ram_error == -EPERM ? ", addresses are hidden" : "");
	for (enum memory_method i = METHOD_LIME; i < METHODS; i++)
		set(&ret->at[i - METHOD_LIME], memory_method_names[i], why);
}

static void ask_methods(struct memory_report *ret, struct memory *m)
{
	char why[MEMORY_REPORT_WHY_MAX];

	memory_kcore_open(m);
	memory_dev_open(m);
	set(&ret->at[0], memory_method_names[METHOD_LIME],
	    memory_lime_refusal(&m->probe, m->req));
	for (enum memory_method i = METHOD_KCORE; i < METHODS; i++) {
		int r = memory_pull_refusal(m, i, why, sizeof(why));

		set(&ret->at[i - METHOD_LIME], memory_method_names[i],
		    r < 0 ? why : NULL);
	}
}

static void copy_facts(struct memory_report *ret, const struct memory_probe *p)
{
	memcpy(ret->release, p->release, sizeof(ret->release));
	ret->lockdown = lockdowns[p->lockdown];
	ret->secure_boot = secure_boots[p->secure_boot];
	ret->ptrace_scope = p->ptrace_scope;
	ret->resident = residents[p->lime];
	ret->modules_disabled = p->modules_disabled;
	ret->signature_enforced = p->signature_enforced;
	ret->cap_module = p->cap_module;
	ret->cap_rawio = p->cap_rawio;
	ret->cap_ptrace = p->cap_ptrace;
	ret->cap_admin = p->cap_admin;
	ret->secretmem = p->secretmem;
	ret->taint = p->taint;
}

int memory_report(struct memory_report *ret, const struct host *host,
		  const struct collector_request *req)
{
	struct memory m = {
		.host = host,
		.req = req,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	int r = memory_state_open(&m);

	_Static_assert(METHODS - METHOD_LIME + 1 == MEMORY_REPORT_METHODS, "rows");
	_Static_assert(sizeof(ret->release) == sizeof(m.probe.release), "copied");
	*ret = (struct memory_report){ .lockdown = "unknown", .secure_boot = "unknown", .resident = "absent" };
	if (r == 0) {
		memory_probe(&m.probe, host);
		m.probe.secretmem = memory_probe_secretmem(host);
		copy_facts(ret, &m.probe);
		ret->ram_error = memory_state_ram(&m);
		if (ret->ram_error < 0) {
			no_ram(ret);
		} else {
			ret->ram_bytes = ranges_bytes(&m.ram);
			ret->ram_ranges = m.ram.count;
			ask_methods(ret, &m);
		}
		ask_process(&ret->at[MEMORY_REPORT_METHODS - 1], &m);
	}
	memory_state_close(&m);
	return r;
}
