/*
 * module.c - the LiME module for this kernel, its signature checked.
 *
 * Reads the module, FILE.minisig beside it and a public key, each whole and
 * once: what was verified is what is loaded.  A module that a key does not
 * vouch for is refused, and why is kept for the manifest.  Without a key a
 * module that was named is taken as it is; out of a store it is not.
 */
#include "module.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "io.h"
#include "minisign.h"
#include "quote.h"
#include "scope.h"

#define MODULE_MAX (16u << 20)

#if defined(__x86_64__)
#define ARCH "amd64"
#else
#define ARCH "arm64"
#endif

void module_free(struct module *m)
{
	free(m->data);
	m->data = NULL;
	m->len = 0;
}

/* No module, for a reason.  0. */
static int refuse(struct module *m, const char *what, const char *why)
{
	module_free(m);
	(void)snprintf(m->why, sizeof(m->why), "%s: %s", what, why);
	return 0;
}

static void set_name(struct module *m, const char *path)
{
	const char *slash = strrchr(path, '/');

	(void)snprintf(m->name, sizeof(m->name), "%.255s", slash != NULL ? slash + 1 : path);
}

/* Does ${key} vouch for the module that was read from ${path}?  0 either way. */
static int check(struct module *m, const char *path, const struct minisign_public *key,
		 const char *from)
{
	char name[4096 + 16], error[MINISIGN_ERROR_MAX];
	struct minisign_signature sig;
	AUTO_FREE void *text = NULL;
	size_t len;
	int r;

	(void)snprintf(name, sizeof(name), "%s.minisig", path);
	r = io_load(AT_FDCWD, name, MINISIGN_FILE_MAX, &text, &len);
	if (r < 0)
		return refuse(m, "module's signature", strerror(-r));
	if (minisign_parse_signature(text, len, &sig, error) < 0 ||
	    minisign_verify(key, &sig, m->data, m->len, error) < 0)
		return refuse(m, "module's signature", error);
	(void)snprintf(m->from, sizeof(m->from), "%s, signature good", from);
	return 0;
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
		(void)snprintf(m->why, sizeof(m->why), "%s: %s",
			       given != NULL ? "--lime-key" : file, error);
	return r;
}

static int load_given(struct module *m, const struct module_options *o)
{
	struct minisign_public key;
	char shown[200];
	int r = io_load(AT_FDCWD, o->file, MODULE_MAX, &m->data, &m->len);

	if (r < 0) {
		(void)snprintf(m->why, sizeof(m->why), "--lime %.160s: %s",
			       quote_text(shown, sizeof(shown), o->file), strerror(-r));
		return r;
	}
	set_name(m, o->file);
	if (o->key == NULL) {
		(void)snprintf(m->from, sizeof(m->from), "given, signature not checked");
		return 0;
	}
	r = load_key(m, o->key, NULL, &key);
	if (r < 0)
		module_free(m);
	return r < 0 ? r : check(m, o->file, &key, "given");
}

static int load_stored(struct module *m, const struct module_options *o,
		       const char *release, const char *key_file)
{
	const char *store = o->store != NULL ? o->store : MODULE_STORE;
	struct minisign_public key;
	char path[4096];
	int r, n;

	if (release[0] == '\0' || strchr(release, '/') != NULL)
		return refuse(m, "module store", "the kernel's release is no file name");
	n = snprintf(path, sizeof(path), "%s/lime-%s-%s.ko", store, ARCH, release);
	if (n < 0 || (size_t)n >= sizeof(path))
		return refuse(m, "module store", "its name is too long");
	set_name(m, path);
	r = io_load(AT_FDCWD, path, MODULE_MAX, &m->data, &m->len);
	if (r == -ENOENT)
		return refuse(m, "no module for this kernel in the store", m->name);
	if (r < 0)
		return refuse(m, "module store", strerror(-r));
	r = load_key(m, o->key, key_file, &key);
	if (r == 1)
		return refuse(m, "module store", "no key to check signatures with");
	if (r == 0)
		return check(m, path, &key, "store");
	module_free(m);
	/* Only what was named on the command line is a mistake of its writer. */
	return o->key != NULL ? r : 0;
}

bool module_expected(const struct module_options *o)
{
	return o->file != NULL || o->store != NULL ||
	       faccessat(AT_FDCWD, MODULE_STORE, F_OK, 0) == 0;
}

int module_find(struct module *ret, const struct module_options *o,
		const char *release, const char *key_file)
{
	*ret = (struct module){ .why = "no module given" };
	if (o->file != NULL)
		return load_given(ret, o);
	if (!module_expected(o))
		return 0;
	if (o->store != NULL && faccessat(AT_FDCWD, o->store, X_OK, 0) < 0) {
		int r = -errno;

		(void)snprintf(ret->why, sizeof(ret->why), "--lime-store: %s",
			       strerror(-r));
		return r;
	}
	return load_stored(ret, o, release, key_file);
}

int module_load(struct module *ret, const struct module_options *o)
{
	struct utsname u;

	if (uname(&u) < 0)
		u.release[0] = '\0';
	return module_find(ret, o, u.release, MODULE_KEY);
}
