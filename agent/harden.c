/*
 * harden.c - what the process does for its own safety.
 */
#include "harden.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "scope.h"

/* Where the linker put the ELF header; in a static-pie that is the load base. */
extern const char __ehdr_start[] __attribute__((visibility("hidden"), weak));

static void protect_relro(void)
{
	const Elf64_Phdr *ph = (const Elf64_Phdr *)getauxval(AT_PHDR);
	unsigned long count = getauxval(AT_PHNUM), page = getauxval(AT_PAGESZ);

	if (__ehdr_start == NULL || ph == NULL || page == 0)
		return;
	for (unsigned long i = 0; i < count; i++) {
		uintptr_t begin, end;

		if (ph[i].p_type != PT_GNU_RELRO)
			continue;
		begin = (uintptr_t)__ehdr_start + ph[i].p_vaddr;
		end = (begin + ph[i].p_memsz) & ~(uintptr_t)(page - 1);
		begin &= ~(uintptr_t)(page - 1);
		if (begin < end)
			(void)mprotect((void *)begin, end - begin, PROT_READ);
	}
}

void harden_process(void)
{
	const struct rlimit none = { 0, 0 };

	protect_relro();
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void harden_priority(void)
{
	if (getpriority(PRIO_PROCESS, 0) > HARDEN_NICE)
		(void)setpriority(PRIO_PROCESS, 0, HARDEN_NICE);
}

int harden_oom(int *ret_before)
{
	AUTO_CLOSE int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	char text[16];
	ssize_t n;
	int len;

	if (fd < 0)
		return -errno;
	n = pread(fd, text, sizeof(text) - 1, 0);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	*ret_before = (int)strtol(text, NULL, 10);
	if (*ret_before <= HARDEN_OOM_ADJ)
		return 0;
	len = snprintf(text, sizeof(text), "%d", HARDEN_OOM_ADJ);
	return pwrite(fd, text, (size_t)len, 0) < 0 ? -errno : 0;
}
