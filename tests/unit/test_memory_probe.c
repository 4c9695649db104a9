/* test_memory_probe.c - what decides the method, and reads that fail at a page. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "collector.h"
#include "kofile.h"
#include "machine.h"
#include "memory.h"

static struct host host;

struct faulty {
	uint64_t bad_page;
	unsigned told;
	uint64_t told_at;
	unsigned reads;
};

static ssize_t faulty_read(const struct memory_reader *r, uint64_t offset, void *buf,
			   size_t len)
{
	struct faulty *f = r->arg;
	uint8_t *p = buf;

	f->reads++;
	if (offset < f->bad_page + 4096 && offset + len > f->bad_page)
		return -EIO;
	for (size_t i = 0; i < len; i++)
		p[i] = machine_content(offset + i);
	return (ssize_t)len;
}

static void faulty_told(const struct memory_reader *r, uint64_t address, size_t len,
			int why)
{
	struct faulty *f = r->arg;

	f->told += len == 4096 && why == -EIO;
	f->told_at = address;
}

static void test_reader(void)
{
	struct faulty f = { .bad_page = 0x123000 };
	const struct memory_reader r = {
		.page = 4096, .read = faulty_read, .bad = faulty_told, .arg = &f,
	};
	size_t len = 2u << 20, wrong = 0;
	uint8_t *buf = malloc(len);

	if (buf == NULL)
		abort();
	memory_read(&r, 0, 0, buf, len);
	for (size_t i = 0; i < len; i++)
		wrong += (i & ~(size_t)4095) == f.bad_page ?
			 buf[i] != (uint8_t)"EVAC UNREADABLE "[i % 16] :
			 buf[i] != machine_content(i);
	CHECK(f.told == 1 && f.told_at == 0x123000, "one bad page is told once");
	CHECK(wrong == 0, "all around it is read (%zu bytes wrong)", wrong);
	CHECK(f.reads < 40, "in %u reads", f.reads);
	free(buf);
}

/* What no segment shows: zeros below a page, as LiME has it, else the marker. */
static void test_gaps(void)
{
	struct kcore_segment seg = { .range = { 0x3000, 0x3fff } };
	struct memory m = {
		.kcore = -EBADF, .dev = { -ENOENT, -ENOENT }, .page = 4096, .lock = PTHREAD_MUTEX_INITIALIZER,
		.map = { .seg = &seg, .count = 1 },
	};
	uint8_t buf[0x3000];

	(void)ranges_open(&m.ram, 4);
	for (unsigned i = 0; i < HOLE_KINDS; i++)
		(void)ranges_open(&m.holes[i], 4);
	(void)ranges_add(&m.ram, 0x2000, 0x43ff);
	memory_kcore_fill(&m, 0x2000, buf, 0x2400);
	CHECK(memcmp(buf, "EVAC UNREADABLE ", 16) == 0 &&
	      memcmp(buf + 0xff0, "EVAC UNREADABLE ", 16) == 0, "a page without segment");
	CHECK(memcmp(buf + 0x1000, "EVAC UNREADABLE ", 16) == 0, "a segment that fails");
	CHECK(buf[0x2000] == 0 && buf[0x23ff] == 0, "less than a page without segment");
	CHECK(ranges_has(&m.holes[HOLE_UNMAPPED], 0x2000, 0x2fff) &&
	      ranges_has(&m.holes[HOLE_UNREADABLE], 0x3000, 0x3fff) &&
	      ranges_has(&m.holes[HOLE_UNMAPPED], 0x4000, 0x43ff) &&
	      m.read_error == -EBADF, "each is a hole of its kind");
	/* The end of a large gap is no small gap. */
	m.map.count = 0;
	memory_kcore_fill(&m, 0x4000, buf, 0x400);
	CHECK(memcmp(buf, "EVAC UNREADABLE ", 16) == 0, "a part of a large gap");
	ranges_free(&m.ram);
	for (unsigned i = 0; i < HOLE_KINDS; i++)
		ranges_free(&m.holes[i]);
}

#define MODINFO(release, name) \
	"license=GPL\0name=" name "\0vermagic=" release " SMP mod_unload \0"

static const char *refusal(const void *file, size_t len, struct memory_probe probe)
{
	const struct collector_request req = { .lime = file, .lime_len = len };
	const char *why;

	(void)snprintf(probe.release, sizeof(probe.release), "6.1.0-test");
	why = memory_lime_refusal(&probe, &req);
	return why != NULL ? why : "none";
}

static bool refused(const void *file, size_t len, struct memory_probe probe,
		    const char *want)
{
	const char *why = refusal(file, len, probe);

	if (strstr(why, want) == NULL)
		printf("# refusal: %s\n", why);
	return strstr(why, want) != NULL;
}

static void test_refusals(void)
{
	static const char good[] = MODINFO("6.1.0-test", "lime");
	static const char other[] = MODINFO("6.1.0-tesu", "lime");
	static const char wrong[] = MODINFO("6.1.0-test", "evil");
	static const char mark[] = "~Module signature appended~\n";
	const struct memory_probe able = { .cap_module = true };
	struct memory_probe p = able;
	uint8_t b[1024];
	size_t n = kofile_make(b, KOFILE_MACHINE, good, sizeof(good)), bad = 0;

	CHECK(refused(b, n, able, "none"), "nothing argues against a module that fits");
	(void)snprintf(p.version, sizeof(p.version), "#1 SMP Debian 6.1.1-1");
	CHECK(refused(b, n, p, "none"), "nor a kernel of the same kind");
	(void)snprintf(p.version, sizeof(p.version), "#1 SMP PREEMPT_DYNAMIC Debian 6.1.1-1");
	CHECK(refused(b, n, p, "another build"), "a kernel that preempts");
	(void)snprintf(p.version, sizeof(p.version), "#1 Debian 6.1.1-1");
	CHECK(refused(b, n, p, "another build"), "a kernel for one processor");
	p = able;
	CHECK(refused(NULL, 0, able, "no module"), "no module");
	p.cap_module = false;
	CHECK(refused(b, n, p, "CAP_SYS_MODULE"), "no capability");
	p = able;
	p.modules_disabled = true;
	CHECK(refused(b, n, p, "modules_disabled"), "modules disabled");
	p = able;
	p.lockdown = LOCKDOWN_CONFIDENTIALITY;
	CHECK(refused(b, n, p, "EPERM: lockdown=confidentiality and module not signed"),
	      "lockdown=confidentiality");
	p.lockdown = LOCKDOWN_INTEGRITY;
	CHECK(refused(b, n, p, "integrity"), "lockdown=integrity, not signed");
	p = able;
	p.signature_enforced = true;
	CHECK(refused(b, n, p, "EKEYREJECTED"), "signatures enforced, not signed");
	memcpy(b + n, mark, sizeof(mark) - 1);
	p.lockdown = LOCKDOWN_CONFIDENTIALITY;
	CHECK(refused(b, n + sizeof(mark) - 1, p, "none"),
	      "signed: even under lockdown=confidentiality");
	p = able;
	p.lime = LIME_STUCK;
	CHECK(refused(b, n, p, "EBUSY"), "a stuck one is there");
	p.lime = LIME_IDLE;
	CHECK(refused(b, n, p, "none"), "an idle one can be unloaded");
	p = able;
	p.secretmem = 7;
	CHECK(refused(b, n, p, "memfd_secret"), "memfd_secret");
	for (size_t i = 0; i < n; i++) {
		uint8_t *cut = malloc(i + 1);

		if (cut == NULL)
			abort();
		memcpy(cut, b, i);
		bad += strcmp(refusal(cut, i, able), "none") == 0;
		free(cut);
	}
	CHECK(bad == 0, "a module cut at every byte is refused (%zu are not)", bad);
	n = kofile_make(b, KOFILE_OTHER, good, sizeof(good));
	CHECK(refused(b, n, able, "architecture"), "another architecture");
	n = kofile_make(b, KOFILE_MACHINE, other, sizeof(other));
	CHECK(refused(b, n, able, "another kernel"), "another release");
	n = kofile_make(b, KOFILE_MACHINE, wrong, sizeof(wrong));
	CHECK(refused(b, n, able, "not lime"), "another module");
}

static void test_probes(void)
{
	static const char idle[] = "a 1 0 - Live 0x0\nlime 16384 0 - Live 0x0 (OE)\n";
	static const char used[] = "lime 16384 1 - Live 0x0 (OE)\n";
	static const char loading[] = "lime 28672 1 - Loading 0x0 (OE+)\n";
	static const char no[] = "limestone 16384 0 - Live 0x0\nx 1 1 lime, Live 0x0\n";
	struct memory_probe p;

	CHECK(memory_probe_modules(idle, sizeof(idle) - 1) == LIME_IDLE, "idle");
	CHECK(memory_probe_modules(used, sizeof(used) - 1) == LIME_STUCK, "in use");
	CHECK(memory_probe_modules(loading, sizeof(loading) - 1) == LIME_STUCK, "loading");
	CHECK(memory_probe_modules(no, sizeof(no) - 1) == LIME_ABSENT, "not there");
	CHECK(memory_probe_modules(idle, 25) == LIME_STUCK, "a line that is cut");
	machine_text("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	machine_text("proc/sys/kernel/modules_disabled", "1\n");
	memory_probe(&p, &host);
	CHECK(p.lockdown == LOCKDOWN_INTEGRITY && p.modules_disabled && p.cap_module &&
	      p.cap_rawio && p.taint == 4096 && strcmp(p.release, "6.1.0-test") == 0 &&
	      p.lime == LIME_ABSENT, "what the machine's files say");
	CHECK(memory_probe_secretmem(&host) == 0, "no secret memory");
	machine_text("proc/88/maps", "00010000-00012000 rw-s 00000000 00:0b 7 "
				 "/secretmem (deleted)\n");
	CHECK(memory_probe_secretmem(&host) == 88, "a process that holds some");
	machine_drop("proc/88/maps");
}

int main(void)
{
	machine_open(&host);
	test_reader();
	test_gaps();
	test_refusals();
	test_probes();
	machine_close(&host);
	return CHECK_DONE();
}
