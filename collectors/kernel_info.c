/*
 * kernel_info.c - which kernel runs, how it was started, what it was told to trust.
 *
 * Reads a few small files of /proc and /sys; one that is not there leaves its
 * column out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "host.h"
#include "io.h"
#include "kernel.h"
#include "parse.h"
#include "procfs.h"
#include "scope.h"
#include "sink.h"
#include "table.h"

#define TEXT_BYTES ((size_t)16 << 10)

/* A small file without its last newline, as a column. */
static size_t add_text(struct json *j, const char *key, int dir, const char *name,
		       char *buf)
{
	ssize_t n = io_read_file(dir, name, buf, TEXT_BYTES);

	if (n <= 0)
		return 0;
	if (buf[n - 1] == '\n')
		n--;
	json_bytes(j, key, buf, (size_t)n);
	return (size_t)n;
}

static void add_argument(struct json *j, const char *key, const char *text,
			 size_t len, const char *name)
{
	const char *f;
	size_t n, want = strlen(name);

	while (procfs_field(&text, &len, &f, &n))
		if (n > want && memcmp(f, name, want) == 0) {
			json_bytes(j, key, f + want, n - want);
			return;
		}
}

/* Documentation/admin-guide/tainted-kernels.rst */
static void add_taint(struct json *j, int proc, char *buf)
{
	static const char *const meaning[] = {
		"P proprietary module", "F module force-loaded",
		"S processor out of specification", "R module force-unloaded",
		"M machine check", "B bad page", "U asked for by user space",
		"D oops or BUG", "A ACPI table overridden", "W warning",
		"C staging driver", "I firmware workaround",
		"O out-of-tree module", "E unsigned module", "L soft lockup",
		"K live patch", "X distribution's", "T struct randomisation",
		"N test run", "J fwctl mutating debug",
	};
	uint64_t bits;
	ssize_t n = io_read_file(proc, "sys/kernel/tainted", buf, TEXT_BYTES);

	if (n > 0 && buf[n - 1] == '\n')
		n--;
	if (n <= 0 || parse_u64(buf, (size_t)n, 10, &bits) < 0)
		return;
	json_u64(j, "tainted", bits);
	json_array(j, "taint");
	for (size_t i = 0; i < ARRAY_LEN(meaning); i++)
		if ((bits & 1ull << i) != 0)
			json_str(j, NULL, meaning[i]);
	json_array_end(j);
}

/* "none [integrity] confidentiality": the one in brackets. */
static void add_lockdown(struct json *j, int sys, char *buf)
{
	ssize_t n = io_read_file(sys, "kernel/security/lockdown", buf, TEXT_BYTES);
	char *open = n > 0 ? strchr(buf, '[') : NULL;
	char *close = open != NULL ? strchr(open, ']') : NULL;

	if (close != NULL)
		json_bytes(j, "lockdown", open + 1, (size_t)(close - open) - 1);
}

static void add_boot_time(struct json *j, int proc, char *buf)
{
	ssize_t n = io_read_file(proc, "stat", buf, TEXT_BYTES);
	uint64_t boot_s;

	/* The line stands behind those of the processors and interrupts. */
	if (n == -EFBIG)
		n = (ssize_t)TEXT_BYTES - 1;
	if (n > 0 && procfs_parse_btime(buf, (size_t)n, &boot_s) == 0)
		json_u64(j, "boot_time", boot_s);
}

static void add_uname(struct json *j)
{
	struct utsname u;

	if (uname(&u) < 0)
		return;
	json_str(j, "version", u.release);
	json_str(j, "build", u.version);
	json_str(j, "machine", u.machine);
	json_str(j, "hostname", u.nodename);
}

int kernel_info_read(const struct host *host, struct sink *sink)
{
	static const struct { const char *key, *name; } proc[] = {
		{ "banner", "version" },
		{ "boot_id", "sys/kernel/random/boot_id" },
		{ "kptr_restrict", "sys/kernel/kptr_restrict" },
		{ "dmesg_restrict", "sys/kernel/dmesg_restrict" },
		{ "modules_disabled", "sys/kernel/modules_disabled" },
		{ "kexec_load_disabled", "sys/kernel/kexec_load_disabled" },
		{ "unprivileged_bpf_disabled", "sys/kernel/unprivileged_bpf_disabled" },
		{ "modprobe", "sys/kernel/modprobe" },
		{ "core_pattern", "sys/kernel/core_pattern" },
		{ "uptime", "uptime" },
	};
	AUTO_FREE char *buf = malloc(TEXT_BYTES);
	struct table *t;
	struct json *j;
	size_t n;
	int r, end;

	if (buf == NULL)
		return -ENOMEM;
	r = table_open(&t, sink, "kernel_info");
	if (r < 0)
		return r;
	j = table_row(t);
	add_uname(j);
	n = add_text(j, "arguments", host->proc, "cmdline", buf);
	add_argument(j, "path", buf, n, "BOOT_IMAGE=");
	add_argument(j, "device", buf, n, "root=");
	for (size_t i = 0; i < ARRAY_LEN(proc); i++)
		(void)add_text(j, proc[i].key, host->proc, proc[i].name, buf);
	add_boot_time(j, host->proc, buf);
	add_taint(j, host->proc, buf);
	add_lockdown(j, host->sys, buf);
	(void)add_text(j, "lsm", host->sys, "kernel/security/lsm", buf);
	(void)add_text(j, "module_sig_enforce", host->sys,
		       "module/module/parameters/sig_enforce", buf);
	r = table_row_end(t);
	end = table_close(t);
	return r < 0 ? r : end;
}
