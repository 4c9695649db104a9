/*
 * memory_dev.c - physical memory through /dev/crash or /dev/mem.
 *
 * Opens the devices and reads one page far above the first megabyte: a kernel
 * with STRICT_DEVMEM opens /dev/mem, shows the first megabyte or zeros in its
 * place, and refuses the rest.  Whatever is no such character device is not
 * read: its content would be somebody's invention.
 */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "host.h"
#include "io.h"
#include "parse.h"
#include "procfs.h"

#define MEM_MAJOR 1u
#define MEM_MINOR 1u
#define MISC_MAJOR 10u /* /dev/crash; its minor number is in /proc/misc */
/* Below it /dev/mem may show zeros in place of memory. */
#define LOW_BYTES ((uint64_t)1 << 20)
#define PAGE_MAX_BYTES 65536u

/* The minor number of "crash" in /proc/misc.  False when there is no such driver. */
static bool find_crash(const struct host *host, unsigned *ret)
{
	char text[8192];
	ssize_t n = io_read_file(host->proc, "misc", text, sizeof(text));
	const char *rest = text, *line, *word;
	size_t left = n > 0 ? (size_t)n : 0, len, size;
	uint64_t number;

	while (procfs_line(&rest, &left, &line, &len))
		if (procfs_field(&line, &len, &word, &size) &&
		    parse_u64(word, size, 10, &number) == 0 && number <= 0xfffff &&
		    procfs_field(&line, &len, &word, &size) &&
		    size == 5 && memcmp(word, "crash", 5) == 0) {
			*ret = (unsigned)number;
			return true;
		}
	return false;
}

/* Is the file what its name says?  Opening another device may do anything. */
static bool is_device(const struct stat *st, unsigned want_major, unsigned want_minor)
{
	return S_ISCHR(st->st_mode) && major(st->st_rdev) == want_major &&
	       minor(st->st_rdev) == want_minor;
}

static ssize_t read_some(const struct memory *m, enum memory_method method, int fd,
			 uint64_t address, void *buf, size_t len)
{
	size_t left = m->page - (size_t)(address & (m->page - 1));

	/* The crash driver refuses reads that cross a page. */
	if (method == METHOD_CRASH && len > left)
		len = left;
	return memory_read_limited(m, fd, address, buf, len);
}

/* A page in the middle of the largest range; 0 when there is none to try. */
static uint64_t high_page(const struct memory *m)
{
	uint64_t best = 0, size = 0;

	for (size_t i = 0; i < m->ram.count; i++) {
		const struct range *r = &m->ram.at[i];
		uint64_t n = r->end - r->start + 1;

		if (r->start < LOW_BYTES || n < 3 * (uint64_t)m->page || n <= size)
			continue;
		size = n;
		best = (r->start + n / 2) & ~(uint64_t)(m->page - 1);
	}
	return best;
}

int memory_dev_try(struct memory *m, enum memory_method method, int fd)
{
	uint64_t page = high_page(m);
	uint8_t buf[PAGE_MAX_BYTES];
	ssize_t n;

	if (page == 0 || m->page > sizeof(buf))
		return -ENODATA;
	n = read_some(m, method, fd, page, buf, m->page);
	return n < 0 ? (int)n : (size_t)n == m->page ? 0 : -ENODATA;
}

static int open_one(struct memory *m, enum memory_method method, const char *name,
		    unsigned want_minor)
{
	unsigned want_major = method == METHOD_MEM ? MEM_MAJOR : MISC_MAJOR;
	struct stat st;
	int fd, r;

	if (fstatat(m->host->root, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!is_device(&st, want_major, want_minor))
		return -ENODEV;
	fd = openat(m->host->root, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
		    O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (method == METHOD_MEM)
		m->dev_opened = true;
	r = fstat(fd, &st) == 0 && is_device(&st, want_major, want_minor) ?
	    memory_dev_try(m, method, fd) : -ENODEV;
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

void memory_dev_open(struct memory *m)
{
	unsigned crash;

	m->dev[0] = !find_crash(m->host, &crash) ? -ENOENT :
		    open_one(m, METHOD_CRASH, "dev/crash", crash);
	m->dev[1] = open_one(m, METHOD_MEM, "dev/mem", MEM_MINOR);
}

void memory_dev_close(struct memory *m)
{
	for (unsigned i = 0; i < 2; i++) {
		if (m->dev[i] >= 0)
			(void)close(m->dev[i]);
		m->dev[i] = -ENODATA;
	}
}

ssize_t memory_dev_read(const struct memory *m, enum memory_method method,
			uint64_t address, void *buf, size_t len)
{
	return read_some(m, method, memory_pull_source(m, method), address, buf, len);
}

void memory_dev_fill(struct memory *m, enum memory_method method,
		     uint64_t address, void *buf, size_t len)
{
	struct memory_source self = { .m = m, .method = method };
	const struct memory_reader r = {
		.fd = memory_pull_source(m, method),
		.page = m->page,
		.read = memory_rescue_read,
		.bad = memory_rescue_bad,
		.arg = &self,
	};

	memory_read(&r, address, address, buf, len);
}
