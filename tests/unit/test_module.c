/* test_module.c - which LiME module is taken, and what its signature must be. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "io.h"
#include "minisign.h"
#include "module.h"
#include "temp.h"

#if defined(__x86_64__)
#define STORED "lime-amd64-6.1.0-test.ko"
#else
#define STORED "lime-arm64-6.1.0-test.ko"
#endif

static struct temp dir;
static struct minisign_key key, other;
static char path[512], text[MINISIGN_PUBLIC_TEXT], key_file[512];

static const char *in(const char *name)
{
	(void)snprintf(path, sizeof(path), "%s/%s", dir.path, name);
	return path;
}

static void put(const char *name, const char *data)
{
	int fd = openat(dir.fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || io_write(fd, data, strlen(data)) < 0)
		abort();
	(void)close(fd);
}

static void put_signature(const char *name, const struct minisign_key *by,
			  const char *data)
{
	char sig[MINISIGN_FILE_MAX], file[256];

	if (minisign_sign(by, data, strlen(data), "module", sig, sizeof(sig)) < 0)
		abort();
	(void)snprintf(file, sizeof(file), "%s.minisig", name);
	put(file, sig);
}

static struct module m;

static int find(const struct module_options *o)
{
	module_free(&m);
	return module_find(&m, o, "6.1.0-test", key_file);
}

/* Refused, and the words say ${why}. */
static bool refused(const char *why)
{
	if (m.data == NULL && strstr(m.why, why) != NULL)
		return true;
	printf("# %s, why: %s\n", m.data != NULL ? "taken" : "not taken", m.why);
	return false;
}

static void test_given(void)
{
	char file[512];
	struct module_options o = { .file = file };

	(void)snprintf(file, sizeof(file), "%s", in("lime.ko"));
	CHECK(find(&o) == -ENOENT && refused("--lime"), "a file that is not there");
	put("lime.ko", "MODULE");
	CHECK(find(&o) == 0 && m.len == 6 && memcmp(m.data, "MODULE", 6) == 0 &&
	      strcmp(m.name, "lime.ko") == 0 && strstr(m.from, "not checked") != NULL,
	      "without a key it is taken and said to be unchecked");
	o.key = text;
	CHECK(find(&o) == 0 && refused("signature"), "with a key, no signature");
	put_signature("lime.ko", &other, "MODULE");
	CHECK(find(&o) == 0 && refused("signature"), "signed by another key");
	put_signature("lime.ko", &key, "MODULE");
	CHECK(find(&o) == 0 && m.data != NULL && strstr(m.from, "signature good") != NULL,
	      "signed by the key");
	put("lime.ko", "MODULF");
	CHECK(find(&o) == 0 && refused("signature"), "changed after that");
	put("lime.ko.minisig", "garbage");
	CHECK(find(&o) == 0 && refused("signature"), "a signature that is none");
	o.key = "RWnonsense";
	CHECK(find(&o) < 0 && refused("--lime-key"), "a key that is none");
}

static void test_store(void)
{
	char file[512];
	struct module_options o = { .store = dir.path };

	CHECK(find(&o) == 0 && refused("no module for this kernel"), "not in the store");
	put(STORED, "STORED");
	CHECK(find(&o) == 0 && refused("no key"), "in the store, and no key at all");
	put("kmod.pub", text);
	CHECK(find(&o) == 0 && refused("signature"), "the key at its place, no signature");
	put_signature(STORED, &key, "STORED");
	CHECK(find(&o) == 0 && m.len == 6 && strcmp(m.name, STORED) == 0 &&
	      strstr(m.from, "store, signature good") != NULL, "signed");
	put("kmod.pub", "garbage");
	CHECK(find(&o) == 0 && refused(key_file), "the key at its place is none");
	o.key = text;
	CHECK(find(&o) == 0 && m.data != NULL, "a key that was given goes first");
	module_free(&m);
	CHECK(module_find(&m, &o, "../" STORED, key_file) == 0 && refused("no file name"),
	      "a release that leads elsewhere");
	(void)snprintf(file, sizeof(file), "%s", in("nowhere"));
	o.store = file;
	CHECK(find(&o) == -ENOENT && refused("--lime-store"), "a store that is not there");
}

int main(void)
{
	if (sodium_init() < 0)
		abort();
	temp_open(&dir);
	minisign_keygen(&key);
	minisign_keygen(&other);
	minisign_public_text(&key.public, text);
	(void)snprintf(key_file, sizeof(key_file), "%s", in("kmod.pub"));
	test_given();
	test_store();
	module_free(&m);
	temp_close(&dir);
	return CHECK_DONE();
}
