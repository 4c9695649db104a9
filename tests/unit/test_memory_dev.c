/* test_memory_dev.c - memory through devices, and the report of what would work. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "collector.h"
#include "io.h"
#include "machine.h"
#include "memory.h"
#include "memory_report.h"
#include "sink_list.h"

static struct host host;
static const struct collector_request request = { .memory = MEMORY_AUTO };

/* A file that holds memory up to ${len}, as a device would show it. */
static int make_device(size_t len)
{
	FILE *f = tmpfile();
	uint8_t *p = malloc(len);
	int fd;

	if (f == NULL || p == NULL)
		abort();
	for (size_t i = 0; i < len; i++)
		p[i] = machine_content(i);
	fd = dup(fileno(f));
	if (fd < 0 || io_write(fd, p, len) < 0)
		abort();
	free(p);
	(void)fclose(f);
	return fd;
}

static void begin(struct memory *m, struct sink *s, const char *iomem)
{
	*m = (struct memory){
		.host = &host, .req = &request, .sink = s,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	if (memory_state_open(m) < 0 ||
	    ranges_parse_iomem(&m->ram, iomem, strlen(iomem)) < 0)
		abort();
	m->piece_cap = 256;
	m->pieces = calloc(m->piece_cap, sizeof(*m->pieces));
}

static void test_run(enum memory_method method, unsigned slot)
{
	struct sink *s = machine_sink();
	struct machine_image im;
	struct memory m;

	begin(&m, s, machine_iomem);
	m.dev[slot] = make_device(HIGH_START + 0x40000);
	CHECK(memory_pull_best(&m) == method, "%s is the best that there is",
	      memory_method_names[method]);
	CHECK(memory_pull_run(&m, method) == 0, "it runs");
	machine_image(&im, s);
	CHECK(machine_covers(&im) && im.marked > 0x3f000 && im.marked <= 0x40000,
	      "takes everything and marks what fails");
	CHECK(ranges_has(&m.holes[HOLE_UNREADABLE], HIGH_START + 0x40000, HIGH_END),
	      "which is a hole");
	CHECK(machine_note_is(s, memory_method_names[method], "used for"), "and is noted");
	ranges_free(&im.ranges);
	memory_state_close(&m);
	sink_list_free(s);
}

/* STRICT_DEVMEM: the first megabyte can be read, what lies above cannot. */
static void test_try(void)
{
	struct memory m;
	int fd = make_device(HIGH_END + 1), low = make_device(HIGH_START);
	int closed = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	begin(&m, NULL, machine_iomem);
	CHECK(memory_dev_try(&m, METHOD_MEM, fd) == 0 &&
	      memory_dev_try(&m, METHOD_CRASH, fd) == 0, "a page high up can be read");
	CHECK(memory_dev_try(&m, METHOD_MEM, low) == -ENODATA, "it cannot");
	CHECK(closed >= 0 && memory_dev_try(&m, METHOD_MEM, closed) == -EIO,
	      "the error of the read comes back");
	m.ram.count = 1;
	CHECK(memory_dev_try(&m, METHOD_MEM, fd) == -ENODATA, "no RAM high up: not tried");
	m.dev[1] = -EPERM;
	m.dev_opened = true;
	memory_state_close(&m);
	(void)close(fd);
	(void)close(low);
	(void)close(closed);
}

static bool says(const struct memory *m, enum memory_method method, const char *text)
{
	char why[96] = "";

	(void)memory_pull_refusal(m, method, why, sizeof(why));
	if (strcmp(why, text) != 0)
		printf("# %s\n", why);
	return strcmp(why, text) == 0;
}

static void test_refusals(void)
{
	struct memory m = {
		.kcore = -EPERM, .dev = { -ENOENT, -EPERM }, .dev_opened = true,
		.probe = { .cap_rawio = true },
	};

	CHECK(says(&m, METHOD_MEM, "EPERM, the kernel is built with STRICT_DEVMEM"),
	      "STRICT_DEVMEM");
	CHECK(says(&m, METHOD_CRASH, "ENOENT, not in this kernel"), "no such device");
	m.probe.lockdown = LOCKDOWN_INTEGRITY;
	CHECK(says(&m, METHOD_MEM, "EPERM, lockdown=integrity"), "integrity");
	m.probe.lockdown = LOCKDOWN_CONFIDENTIALITY;
	CHECK(says(&m, METHOD_KCORE, "EPERM, lockdown=confidentiality"), "confidentiality");
	m.probe = (struct memory_probe){ 0 };
	m.kcore = -EACCES;
	CHECK(says(&m, METHOD_KCORE, "EACCES, no CAP_SYS_RAWIO"), "no right");
}

static const struct memory_verdict *verdict(const struct memory_report *r,
					    const char *method)
{
	for (size_t i = 0; i < MEMORY_REPORT_METHODS; i++)
		if (r->at[i].method != NULL && strcmp(r->at[i].method, method) == 0)
			return &r->at[i];
	abort();
}

static void test_report(void)
{
	static const struct collector_request why = { .lime_why = "signature bad" };
	struct memory_report r;

	machine_text("dev/mem", "not memory");
	machine_text("proc/1/mem", "x");
	machine_text("proc/2/mem", "");
	machine_text("proc/sys/kernel/yama/ptrace_scope", "3\n");
	machine_file("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
		     "\6\0\0\0\1", 5);
	CHECK(memory_report(&r, &host, &request) == 0, "a report");
	CHECK(r.ram_bytes == RAM_BYTES && r.ram_ranges == 2 && r.ram_error == 0 &&
	      r.cap_module && r.cap_ptrace && strcmp(r.release, "6.1.0-test") == 0 &&
	      strcmp(r.secure_boot, "on") == 0 && r.ptrace_scope == 3 &&
	      strcmp(r.lockdown, "unknown") == 0 && strcmp(r.resident, "absent") == 0,
	      "its facts");
	CHECK(!verdict(&r, "lime")->works &&
	      strcmp(verdict(&r, "lime")->why, "no module given") == 0, "lime");
	CHECK(verdict(&r, "kcore")->works && verdict(&r, "kcore")->physical &&
	      verdict(&r, "kcore")->why[0] == '\0', "kcore");
	CHECK(strncmp(verdict(&r, "dev_crash")->why, "ENOENT", 6) == 0, "/dev/crash");
	CHECK(strncmp(verdict(&r, "dev_mem")->why, "ENODEV", 6) == 0,
	      "a /dev/mem that is a file is not read");
	CHECK(verdict(&r, "process")->works && !verdict(&r, "process")->physical,
	      "process memory");
	machine_text("proc/misc", " 60 rfkill\n130 watchdog\n 57 crash\n");
	machine_text("dev/crash", "not memory");
	CHECK(memory_report(&r, &host, &request) == 0 &&
	      strncmp(verdict(&r, "dev_crash")->why, "ENODEV", 6) == 0,
	      "nor a /dev/crash that is not the driver's");
	machine_drop("proc/misc");
	machine_drop("dev/crash");
	machine_text("proc/iomem", "00000000-00000000 : System RAM\n");
	machine_drop("proc/1/mem");
	CHECK(memory_report(&r, &host, &why) == 0 && r.ram_error == -EPERM &&
	      strstr(verdict(&r, "kcore")->why, "addresses are hidden") != NULL,
	      "hidden addresses: no physical method");
	CHECK(!verdict(&r, "process")->works,
	      "and no process memory either: what is a kernel thread's does not count");
	machine_text("proc/iomem", machine_iomem);
	CHECK(memory_report(&r, &host, &why) == 0 &&
	      strcmp(verdict(&r, "lime")->why, "signature bad") == 0,
	      "why the module was refused");
	machine_drop("dev/mem");
}

int main(void)
{
	machine_open(&host);
	test_run(METHOD_CRASH, 0);
	test_run(METHOD_MEM, 1);
	test_try();
	test_refusals();
	test_report();
	machine_close(&host);
	return CHECK_DONE();
}
