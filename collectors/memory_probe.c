/*
 * memory_probe.c - what decides how memory can be taken.
 *
 * Reads lockdown state, module switches, capabilities, the module list, and
 * every process's mappings and descriptors for memfd_secret.  Changes nothing;
 * what cannot be read counts as not there.
 */
#include "memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "io.h"
#include "parse.h"
#include "scope.h"

#define MODULES_MAX (1u << 20)

/* What secretmem mappings and descriptors are called (Linux mm/secretmem.c). */
static const char secretmem[] = "/secretmem";

/* The kernel marks the level in force: "none [integrity] confidentiality". */
static enum memory_lockdown read_lockdown(int sys)
{
	char text[128];

	if (io_read_file(sys, "kernel/security/lockdown", text, sizeof(text)) <= 0)
		return LOCKDOWN_UNKNOWN;
	if (strstr(text, "[confidentiality]") != NULL)
		return LOCKDOWN_CONFIDENTIALITY;
	if (strstr(text, "[integrity]") != NULL)
		return LOCKDOWN_INTEGRITY;
	return strstr(text, "[none]") != NULL ? LOCKDOWN_NONE : LOCKDOWN_UNKNOWN;
}

/* Four bytes of attributes, one of value (UEFI specification, 3.3 and 8.2). */
static enum memory_secure_boot read_secure_boot(int sys)
{
	static const char name[] = "firmware/efi/efivars/"
		"SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
	char b[8];

	if (io_read_file(sys, name, b, sizeof(b)) != 5)
		return SECURE_BOOT_UNKNOWN;
	return b[4] == 1 ? SECURE_BOOT_ON : SECURE_BOOT_OFF;
}

/* The first letter of a switch file, or 0. */
static char read_switch(int dir, const char *name)
{
	char text[16];

	return io_read_file(dir, name, text, sizeof(text)) > 0 ? text[0] : '\0';
}

static uint64_t read_capabilities(int proc)
{
	static const char key[] = "\nCapEff:\t";
	char text[8192];
	const char *p;
	uint64_t v;

	/* The file may be cut: what is sought stands in its first half. */
	(void)io_read_file(proc, "self/status", text, sizeof(text));
	p = strstr(text, key);
	if (p == NULL)
		return 0;
	p += sizeof(key) - 1;
	return parse_u64(p, strcspn(p, "\n"), 16, &v) == 0 ? v : 0;
}

/* The rest of ${line} after ${words} blanks. */
static const char *field(const char *line, const char *end, unsigned words)
{
	while (words > 0 && line != NULL) {
		line = memchr(line, ' ', (size_t)(end - line));
		line = line != NULL ? line + 1 : NULL;
		words--;
	}
	return line;
}

enum memory_resident memory_probe_modules(const char *text, size_t len)
{
	while (len > 0) {
		const char *nl = memchr(text, '\n', len);
		size_t n = nl != NULL ? (size_t)(nl - text) : len;
		const char *end = text + n;

		/* lime 16384 0 - Live 0xffffffffc0a5b000 (OE) */
		if (n > 5 && memcmp(text, "lime ", 5) == 0) {
			const char *users = field(text, end, 2);
			const char *state = field(text, end, 4);

			if (users != NULL && state != NULL &&
			    end - state >= 4 && memcmp(state, "Live", 4) == 0 &&
			    memcmp(users, "0 ", 2) == 0)
				return LIME_IDLE;
			return LIME_STUCK;
		}
		text += nl != NULL ? n + 1 : n;
		len -= nl != NULL ? n + 1 : n;
	}
	return LIME_ABSENT;
}

enum memory_resident memory_probe_resident(const struct host *host)
{
	enum memory_resident r = LIME_ABSENT;
	char *text = malloc(MODULES_MAX);
	ssize_t n = text != NULL ? io_read_file(host->proc, "modules", text,
						MODULES_MAX) : -ENOMEM;

	if (n > 0)
		r = memory_probe_modules(text, (size_t)n);
	free(text);
	/* Off the list but in sysfs: half loaded, or hidden.  Not ours to touch. */
	if (r == LIME_ABSENT && faccessat(host->sys, "module/lime", F_OK, 0) == 0)
		r = LIME_STUCK;
	return r;
}

void memory_probe(struct memory_probe *ret, const struct host *host)
{
	uint64_t caps = read_capabilities(host->proc);
	char text[32];

	*ret = (struct memory_probe){ 0 };
	if (io_read_file(host->proc, "sys/kernel/osrelease", ret->release,
			 sizeof(ret->release)) < 0)
		ret->release[0] = '\0';
	ret->release[strcspn(ret->release, "\n")] = '\0';
	if (io_read_file(host->proc, "sys/kernel/version", ret->version,
			 sizeof(ret->version)) < 0)
		ret->version[0] = '\0';
	ret->version[strcspn(ret->version, "\n")] = '\0';
	ret->lockdown = read_lockdown(host->sys);
	ret->lime = memory_probe_resident(host);
	ret->modules_disabled =
		read_switch(host->proc, "sys/kernel/modules_disabled") == '1';
	ret->signature_enforced =
		read_switch(host->sys, "module/module/parameters/sig_enforce") == 'Y';
	ret->secure_boot = read_secure_boot(host->sys);
	text[0] = read_switch(host->proc, "sys/kernel/yama/ptrace_scope");
	ret->ptrace_scope = text[0] >= '0' && text[0] <= '9' ? text[0] - '0' : -1;
	ret->cap_module = caps >> CAP_SYS_MODULE & 1;
	ret->cap_rawio = caps >> CAP_SYS_RAWIO & 1;
	ret->cap_ptrace = caps >> CAP_SYS_PTRACE & 1;
	ret->cap_admin = caps >> CAP_SYS_ADMIN & 1;
	if (io_read_file(host->proc, "sys/kernel/tainted", text, sizeof(text)) > 0)
		(void)parse_u64(text, strcspn(text, "\n"), 10, &ret->taint);
}

/* Is there a line about secretmem in the file?  It may be of any length. */
static bool maps_name_it(int pid_dir)
{
	AUTO_CLOSE int fd = openat(pid_dir, "maps", O_RDONLY | O_CLOEXEC);
	char buf[16384 + sizeof(secretmem)];
	size_t kept = 0;
	ssize_t n;

	if (fd < 0)
		return false;
	while ((n = io_read(fd, buf + kept, sizeof(buf) - kept)) > 0) {
		size_t len = kept + (size_t)n;

		if (memmem(buf, len, secretmem, sizeof(secretmem) - 1) != NULL)
			return true;
		/* The name may be cut between two reads. */
		kept = len < sizeof(secretmem) - 2 ? len : sizeof(secretmem) - 2;
		memmove(buf, buf + len - kept, kept);
	}
	return false;
}

/* Pages stay secret while only a descriptor is left of the mapping. */
static bool descriptors_name_it(int pid_dir)
{
	int fd = openat(pid_dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d;
	char link[32];

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return false;
	}
	while ((d = readdir(dir)) != NULL) {
		ssize_t n = readlinkat(dirfd(dir), d->d_name, link, sizeof(link));

		if (n >= (ssize_t)sizeof(secretmem) - 1 &&
		    memcmp(link, secretmem, sizeof(secretmem) - 1) == 0)
			return true;
	}
	return false;
}

pid_t memory_probe_secretmem(const struct host *host)
{
	int fd = openat(host->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d;

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	while ((d = readdir(dir)) != NULL) {
		pid_t pid = parse_pid(d->d_name);
		AUTO_CLOSE int one = pid > 0 ?
			openat(dirfd(dir), d->d_name, O_RDONLY | O_DIRECTORY |
			       O_CLOEXEC) : -1;

		if (one >= 0 && (maps_name_it(one) || descriptors_name_it(one)))
			return pid;
	}
	return 0;
}
