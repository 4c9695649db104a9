/* memory_module.h - what a kernel module file says of itself. */
#ifndef MEMORY_MODULE_H
#define MEMORY_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_MODULE_VERMAGIC 192

struct memory_module {
	uint16_t machine; /* EM_... */
	bool is_signed;   /* a signature is appended; not checked */
	char name[64];    /* empty where modules do not carry it */
	char vermagic[MEMORY_MODULE_VERMAGIC]; /* what kernel it was built for */
	char release[128]; /* its first word */
};

/*
 * Read a module file.  0; -ENOEXEC when it is no ELF-64 module, or does not say
 * what kernel it is for.
 */
int memory_module_parse(const void *file, size_t len, struct memory_module *ret);

/* Is it for this machine's architecture? */
bool memory_module_is_native(const struct memory_module *m);

/*
 * Why the module is not for the kernel of this ${release}, and of the
 * ${version} that uname shows ("#1 SMP PREEMPT_DYNAMIC ..."; "": not known):
 * words, or NULL when it fits.  The flags are those of Linux
 * include/linux/vermagic.h and init/Makefile.
 */
const char *memory_module_misfit(const struct memory_module *m, const char *release,
				 const char *version);

#endif
