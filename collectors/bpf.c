/*
 * bpf.c - the kernel's BPF programs, maps and links, asked for by bpf(2).
 *
 * Only questions: an object is opened by its id, described and closed.  A kernel
 * older than a field leaves it 0, a newer one does not fill what it does not
 * know of.
 */
#include "bpf.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "parse.h"
#include "scope.h"

#define IDS_MAX 64u
#define NAME_BYTES 128u

static long call(int command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : r;
}

int bpf_next(enum bpf_kind kind, uint32_t id, uint32_t *ret)
{
	static const int commands[] = {
		BPF_PROG_GET_NEXT_ID, BPF_MAP_GET_NEXT_ID, BPF_LINK_GET_NEXT_ID,
	};
	union bpf_attr a;
	long r;

	memset(&a, 0, sizeof(a));
	a.start_id = id;
	r = call(commands[kind], &a);
	*ret = a.next_id;
	return r < 0 ? (int)r : 0;
}

int bpf_open(enum bpf_kind kind, uint32_t id)
{
	static const int commands[] = {
		BPF_PROG_GET_FD_BY_ID, BPF_MAP_GET_FD_BY_ID, BPF_LINK_GET_FD_BY_ID,
	};
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.prog_id = id; /* all three share it */
	return (int)call(commands[kind], &a);
}

int bpf_open_pinned(const char *path)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.pathname = (uint64_t)(uintptr_t)path;
	a.file_flags = BPF_F_RDONLY;
	return (int)call(BPF_OBJ_GET, &a);
}

static int describe(int fd, void *info, size_t len)
{
	union bpf_attr a;
	long r;

	memset(&a, 0, sizeof(a));
	a.info.bpf_fd = (uint32_t)fd;
	a.info.info_len = (uint32_t)len;
	a.info.info = (uint64_t)(uintptr_t)info;
	r = call(BPF_OBJ_GET_INFO_BY_FD, &a);
	return r < 0 ? (int)r : 0;
}

static const char *name_in(const char *const *names, size_t count, unsigned n)
{
	return n < count ? names[n] : "";
}

static const char *program_type(unsigned type)
{
	static const char *const names[] = {
		"unspec", "socket_filter", "kprobe", "sched_cls", "sched_act",
		"tracepoint", "xdp", "perf_event", "cgroup_skb", "cgroup_sock",
		"lwt_in", "lwt_out", "lwt_xmit", "sock_ops", "sk_skb",
		"cgroup_device", "sk_msg", "raw_tracepoint", "cgroup_sock_addr",
		"lwt_seg6local", "lirc_mode2", "sk_reuseport", "flow_dissector",
		"cgroup_sysctl", "raw_tracepoint_writable", "cgroup_sockopt",
		"tracing", "struct_ops", "ext", "lsm", "sk_lookup", "syscall",
		"netfilter",
	};

	return name_in(names, ARRAY_LEN(names), type);
}

static const char *map_type(unsigned type)
{
	static const char *const names[] = {
		"unspec", "hash", "array", "prog_array", "perf_event_array",
		"percpu_hash", "percpu_array", "stack_trace", "cgroup_array",
		"lru_hash", "lru_percpu_hash", "lpm_trie", "array_of_maps",
		"hash_of_maps", "devmap", "sockmap", "cpumap", "xskmap", "sockhash",
		"cgroup_storage", "reuseport_sockarray", "percpu_cgroup_storage",
		"queue", "stack", "sk_storage", "devmap_hash", "struct_ops",
		"ringbuf", "inode_storage", "task_storage", "bloom_filter",
		"user_ringbuf", "cgrp_storage", "arena",
	};

	return name_in(names, ARRAY_LEN(names), type);
}

static const char *link_type(unsigned type)
{
	static const char *const names[] = {
		"unspec", "raw_tracepoint", "tracing", "cgroup", "iter", "netns",
		"xdp", "perf_event", "kprobe_multi", "struct_ops", "netfilter",
		"tcx", "uprobe_multi", "netkit", "sockmap",
	};

	return name_in(names, ARRAY_LEN(names), type);
}

/* Its clock begins at boot, and counts what the machine slept. */
static void add_load_time(struct json *j, uint64_t since_boot_ns)
{
	struct timespec now, boot;
	int64_t at_ns;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0 || clock_gettime(CLOCK_BOOTTIME, &boot) < 0)
		return;
	at_ns = ((int64_t)now.tv_sec - boot.tv_sec) * 1000000000 + now.tv_nsec - boot.tv_nsec +
		(int64_t)since_boot_ns;
	json_i64(j, "load_time", at_ns / 1000000000);
}

static void add_name(struct json *j, const char *name)
{
	json_bytes(j, "name", name, strnlen(name, BPF_OBJ_NAME_LEN));
}

int bpf_program_row(struct json *j, int fd)
{
	uint32_t ids[IDS_MAX] = { 0 };
	char tag[2 * BPF_TAG_SIZE + 1];
	struct bpf_prog_info info;
	int r;

	memset(&info, 0, sizeof(info));
	info.nr_map_ids = IDS_MAX;
	info.map_ids = (uint64_t)(uintptr_t)ids;
	r = describe(fd, &info, sizeof(info));
	if (r < 0)
		return r;
	parse_to_hex(tag, info.tag, BPF_TAG_SIZE);
	json_u64(j, "id", info.id);
	json_u64(j, "type", info.type);
	json_str(j, "type_name", program_type(info.type));
	add_name(j, info.name);
	json_str(j, "tag", tag);
	json_u64(j, "uid", info.created_by_uid);
	add_load_time(j, info.load_time);
	json_bool(j, "gpl_compatible", info.gpl_compatible);
	json_array(j, "maps");
	for (uint32_t i = 0; i < info.nr_map_ids && i < IDS_MAX; i++)
		json_u64(j, NULL, ids[i]);
	json_array_end(j);
	json_u64(j, "instructions", info.xlated_prog_len / sizeof(struct bpf_insn));
	json_u64(j, "compiled_bytes", info.jited_prog_len);
	json_u64(j, "btf_id", info.btf_id);
	json_u64(j, "attach_btf_id", info.attach_btf_id);
	json_u64(j, "interface_index", info.ifindex);
	json_u64(j, "runs", info.run_cnt);
	json_u64(j, "run_time_ns", info.run_time_ns);
	return 0;
}

int bpf_map_row(struct json *j, int fd)
{
	struct bpf_map_info info;
	int r;

	memset(&info, 0, sizeof(info));
	r = describe(fd, &info, sizeof(info));
	if (r < 0)
		return r;
	json_u64(j, "id", info.id);
	json_u64(j, "type", info.type);
	json_str(j, "type_name", map_type(info.type));
	add_name(j, info.name);
	json_u64(j, "key_bytes", info.key_size);
	json_u64(j, "value_bytes", info.value_size);
	json_u64(j, "max_entries", info.max_entries);
	json_hex(j, "flags", info.map_flags);
	json_u64(j, "btf_id", info.btf_id);
	json_u64(j, "interface_index", info.ifindex);
	return 0;
}

/* What each kind of link hangs on. */
static void add_target(struct json *j, const struct bpf_link_info *info, const char *name)
{
	uint64_t attach = 0, target = 0;

	switch (info->type) {
	case BPF_LINK_TYPE_RAW_TRACEPOINT:
		json_bytes(j, "tracepoint", name, strnlen(name, NAME_BYTES));
		return;
	case BPF_LINK_TYPE_TRACING:
		attach = info->tracing.attach_type;
		target = info->tracing.target_btf_id;
		break;
	case BPF_LINK_TYPE_CGROUP:
		attach = info->cgroup.attach_type;
		target = info->cgroup.cgroup_id;
		break;
	case BPF_LINK_TYPE_NETNS:
		attach = info->netns.attach_type;
		target = info->netns.netns_ino;
		break;
	case BPF_LINK_TYPE_XDP:
	case 11: /* tcx: the same place */
		target = info->xdp.ifindex;
		break;
	default:
		return;
	}
	json_u64(j, "attach_type", attach);
	json_u64(j, "target", target);
}

int bpf_link_row(struct json *j, int fd)
{
	char name[NAME_BYTES] = "";
	struct bpf_link_info info;
	int r;

	memset(&info, 0, sizeof(info));
	r = describe(fd, &info, sizeof(info));
	/* Only this kind may be given room for a text. */
	if (r == 0 && info.type == BPF_LINK_TYPE_RAW_TRACEPOINT) {
		memset(&info, 0, sizeof(info));
		info.raw_tracepoint.tp_name = (uint64_t)(uintptr_t)name;
		info.raw_tracepoint.tp_name_len = sizeof(name);
		r = describe(fd, &info, sizeof(info));
	}
	if (r < 0)
		return r;
	json_u64(j, "id", info.id);
	json_u64(j, "type", info.type);
	json_str(j, "type_name", link_type(info.type));
	json_u64(j, "program", info.prog_id);
	add_target(j, &info, name);
	return 0;
}

long bpf_instructions(int fd, void **ret)
{
	struct bpf_prog_info info;
	uint32_t len;
	void *data;
	int r;

	memset(&info, 0, sizeof(info));
	r = describe(fd, &info, sizeof(info));
	if (r < 0)
		return r;
	len = info.xlated_prog_len;
	if (len > BPF_INSTRUCTIONS_MAX)
		return -EFBIG;
	data = calloc(1, len > 0 ? len : 1);
	if (data == NULL)
		return -ENOMEM;
	memset(&info, 0, sizeof(info));
	info.xlated_prog_len = len;
	info.xlated_prog_insns = (uint64_t)(uintptr_t)data;
	r = describe(fd, &info, sizeof(info));
	/* The kernel takes the address away when it does not show them. */
	if (r == 0 && len > 0 && info.xlated_prog_insns == 0)
		r = -EACCES;
	if (r < 0) {
		free(data);
		return r;
	}
	*ret = data;
	return info.xlated_prog_len < len ? info.xlated_prog_len : len;
}

int bpf_identify(int fd, enum bpf_kind *kind, uint32_t *ret)
{
	char path[64], target[64];
	ssize_t n;
	uint32_t info[64] = { 0 };
	int r;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	*kind = strstr(target, "map") != NULL ? BPF_KIND_MAP :
		strstr(target, "link") != NULL ? BPF_KIND_LINK : BPF_KIND_PROGRAM;
	r = describe(fd, info, sizeof(info));
	*ret = info[1]; /* the type first, then the id, in all three */
	return r;
}

int bpf_of_event(int pid, int fd, uint32_t *ret_program, char *ret_probe, size_t cap)
{
	union bpf_attr a;
	long r;

	memset(&a, 0, sizeof(a));
	memset(ret_probe, 0, cap);
	a.task_fd_query.pid = (uint32_t)pid;
	a.task_fd_query.fd = (uint32_t)fd;
	a.task_fd_query.buf = (uint64_t)(uintptr_t)ret_probe;
	a.task_fd_query.buf_len = (uint32_t)cap - 1;
	r = call(BPF_TASK_FD_QUERY, &a);
	*ret_program = a.task_fd_query.prog_id;
	return r < 0 ? (int)r : 0;
}
