/* BPF objects, handles into the kernel and its probes: what is there because the test made it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf.h"
#include "check.h"
#include "host.h"
#include "kernel.h"
#include "sink_list.h"

/* The first two are one: the address of a map. */
static struct bpf_insn code[] = {
	{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD },
	{ 0 },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 7 },
	{ .code = BPF_JMP | BPF_EXIT },
};

static int call(int command, union bpf_attr *a)
{
	return (int)syscall(SYS_bpf, command, a, sizeof(*a));
}

static int load_program(unsigned type, const char *name)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.prog_type = type;
	a.insns = (uint64_t)(uintptr_t)code;
	a.insn_cnt = sizeof(code) / sizeof(code[0]);
	a.license = (uint64_t)(uintptr_t)"GPL";
	memcpy(a.prog_name, name, strlen(name));
	return call(BPF_PROG_LOAD, &a);
}

static int make_map(void)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = BPF_MAP_TYPE_HASH;
	a.key_size = 4;
	a.value_size = 8;
	a.max_entries = 16;
	memcpy(a.map_name, "evac_hidden", 11);
	return call(BPF_MAP_CREATE, &a);
}

static int attach(int program)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.raw_tracepoint.name = (uint64_t)(uintptr_t)"sys_enter";
	a.raw_tracepoint.prog_fd = (uint32_t)program;
	return call(BPF_RAW_TRACEPOINT_OPEN, &a);
}

/* On a network namespace of its own, to which it is then bound. */
static int attach_to_namespace(uint64_t *ret_inode)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), own = -1, link = -1;
	int program = load_program(BPF_PROG_TYPE_FLOW_DISSECTOR, "evac_flow");
	union bpf_attr a;
	struct stat st;

	if (program >= 0 && unshare(CLONE_NEWNET) == 0)
		own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own >= 0 && fstat(own, &st) == 0) {
		memset(&a, 0, sizeof(a));
		a.link_create.prog_fd = (uint32_t)program;
		a.link_create.target_fd = (uint32_t)own;
		a.link_create.attach_type = BPF_FLOW_DISSECTOR;
		link = call(BPF_LINK_CREATE, &a);
		*ret_inode = st.st_ino;
	}
	(void)setns(home, CLONE_NEWNET);
	return link;
}

/* On the tracepoint that every change of the running task passes, by a perf event. */
static int attach_to_event(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .sample_period = 1 };
	int program = load_program(BPF_PROG_TYPE_TRACEPOINT, "evac_event"), fd = -1, event;
	char id[16] = "";

	if (mount("tracefs", "/mnt", "tracefs", 0, NULL) == 0)
		fd = open("/mnt/events/sched/sched_switch/id", O_RDONLY | O_CLOEXEC);
	if (program < 0 || fd < 0 || read(fd, id, sizeof(id) - 1) <= 0)
		return -1;
	attr.config = strtoul(id, NULL, 10);
	event = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (event >= 0 && ioctl(event, PERF_EVENT_IOC_SET_BPF, program) < 0)
		return -1;
	return event;
}

static int pin(int fd, const char *path)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.pathname = (uint64_t)(uintptr_t)path;
	a.bpf_fd = (uint32_t)fd;
	return call(BPF_OBJ_PIN, &a);
}

/* A BPF file system in a mount namespace of our own.  False when none can be had. */
static bool pin_somewhere(int program, int map, int link)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bpf", "/srv", "bpf", 0, NULL) < 0 || mkdir("/srv/x", 0700) < 0)
		return false;
	return pin(program, "/srv/x/door") == 0 && pin(map, "/srv/list") == 0 &&
	       (link < 0 || pin(link, "/srv/hook") == 0);
}

static void test_objects(struct sink *s, const struct host *h, int program, int map, int link, bool pinned)
{
	const struct sink_list_file *f;
	enum bpf_kind kind;
	struct sink *again;
	uint64_t inode = 0;
	char text[64];
	uint32_t id;

	CHECK(kernel_bpf_read(h, s) == 0, "BPF is read");
	CHECK(sink_list_row(s, "bpf_programs.ndjson", "\"name\":\"evac_backdoor\"", "\"type_name\":\"raw_tracepoint\"", "\"instructions\":4") != NULL,
	      "our program");
	CHECK(sink_list_row(s, "bpf_maps.ndjson", "\"name\":\"evac_hidden\"", "\"type_name\":\"hash\"", "\"value_bytes\":8") != NULL, "our map");
	CHECK(bpf_identify(program, &kind, &id) == 0 && kind == BPF_KIND_PROGRAM, "its id");
	(void)snprintf(text, sizeof(text), "bpf/programs/%u.insn", id);
	f = sink_list_find(s, text);
	CHECK(f != NULL && f->len == sizeof(code) && memcmp(f->data + 16, &code[2], 16) == 0, "its instructions");
	if (link >= 0) {
		(void)snprintf(text, sizeof(text), "\"program\":%u", id);
		CHECK(sink_list_row(s, "bpf_links.ndjson", text, "\"tracepoint\":\"sys_enter\"", NULL) != NULL, "where it hangs");
	} else {
		CHECK_SKIP("a program cannot be attached here");
	}
	link = attach_to_namespace(&inode);
	(void)snprintf(text, sizeof(text), "\"target\":%llu", (unsigned long long)inode);
	again = sink_list_open();
	if (link < 0)
		CHECK_SKIP("no program can be attached to a namespace here");
	else
		CHECK(kernel_bpf_read(h, again) == 0 &&
		      sink_list_row(again, "bpf_links.ndjson", "\"type_name\":\"netns\"", "\"attach_type\":17", text) != NULL,
		      "and one on a namespace");
	sink_list_free(again);
	(void)snprintf(text, sizeof(text), "\"id\":%u", id);
	if (pinned) {
		CHECK(sink_list_row(s, "bpf_pinned.ndjson", "\"directory\":\"/srv/x\",\"filename\":\"door\"", "\"kind\":\"program\"", text) != NULL,
		      "where it is pinned");
		CHECK(sink_list_row(s, "bpf_pinned.ndjson", "\"filename\":\"list\"", "\"kind\":\"map\"", NULL) != NULL, "and the map");
	} else {
		CHECK_SKIP("no BPF file system can be mounted here");
	}
	(void)map;
}

static void test_handles(struct sink *s, const struct host *h, int program)
{
	struct io_uring_params params;
	int ring, event = attach_to_event();
	char id[48];

	memset(&params, 0, sizeof(params));
	ring = (int)syscall(SYS_io_uring_setup, 4, &params);
	CHECK(kernel_handles_read(h, s) == 0, "handles are read");
	(void)snprintf(id, sizeof(id), "\"pid\":%d,\"fd\":%d,", (int)getpid(), program);
	CHECK(sink_list_row(s, "kernel_handles.ndjson", id, "\"kind\":\"bpf_program\"", "prog_id:") != NULL, "who holds the program");
	(void)snprintf(id, sizeof(id), "\"pid\":%d,\"fd\":%d,", (int)getpid(), ring);
	if (ring < 0)
		CHECK_SKIP("no io_uring here");
	else
		CHECK(sink_list_row(s, "kernel_handles.ndjson", id, "\"kind\":\"io_uring\"", "\"fdinfo\":") != NULL, "an io_uring");
	(void)snprintf(id, sizeof(id), "\"pid\":%d,\"fd\":%d,", (int)getpid(), event);
	if (event < 0)
		CHECK_SKIP("no perf event on a tracepoint here");
	else
		CHECK(sink_list_row(s, "kernel_handles.ndjson", id, "\"kind\":\"perf_event\"", "\"probe\":\"sched_switch\"") != NULL,
		      "a perf event, and what it watches");
	if (ring >= 0)
		(void)close(ring);
}

static void test_trace(struct sink *s, const struct host *h)
{
	CHECK(kernel_trace_read(h, s) == 0 && sink_list_note(s, "kernel.trace_texts") != NULL, "probes are read");
	if (sink_list_find(s, "sys/kernel/tracing/current_tracer") == NULL)
		CHECK_SKIP("this kernel has no tracefs");
	else
		CHECK(faccessat(h->sys, "kernel/tracing/current_tracer", F_OK, 0) < 0 ||
		      sink_list_find(s, "sys/kernel/tracing/current_tracer")->len > 0, "the tracer, by a mount of our own or the host's");
}

static void test_failing(const struct host *h)
{
	int (*const parts[])(const struct host *, struct sink *) = { kernel_bpf_read, kernel_handles_read, kernel_trace_read };
	int wrong = 0;

	for (size_t i = 0; i < 3; i++)
		for (unsigned long n = 1; n < 4; n++) {
			struct sink *bad = sink_list_open();

			sink_list_fail_at(bad, n, -ECANCELED);
			if (parts[i](h, bad) == 0)
				wrong += sink_list_calls(bad) >= n;
			sink_list_free(bad);
		}
	CHECK(wrong == 0, "a sink that fails ends each");
}

int main(void)
{
	int map = code[0].imm = make_map(), program = load_program(BPF_PROG_TYPE_RAW_TRACEPOINT, "evac_backdoor"), link = program >= 0 ? attach(program) : -1;
	struct sink *s = sink_list_open();
	bool pinned = program >= 0 && pin_somewhere(program, map, link);
	struct host h;

	if (host_open(&h) < 0)
		return 1;
	if (program < 0) {
		CHECK_SKIP("no BPF program can be loaded here");
	} else {
		test_objects(s, &h, program, map, link, pinned);
		test_handles(s, &h, program);
	}
	test_trace(s, &h);
	test_failing(&h);
	sink_list_free(s);
	host_close(&h);
	return CHECK_DONE();
}
