/*
 * machine.c - a machine made of files, for tests of the memory collector.
 *
 * A tree below /tmp that stands for /, /proc and /sys.  What cannot be made
 * aborts the test.
 */
#include "machine.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "lime.h"
#include "sink_list.h"

#define DIRECT 0xffff888000000000u
#define CORE_OFFSET 0x1000u /* of physical 0 in the file */

const char machine_iomem[] =
	"00000000-00000fff : Reserved\n"
	"00001000-00009bff : System RAM\n"
	"00009c00-000fffff : Reserved\n"
	"00100000-0017ffff : System RAM\n"
	"  00110000-0011ffff : Kernel code\n";

const char machine_info[] =
	"OSRELEASE=6.1.0-test\nKERNELOFFSET=1a400000\n"
	"NUMBER(phys_base)=-423559168\nNUMBER(pgtable_l5_enabled)=0\n"
	"SYMBOL(swapper_pg_dir)=ffffffff99500000\n";

static char root[] = "/tmp/evac-test-memory-XXXXXX";

uint8_t machine_content(uint64_t address)
{
	return (uint8_t)(address >> 12 ^ address * 5);
}

void machine_file(const char *name, const void *data, size_t len)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	for (char *p = path + strlen(root) + 1; *p != '\0'; p++)
		if (*p == '/') {
			*p = '\0';
			(void)mkdir(path, 0700);
			*p = '/';
		}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || io_write(fd, data, len) < 0)
		abort();
	(void)close(fd);
}

void machine_text(const char *name, const char *text)
{
	machine_file(name, text, strlen(text));
}

void machine_drop(const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	(void)unlink(path);
}

static Elf64_Phdr segment(uint64_t start, uint64_t len)
{
	return (Elf64_Phdr){
		.p_type = PT_LOAD, .p_vaddr = DIRECT + start, .p_paddr = start,
		.p_offset = CORE_OFFSET + start, .p_filesz = len, .p_memsz = len,
	};
}

/* A /proc/kcore with ${len} bytes of memory behind its headers. */
void machine_kcore_info(size_t len, const char *info)
{
	size_t info_len = strlen(info);
	size_t size = CORE_OFFSET + len;
	uint8_t *p = calloc(1, size);
	Elf64_Ehdr e = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_CORE, .e_machine = EM_X86_64, .e_phoff = sizeof(e),
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 3,
	};
	Elf64_Nhdr note = { .n_namesz = 11, .n_descsz = (Elf64_Word)info_len };
	Elf64_Phdr ph[3] = {
		{ .p_type = PT_NOTE, .p_offset = 0x200, .p_filesz = 24 + info_len },
		segment(LOW_START, 0x8000), /* its last page is not whole */
		segment(HIGH_START, HIGH_END - HIGH_START + 1),
	};

	if (p == NULL)
		abort();
	memcpy(p, &e, sizeof(e));
	memcpy(p + sizeof(e), ph, sizeof(ph));
	memcpy(p + 0x200, &note, sizeof(note));
	memcpy(p + 0x20c, "VMCOREINFO", 10);
	memcpy(p + 0x218, info, info_len);
	for (size_t i = 0; i < len; i++)
		p[CORE_OFFSET + i] = machine_content(i);
	machine_file("proc/kcore", p, size);
	free(p);
}

void machine_kcore(size_t len)
{
	machine_kcore_info(len, machine_info);
}

void machine_blank(uint64_t address, size_t len)
{
	char path[256];
	uint8_t *p = calloc(1, len);
	int fd;

	(void)snprintf(path, sizeof(path), "%s/proc/kcore", root);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (p == NULL || fd < 0 ||
	    pwrite(fd, p, len, (off_t)(CORE_OFFSET + address)) != (ssize_t)len)
		abort();
	(void)close(fd);
	free(p);
}

static void make_machine(void)
{
	if (mkdtemp(root) == NULL)
		abort();
	machine_text("proc/iomem", machine_iomem);
	machine_text("proc/version", "Linux version 6.1.0-test\n");
	machine_text("proc/cmdline", "root=/dev/x\n");
	machine_text("proc/kallsyms", "0000000000000000 A fixed\nffffffff81000000 T _text\n");
	machine_text("proc/modules", "ext4 1 1 - Live 0x0\n");
	machine_text("proc/sys/kernel/osrelease", "6.1.0-test\n");
	machine_text("proc/sys/kernel/tainted", "4096\n");
	machine_text("proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n");
	machine_text("sys/kernel/btf/vmlinux", "BTF");
	machine_text("boot/config-6.1.0-test", "CONFIG_X=y\n");
	machine_kcore(HIGH_END + 1);
}

static void open_machine(struct host *host)
{
	char path[256];

	host->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "%s/proc", root);
	host->proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "%s/sys", root);
	host->sys = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (host->root < 0 || host->proc < 0 || host->sys < 0)
		abort();
}

struct sink *machine_sink(void)
{
	struct sink *s = sink_list_open();

	if (s == NULL)
		abort();
	sink_list_set_room(s, ROOM);
	return s;
}

bool machine_note_is(const struct sink *s, const char *key, const char *text)
{
	const char *v = sink_list_note(s, key);

	if (v == NULL || strncmp(v, text, strlen(text)) != 0)
		printf("# note %s: %s\n", key, v != NULL ? v : "(none)");
	return v != NULL && strncmp(v, text, strlen(text)) == 0;
}

static int by_path(const void *a, const void *b)
{
	const struct sink_list_file *const *x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

static void look_at(struct machine_image *im, const struct lime_item *item)
{
	static const char mark[] = "EVAC UNREADABLE ";

	for (size_t i = 0; i < item->len; i++) {
		uint64_t a = item->address + i;

		im->bytes++;
		if (item->data[i] == machine_content(a))
			continue;
		if (item->data[i] == (uint8_t)mark[a % 16])
			im->marked++;
		else if (item->data[i] == 0)
			im->zeros++;
		else
			im->wrong++;
	}
}

void machine_image(struct machine_image *im, const struct sink *s)
{
	const struct sink_list_file *list[256];
	struct lime_stream stream = { 0 };
	size_t n = 0;

	*im = (struct machine_image){ .whole = true };
	(void)ranges_open(&im->ranges, 64);
	for (size_t i = 0; i < sink_list_count(s) && n < 256; i++) {
		const char *p = sink_list_at(s, i)->path;

		if (strncmp(p, "memory/", 7) == 0 && strlen(p) == 28 &&
		    strcmp(p + 23, ".lime") == 0)
			list[n++] = sink_list_at(s, i);
	}
	qsort(list, n, sizeof(*list), by_path);
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p = (const uint8_t *)list[i]->data;
		size_t len = list[i]->len;
		struct lime_item item = { 0 };

		im->whole = im->whole && len <= ROOM && list[i]->declared == len;
		while (lime_next(&stream, &p, &len, &item) > 0)
			if (item.kind == LIME_DATA)
				look_at(im, &item);
			else
				(void)ranges_add(&im->ranges, item.range.start,
						 item.range.end);
		im->whole = im->whole && len == 0 && lime_whole(&stream);
	}
}

bool machine_covers(const struct machine_image *im)
{
	return im->ranges.count == 2 && ranges_has(&im->ranges, LOW_START, LOW_END) &&
	       ranges_has(&im->ranges, HIGH_START, HIGH_END) &&
	       im->bytes == RAM_BYTES && im->whole && im->wrong == 0;
}

void machine_sparse(const char *name, const char *data, uint64_t offset,
		    uint64_t size)
{
	char path[256];
	size_t len = strlen(data);
	int fd;

	machine_text(name, "");
	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || pwrite(fd, data, len, (off_t)offset) != (ssize_t)len ||
	    ftruncate(fd, (off_t)size) < 0)
		abort();
	(void)close(fd);
}

void machine_open(struct host *host)
{
	make_machine();
	open_machine(host);
}

void machine_close(struct host *host)
{
	char command[300];

	host_close(host);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", root);
	if (system(command) != 0)
		abort();
}
