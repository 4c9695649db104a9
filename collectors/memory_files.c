/*
 * memory_files.c - what makes an image analysable, before its first page.
 *
 * Copies /proc/iomem, kallsyms, the BTF types, version, command line, kernel
 * configuration and System.map, writes VMCOREINFO and memory/layout.json.
 * What is not there is a gap if an examiner would look for it.
 */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "collector.h"
#include "host.h"
#include "io.h"
#include "json.h"
#include "parse.h"
#include "scope.h"
#include "sink.h"

#define COPY_MAX (256u << 20)
#define COPY_CHUNK (256u << 10)
#define LAYOUT_MAX (64u << 10)
/* x86-64: where the kernel's image is linked to. */
#define X86_TEXT_BASE 0xffffffff80000000u

#if defined(__x86_64__)
#define MACHINE "x86_64"
#elif defined(__aarch64__)
#define MACHINE "aarch64"
#else
#error "physical memory is known for x86-64 and arm64"
#endif

/* Copy what ${fd} gives into the open entry. */
static int copy(struct sink *sink, const char *path, int fd)
{
	AUTO_FREE uint8_t *buf = malloc(COPY_CHUNK);
	size_t total = 0;
	int r = 0;

	if (buf == NULL)
		return -ENOMEM;
	while (r == 0) {
		ssize_t n = io_read(fd, buf, COPY_CHUNK);

		if (n < 0)
			return sink_gap(sink, path, (int)n, "cut");
		if (n == 0)
			break;
		total += (size_t)n;
		if (total > COPY_MAX)
			return sink_gap(sink, path, -EFBIG, "cut");
		r = sink_write(sink, buf, (size_t)n);
	}
	return r;
}

/*
 * Copy the file ${name} below ${dir} to ${path}.  0; 1 when it is not there;
 * the sink's error.
 */
static int take_file(struct memory *m, int dir, const char *name, const char *path)
{
	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
				   O_NOCTTY | O_CLOEXEC);
	struct sink_entry e = { .path = path, .size = SINK_SIZE_UNKNOWN };
	struct stat st;
	int r, end;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 1;
	if (fd < 0 || fstat(fd, &st) < 0)
		return sink_gap(m->sink, path, -errno, NULL);
	if (!S_ISREG(st.st_mode))
		return sink_gap(m->sink, path, -EINVAL, "not a regular file");
	e.mode = st.st_mode & 07777;
	e.uid = st.st_uid;
	e.gid = st.st_gid;
	e.mtime = st.st_mtim;
	r = sink_begin(m->sink, &e);
	if (r < 0)
		return r;
	r = copy(m->sink, path, fd);
	end = sink_end(m->sink);
	return r < 0 ? r : end;
}

/* The same for a file whose absence an examiner should know of. */
static int take_needed(struct memory *m, int dir, const char *name, const char *path)
{
	int r = take_file(m, dir, name, path);

	return r > 0 ? sink_gap(m->sink, path, -ENOENT, NULL) : r;
}

/* A file of /boot that carries the running kernel's release. */
static int take_boot(struct memory *m, const char *what)
{
	char name[192], path[208];

	/* The release comes from the host: it must not lead elsewhere. */
	if (m->probe.release[0] == '\0' || strchr(m->probe.release, '/') != NULL)
		return 1;
	(void)snprintf(name, sizeof(name), "boot/%s-%s", what, m->probe.release);
	(void)snprintf(path, sizeof(path), "memory/files/%s", name);
	return take_file(m, m->host->root, name, path);
}

static int take_config(struct memory *m)
{
	int packed = take_file(m, m->host->proc, "config.gz", "memory/proc/config.gz");
	int plain = packed < 0 ? packed : take_boot(m, "config");

	if (packed > 0 && plain > 0)
		return sink_gap(m->sink, "memory/proc/config.gz", -ENOENT,
				"no kernel configuration, nor below /boot");
	return plain < 0 ? plain : 0;
}

/* A number of VMCOREINFO; ${base} 16 or 10, negative decimals wrap. */
static bool info_number(const struct memory *m, const char *key, unsigned base,
			uint64_t *ret)
{
	const char *p;
	size_t len;
	bool negative;

	if (m->vmcoreinfo == NULL ||
	    kcore_info(m->vmcoreinfo, m->vmcoreinfo_len, key, &p, &len) < 0)
		return false;
	if (len > 2 && p[0] == '0' && p[1] == 'x') {
		p += 2;
		len -= 2;
		base = 16;
	}
	negative = len > 0 && *p == '-';
	if (parse_u64(p + negative, len - negative, base, ret) < 0)
		return false;
	if (negative)
		*ret = -*ret;
	return true;
}

static void put_info(struct json *j, const struct memory *m, const char *key,
		     const char *name)
{
	uint64_t v;

	if (info_number(m, key, 10, &v))
		json_hex(j, name, v);
}

/*
 * The kernel's own page table, as a physical address (Linux
 * arch/x86/kernel/machine_kexec_64.c, arch/arm64/kernel/machine_kexec.c).
 */
static bool find_root(const struct memory *m, uint64_t *ret)
{
	uint64_t symbol, base;

	if (!info_number(m, "SYMBOL(swapper_pg_dir)", 16, &symbol))
		return false;
	if (info_number(m, "NUMBER(kimage_voffset)", 16, &base))
		*ret = symbol - base;
	else if (info_number(m, "NUMBER(phys_base)", 10, &base))
		*ret = symbol - X86_TEXT_BASE + base;
	else
		return false;
	return ranges_has(&m->ram, *ret, *ret + m->page - 1);
}

/* Levels of the page tables; 0 when they are not known. */
static unsigned find_levels(const struct memory *m)
{
	uint64_t v, bits;
	unsigned shift = (unsigned)__builtin_ctzll(m->page);

	if (info_number(m, "NUMBER(pgtable_l5_enabled)", 10, &v))
		return v != 0 ? 5 : 4;
	/* arm64: what the processor was told counts, else what the kernel can do. */
	if (info_number(m, "NUMBER(TCR_EL1_T1SZ)", 16, &v) && v < 64)
		bits = 64 - v;
	else if (!info_number(m, "NUMBER(VA_BITS)", 10, &bits))
		return 0;
	if (bits <= shift || bits > 64)
		return 0;
	return (unsigned)((bits - shift + shift - 4) / (shift - 3));
}

static void put_layout(struct json *j, const struct memory *m)
{
	uint64_t v;

	json_object(j, NULL);
	json_str(j, "machine", MACHINE);
	json_bytes(j, "release", m->probe.release, strlen(m->probe.release));
	json_u64(j, "page_bytes", m->page);
	if (info_number(m, "KERNELOFFSET", 16, &v))
		json_hex(j, "kaslr_offset", v);
	put_info(j, m, "NUMBER(phys_base)", "phys_base");
	if (find_levels(m) != 0)
		json_u64(j, "paging_levels", find_levels(m));
	if (find_root(m, &v))
		json_hex(j, "page_table_root", v);
	put_info(j, m, "NUMBER(VA_BITS)", "va_bits");
	put_info(j, m, "NUMBER(kimage_voffset)", "kimage_voffset");
	put_info(j, m, "NUMBER(PHYS_OFFSET)", "phys_offset");
	if (m->kcore >= 0)
		json_hex(j, "direct_map", m->map.page_offset);
	json_u64(j, "taint", m->probe.taint);
	json_u64(j, "ram_bytes", ranges_bytes(&m->ram));
	json_array(j, "ram");
	for (size_t i = 0; i < m->ram.count && buf_room(j->out) > 1024; i++) {
		json_object(j, NULL);
		json_hex(j, "start", m->ram.at[i].start);
		json_hex(j, "end", m->ram.at[i].end);
		json_object_end(j);
	}
	json_array_end(j);
	json_object_end(j);
}

static int write_layout(struct memory *m)
{
	struct sink_entry e = { .path = "memory/layout.json" };
	struct buf b;
	struct json j;
	int r = buf_open(&b, LAYOUT_MAX);

	if (r < 0)
		return r;
	json_open(&j, &b);
	put_layout(&j, m);
	r = json_end(&j);
	if (r == 0)
		r = buf_add(&b, "\n", 1);
	r = r < 0 ? sink_gap(m->sink, e.path, r, NULL) :
		    sink_put(m->sink, &e, b.data, b.len);
	buf_free(&b);
	return r;
}

static int write_vmcoreinfo(struct memory *m)
{
	struct sink_entry e = { .path = "memory/vmcoreinfo" };

	/* Where only processes are wanted nobody has looked for it. */
	if (m->vmcoreinfo == NULL && m->req->memory == MEMORY_PROCESS)
		return 0;
	if (m->vmcoreinfo == NULL)
		return sink_gap(m->sink, e.path, -ENODATA,
				"no kernel offset known from the kernel itself");
	return sink_put(m->sink, &e, m->vmcoreinfo, m->vmcoreinfo_len);
}

/* Is there a line whose address is not 0?  Those of per-CPU symbols are. */
static bool has_address(const char *text, size_t len)
{
	static const char zeros[] = "0000000000000000 ";

	while (len >= sizeof(zeros)) {
		const char *nl = memchr(text, '\n', len);

		if (memcmp(text, zeros, sizeof(zeros) - 1) != 0)
			return true;
		if (nl == NULL)
			break;
		len -= (size_t)(nl + 1 - text);
		text = nl + 1;
	}
	return false;
}

/* Hidden addresses show as zeros, and the file looks whole. */
static int check_kallsyms(struct memory *m)
{
	AUTO_CLOSE int fd = openat(m->host->proc, "kallsyms", O_RDONLY | O_CLOEXEC |
				   O_NOFOLLOW);
	AUTO_FREE char *text = malloc(COPY_CHUNK);
	char scope[8];
	ssize_t n = fd >= 0 && text != NULL ? io_read(fd, text, COPY_CHUNK) : -ENOENT;

	if (n <= 0 || has_address(text, (size_t)n))
		return 0;
	if (io_read_file(m->host->proc, "sys/kernel/kptr_restrict", scope,
			 sizeof(scope)) <= 0)
		scope[0] = '?';
	(void)sink_note(m->sink, "kallsyms", "addresses hidden: kernel.kptr_restrict is %c",
			scope[0] >= '0' && scope[0] <= '9' ? scope[0] : '?');
	return sink_gap(m->sink, "memory/proc/kallsyms", -EPERM,
			"every address is 0: kptr_restrict, or no CAP_SYSLOG");
}

int memory_files_run(struct memory *m)
{
	struct sink_entry iomem = { .path = "memory/proc/iomem" };
	const struct host *h = m->host;
	int r;

	if (m->iomem_len > 0)
		r = sink_put(m->sink, &iomem, m->iomem, m->iomem_len);
	else
		r = take_needed(m, h->proc, "iomem", iomem.path);
	if (r == 0)
		r = write_layout(m);
	if (r == 0)
		r = write_vmcoreinfo(m);
	if (r == 0)
		r = take_needed(m, h->proc, "version", "memory/proc/version");
	if (r == 0)
		r = take_needed(m, h->proc, "cmdline", "memory/proc/cmdline");
	if (r == 0)
		r = take_needed(m, h->proc, "kallsyms", "memory/proc/kallsyms");
	if (r == 0)
		r = take_needed(m, h->sys, "kernel/btf/vmlinux", "memory/sys/kernel/btf/vmlinux");
	if (r == 0)
		r = take_config(m);
	if (r == 0)
		r = take_boot(m, "System.map");
	if (r >= 0)
		r = check_kallsyms(m);
	return r < 0 ? r : 0;
}
