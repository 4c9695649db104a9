/* module.h - the LiME module for this kernel: given or out of a store, its signature checked. */
#ifndef MODULE_H
#define MODULE_H

#include <stdbool.h>
#include <stddef.h>

/* The store that needs no option, and the key that vouches for it. */
#define MODULE_STORE "/usr/lib/evac/kmod"
#define MODULE_KEY "/etc/evac/kmod.pub"

/* What was asked for; each may be NULL. */
struct module_options {
	const char *file;  /* the module itself; a store is not looked at then */
	const char *key;   /* a public key of minisign, or a file that has it */
	const char *store; /* directory of lime-ARCH-RELEASE.ko; NULL: MODULE_STORE */
};

struct module {
	void *data;        /* NULL: none is to be loaded, and ${why} says so */
	size_t len;
	char name[256];    /* of its file, without directories */
	char from[160];    /* "given, signature not checked", ... */
	char why[400];
};

/* Is there a file or a store to look at? */
bool module_expected(const struct module_options *o);

/*
 * Find, read and check the module for the kernel that runs.  Nothing but
 * signatures is checked of its content.  0, with a module or without; a
 * negative errno when a file that was named cannot be read or a key is none,
 * and ${why} says which.  module_free() is due either way.
 */
int module_load(struct module *ret, const struct module_options *o);

/* The same for the kernel ${release}, with ${key_file} in place of MODULE_KEY. */
int module_find(struct module *ret, const struct module_options *o,
		const char *release, const char *key_file);

void module_free(struct module *m);

#endif
