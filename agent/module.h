/* module.h - the LiME module for this kernel: given or out of a store, its signature and its kind checked. */
#ifndef MODULE_H
#define MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vault_options;

/* The store that needs no option, and the key that vouches for it. */
#define MODULE_STORE "/usr/lib/evac/kmod"
#define MODULE_KEY "/etc/evac/kmod.pub"

/* A store that does not answer costs no more. */
#define MODULE_WAIT_MS 10000

#define MODULE_WHY_MAX 640

/* What was asked for; each may be NULL. */
struct module_options {
	const char *file;  /* the module itself; a store is not looked at then */
	const char *key;   /* a public key of minisign, or a file that has it */
	const char *store; /* kmod_store.h; looked into beside MODULE_STORE */
};

struct module {
	void *data;        /* NULL: none is to be loaded, and ${why} says so */
	size_t len;
	char name[256];    /* of its file, without directories */
	char from[400];    /* "given, not signed: ...", "store ..., signature good, ..." */
	char why[MODULE_WHY_MAX];
	bool verified;     /* a key vouches for it */
};

/* For which kernel, and what else decides: module_here(). */
struct module_place {
	const char *release, *version; /* as uname() has them */
	const char *local_store, *key_file; /* MODULE_STORE, MODULE_KEY */
	const struct vault_options *how; /* a remote store is reached; or NULL */
	int64_t end_ms;    /* CLOCK_MONOTONIC: a remote store must have answered */
};

/* Is there a file or a store to look at? */
bool module_expected(const struct module_options *o);

/*
 * Find, read and check the module for the kernel that runs, without loading
 * it.  A directory of the host is looked into before a network.  A key that is
 * there, given or at its place, must have signed the module, and its trusted
 * comment must name this kernel; out of a store it must also be what the signed
 * index says.  0, with a module or without; a negative errno when a file that
 * was named cannot be read or a key is none, and ${why} says which.
 * module_free() is due either way.
 */
int module_load(struct module *ret, const struct module_options *o,
		const struct vault_options *how, int64_t end_ms);

/* The same for any kernel and place. */
int module_find(struct module *ret, const struct module_options *o,
		const struct module_place *at);

void module_free(struct module *m);

#endif
