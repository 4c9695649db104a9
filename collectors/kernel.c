/*
 * kernel.c - the state of the running kernel.
 *
 * Runs the parts in the order in which their sources change, and copies the
 * kernel's own texts as they are: what no table here shows, they still have.
 */
#include "kernel.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>

#include "collector.h"
#include "host.h"
#include "raw.h"
#include "scope.h"
#include "sink.h"

static const char *const proc_texts[] = {
	"version", "cmdline", "uptime", "loadavg", "stat", "meminfo", "vmstat",
	"cpuinfo", "interrupts", "softirqs", "modules", "filesystems", "devices",
	"misc", "partitions", "diskstats", "swaps", "locks", "keys", "key-users",
	"crypto", "cgroups", "consoles", "ioports", "bus/pci/devices",
	"self/mountinfo",
};

static const char *const net_texts[] = {
	"arp", "dev", "dev_mcast", "fib_trie", "if_inet6", "igmp", "igmp6",
	"ipv6_route", "route", "rt6_stats", "protocols", "ptype", "snmp",
	"snmp6", "netstat", "sockstat", "sockstat6", "softnet_stat",
	"xfrm_stat", "wireless", "nf_conntrack", "ip_tables_names",
	"ip6_tables_names", "sctp/eps", "sctp/assocs", "vlan/config",
};

static const char *const sys_texts[] = {
	"kernel/security/lockdown", "kernel/security/lsm",
	"kernel/kexec_loaded", "kernel/kexec_crash_loaded",
	"module/module/parameters/sig_enforce",
	"hypervisor/uuid", "fs/selinux/enforce",
	"devices/virtual/dmi/id/sys_vendor",
	"devices/virtual/dmi/id/product_name",
	"devices/virtual/dmi/id/product_uuid",
	"devices/virtual/dmi/id/board_asset_tag",
	"devices/virtual/dmi/id/bios_version",
	"devices/system/clocksource/clocksource0/current_clocksource",
};

struct texts {
	int dir;
	const char *prefix;
	const char *const *names;
	size_t count;
};

static int copy_texts(const struct host *host, struct sink *sink)
{
	AUTO_CLOSE int net = openat(host->proc, "thread-self/net", O_RDONLY |
				    O_DIRECTORY | O_CLOEXEC);
	const struct texts all[] = {
		{ net, "proc/net", net_texts, ARRAY_LEN(net_texts) },
		{ host->proc, "proc", proc_texts, ARRAY_LEN(proc_texts) },
		{ host->sys, "sys", sys_texts, ARRAY_LEN(sys_texts) },
	};
	uint64_t count = 0;
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		for (size_t k = 0; k < all[i].count && r == 0 && all[i].dir >= 0; k++)
			r = raw_copy(sink, all[i].dir, all[i].names[k],
				     all[i].prefix, &count);
	if (r == 0)
		r = sink_note(sink, "kernel.texts", "%llu", (unsigned long long)count);
	return r;
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	int (*const parts[])(const struct host *, struct sink *) = {
		kernel_log_read, kernel_modules_read, kernel_bpf_read,
		kernel_handles_read, kernel_trace_read, kernel_info_read,
		copy_texts, kernel_mounts_read, kernel_sysctl_read,
	};
	int r = 0;

	(void)req;
	for (size_t i = 0; i < ARRAY_LEN(parts) && r == 0; i++)
		r = parts[i](host, sink);
	return r;
}

const struct collector collector_kernel = {
	.name = "kernel",
	.group = "volatile",
	.reads = "modules, BPF, probes, kernel log, sysctls, mounts and the kernel's own texts",
	.rank = RANK_KERNEL,
	.cost = COST_LOW,
	.profile = PROFILE_FAST,
	.budget_s = 60,
	.run = run,
};
