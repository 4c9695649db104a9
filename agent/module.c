/*
 * module.c - the LiME module for this kernel, its signature and its kind checked.
 *
 * Reads the module, FILE.minisig beside it, a store's index and a public key,
 * each whole and once: what was verified is what is loaded.  A module that a
 * key does not vouch for, or not for this kernel, is refused, and why is kept
 * for the manifest.  Without a key a module that was named is taken as it is,
 * and that is said; out of a store it is not.
 */
#include "module.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "digest.h"
#include "io.h"
#include "kmod_index.h"
#include "kmod_store.h"
#include "memory_module.h"
#include "minisign.h"
#include "parse.h"
#include "quote.h"

#if defined(__x86_64__)
#define ARCH "amd64"
#else
#define ARCH "arm64"
#endif

#define INDEX "index.json"

/* Something signed, in memory. */
struct signed_file {
	void *data;
	size_t len;
};

void module_free(struct module *m)
{
	free(m->data);
	m->data = NULL;
	m->len = 0;
}

/* No module, for a reason; more of them when several places were looked into. */
static int refuse(struct module *m, const char *what, const char *why)
{
	size_t len = strlen(m->why);

	module_free(m);
	(void)snprintf(m->why + len, sizeof(m->why) - len, "%s%s: %s", len > 0 ? "; " : "", what,
		       why);
	return 0;
}

static void set_name(struct module *m, const char *path)
{
	const char *slash = strrchr(path, '/');

	(void)snprintf(m->name, sizeof(m->name), "%.255s", slash != NULL ? slash + 1 : path);
}

/* Did ${key} sign these bytes for this purpose?  0, or -EKEYREJECTED and why. */
static int check_signature(const struct signed_file *f, const struct signed_file *sig_text,
			   const struct minisign_public *key, const char *purpose,
			   char error[MINISIGN_ERROR_MAX])
{
	struct minisign_signature sig;

	if (minisign_parse_signature(sig_text->data, sig_text->len, &sig, error) < 0 ||
	    minisign_verify(key, &sig, f->data, f->len, error) < 0)
		return -EKEYREJECTED;
	/* The key may sign other things, and modules for other kernels. */
	if (strncmp(sig.comment, purpose, strlen(purpose)) == 0)
		return 0;
	(void)snprintf(error, MINISIGN_ERROR_MAX, "it was signed for something else: \"%.80s\"",
		       sig.comment);
	return -EKEYREJECTED;
}

/* What the trusted comment of this kernel's module begins with. */
static int purpose_of(const struct module_place *at, char ret[KMOD_FILE_MAX + 32])
{
	char file[KMOD_FILE_MAX];
	int r = kmod_index_name(ARCH, at->release, file);

	if (r == 0)
		(void)snprintf(ret, KMOD_FILE_MAX + 32, "evac kmod module=%s ", file);
	return r;
}

/* The key that was given, or the one at its place.  0; 1: there is none. */
static int load_key(struct module *m, const char *given, const char *file,
		    struct minisign_public *ret)
{
	char error[MINISIGN_ERROR_MAX];
	int r;

	if (given == NULL && faccessat(AT_FDCWD, file, F_OK, 0) < 0)
		return 1;
	r = minisign_load_public(given != NULL ? given : file, ret, error);
	if (r < 0)
		(void)refuse(m, given != NULL ? "--lime-key" : file, error);
	return r;
}

/* ${name} and ${name}.minisig of the store, verified.  0; else why is noted. */
static int get_signed(struct module *m, struct kmod_store *s, const char *name, size_t max,
		      const struct minisign_public *key, const char *purpose,
		      const struct module_place *at, struct signed_file *ret)
{
	char error[KMOD_STORE_ERROR_MAX], text[KMOD_STORE_ERROR_MAX + 300];
	char sig_name[KMOD_FILE_MAX + 16];
	struct signed_file sig = { 0 };
	int r;

	(void)snprintf(sig_name, sizeof(sig_name), "%s.minisig", name);
	r = kmod_store_get(s, sig_name, MINISIGN_FILE_MAX, at->end_ms, &sig.data, &sig.len, error);
	if (r < 0) {
		(void)snprintf(text, sizeof(text), "%s: %s", sig_name, error);
		(void)refuse(m, "module store", text);
		return r;
	}
	r = kmod_store_get(s, name, max, at->end_ms, &ret->data, &ret->len, error);
	if (r == 0)
		r = check_signature(ret, &sig, key, purpose, error);
	if (r < 0) {
		(void)snprintf(text, sizeof(text), "%s: %s", name, error);
		(void)refuse(m, r == -EKEYREJECTED ? "module's signature" : "module store", text);
		free(ret->data);
		ret->data = NULL;
	}
	free(sig.data);
	return r;
}

/* Is the file what the index says, and for this kernel?  Words, or NULL. */
static const char *differs(const struct signed_file *f, const struct kmod_entry *e,
			   const struct module_place *at)
{
	struct memory_module mod;
	uint8_t sha256[DIGEST_BYTES];

	if (f->len != e->size)
		return "it has not the size that the index says";
	if (digest_memory(f->data, f->len, sha256) < 0 || memcmp(sha256, e->sha256, 32) != 0)
		return "it has not the SHA-256 that the index says";
	if (memory_module_parse(f->data, f->len, &mod) < 0)
		return "it is no kernel module";
	if (!memory_module_is_native(&mod))
		return "module for another architecture";
	if (strcmp(mod.vermagic, e->vermagic) != 0)
		return "its vermagic is not what the index says";
	return memory_module_misfit(&mod, at->release, at->version);
}

static void describe(struct module *m, const char *where, const struct kmod_entry *e)
{
	char text[160], hex[65];

	kmod_store_text(where, text, sizeof(text));
	parse_to_hex(hex, e->sha256, 32);
	(void)snprintf(m->from, sizeof(m->from), "store %s, signature good, LiME %s, sha256 %s",
		       text, e->lime, hex);
}

/* By the store's index.  0, with a module or a reason. */
static int take_stored(struct module *m, struct kmod_store *s, const char *where,
		       const struct minisign_public *key, const struct module_place *at)
{
	char purpose[KMOD_FILE_MAX + 32], error[KMOD_INDEX_ERROR_MAX];
	struct signed_file index = { 0 }, file = { 0 };
	struct kmod_entry e;
	const char *why;
	size_t count;
	int r;

	if (purpose_of(at, purpose) < 0)
		return refuse(m, "module store", "the kernel's release is no file name");
	r = get_signed(m, s, INDEX, KMOD_INDEX_MAX, key, "evac kmod index ", at, &index);
	if (r < 0)
		return r;
	r = kmod_index_find(index.data, index.len, ARCH, at->release, &e, &count, error);
	free(index.data);
	if (r < 0)
		return refuse(m, r == -ENOENT ? "no module for this kernel in the store" :
			      "module store's index", error);
	set_name(m, e.file);
	r = get_signed(m, s, e.file, (size_t)e.size, key, purpose, at, &file);
	if (r < 0)
		return r;
	why = differs(&file, &e, at);
	m->data = file.data;
	m->len = file.len;
	if (why != NULL)
		return refuse(m, e.file, why);
	m->verified = true;
	describe(m, where, &e);
	return 0;
}

static int try_store(struct module *m, const char *where, const struct minisign_public *key,
		     const struct module_place *at)
{
	char error[KMOD_STORE_ERROR_MAX], text[160];
	struct kmod_store *s;
	int r = kmod_store_open(&s, where, at->how, error);

	if (r < 0) {
		kmod_store_text(where, text, sizeof(text));
		return refuse(m, text, error);
	}
	(void)take_stored(m, s, where, key, at);
	kmod_store_close(s);
	return 0;
}

static bool is_directory(const char *path)
{
	return faccessat(AT_FDCWD, path, X_OK, 0) == 0;
}

/* The directories of the host first: they are near and leave no trace outside. */
static int find_stored(struct module *m, const struct module_options *o,
		       const struct module_place *at)
{
	bool remote = o->store != NULL && kmod_store_is_remote(o->store);
	struct minisign_public key;
	int r;

	if (o->store != NULL && !remote && !is_directory(o->store)) {
		r = -errno;
		(void)refuse(m, "--lime-store", strerror(-r));
		return r;
	}
	r = load_key(m, o->key, at->key_file, &key);
	if (r == 1)
		return refuse(m, "module store", "no key to check signatures with");
	/* Only what was named on the command line is a mistake of its writer. */
	if (r < 0)
		return o->key != NULL ? r : 0;
	if (o->store != NULL && !remote)
		(void)try_store(m, o->store, &key, at);
	if (m->data == NULL && is_directory(at->local_store))
		(void)try_store(m, at->local_store, &key, at);
	if (m->data == NULL && remote)
		(void)try_store(m, o->store, &key, at);
	return 0;
}

/* Does ${key} vouch for the module that was named?  0 either way. */
static int check_given(struct module *m, const char *path, const struct minisign_public *key,
		       const struct module_place *at)
{
	char name[4096 + 16], purpose[KMOD_FILE_MAX + 32], error[MINISIGN_ERROR_MAX];
	const struct signed_file file = { m->data, m->len };
	struct signed_file sig = { 0 };
	int r;

	(void)snprintf(name, sizeof(name), "%s.minisig", path);
	r = io_load(AT_FDCWD, name, MINISIGN_FILE_MAX, &sig.data, &sig.len);
	if (r < 0)
		return refuse(m, "module's signature", strerror(-r));
	if (purpose_of(at, purpose) < 0)
		r = refuse(m, "module", "the kernel's release is no file name");
	else if (check_signature(&file, &sig, key, purpose, error) < 0)
		r = refuse(m, "module's signature", error);
	free(sig.data);
	if (m->data == NULL)
		return r;
	m->verified = true;
	(void)snprintf(m->from, sizeof(m->from), "given, signature good");
	return 0;
}

static int find_given(struct module *m, const struct module_options *o,
		      const struct module_place *at)
{
	char shown[200], text[200];
	struct minisign_public key;
	int r = io_load(AT_FDCWD, o->file, KMOD_MODULE_MAX, &m->data, &m->len);

	if (r < 0) {
		(void)snprintf(text, sizeof(text), "--lime %.160s",
			       quote_text(shown, sizeof(shown), o->file));
		(void)refuse(m, text, strerror(-r));
		return r;
	}
	set_name(m, o->file);
	r = load_key(m, o->key, at->key_file, &key);
	if (r == 1) {
		(void)snprintf(m->from, sizeof(m->from),
			       "given, unsigned: there is no key to check it with");
		return 0;
	}
	return r == 0 ? check_given(m, o->file, &key, at) : r;
}

bool module_expected(const struct module_options *o)
{
	return o->file != NULL || o->store != NULL || is_directory(MODULE_STORE);
}

int module_find(struct module *ret, const struct module_options *o,
		const struct module_place *at)
{
	int r = 0;

	*ret = (struct module){ .data = NULL };
	if (o->file != NULL)
		r = find_given(ret, o, at);
	else if (o->store != NULL || is_directory(at->local_store))
		r = find_stored(ret, o, at);
	if (ret->data != NULL)
		ret->why[0] = '\0';
	else if (ret->why[0] == '\0')
		(void)snprintf(ret->why, sizeof(ret->why), "no module given");
	return r;
}

int module_load(struct module *ret, const struct module_options *o,
		const struct vault_options *how, int64_t end_ms)
{
	struct utsname u;
	struct module_place at = {
		.release = u.release, .version = u.version, .local_store = MODULE_STORE,
		.key_file = MODULE_KEY, .how = how, .end_ms = end_ms,
	};

	if (uname(&u) < 0)
		u.release[0] = u.version[0] = '\0';
	return module_find(ret, o, &at);
}
