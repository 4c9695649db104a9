/* test_module.c - which LiME module is taken, and what its signature and its store's index must say. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"
#include "collector.h"
#include "digest.h"
#include "io.h"
#include "kmod_index.h"
#include "kofile.h"
#include "minisign.h"
#include "module_fetch.h"
#include "parse.h"
#include "temp.h"
#include "vault.h"

#define RELEASE "6.1.0-test"
#define VERSION "#1 SMP PREEMPT_DYNAMIC Debian 6.1.1-1"
#define VERMAGIC RELEASE " SMP preempt mod_unload modversions "
#define STORED "lime-" KOFILE_ARCH "-" RELEASE ".ko"
#define COMMENT "evac kmod module=" STORED " size=1"
#define MODINFO "license=GPL\0name=lime\0vermagic=" VERMAGIC

static struct temp dir;
static struct minisign_key key, other;
static char path[512], text[MINISIGN_PUBLIC_TEXT], key_file[512];
static uint8_t ko[1024];
static size_t ko_len;

static const char *in(const char *name)
{
	(void)snprintf(path, sizeof(path), "%s/%s", dir.path, name);
	return path;
}

static void put(const char *name, const void *data, size_t len)
{
	int fd = openat(dir.fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || io_write(fd, data, len) < 0)
		abort();
	(void)close(fd);
}

static void put_signature(const char *name, const struct minisign_key *by, const void *data,
			  size_t len, const char *comment)
{
	char sig[MINISIGN_FILE_MAX], file[300];

	if (minisign_sign(by, data, len, comment, sig, sizeof(sig)) < 0)
		abort();
	(void)snprintf(file, sizeof(file), "%s.minisig", name);
	put(file, sig, strlen(sig));
}

static struct module m;
static struct module_place at = {
	.release = RELEASE, .version = VERSION, .local_store = "/nowhere", .key_file = key_file,
};

static int find(const struct module_options *o)
{
	module_free(&m);
	return module_find(&m, o, &at);
}

/* Refused, and the words say ${why}. */
static bool refused(const char *why)
{
	if (m.data == NULL && !m.verified && strstr(m.why, why) != NULL)
		return true;
	printf("# %s, why: %s\n", m.data != NULL ? "taken" : "not taken", m.why);
	return false;
}

static bool taken(const char *name, const char *from)
{
	if (m.data != NULL && m.len == ko_len && memcmp(m.data, ko, ko_len) == 0 &&
	    strcmp(m.name, name) == 0 && strstr(m.from, from) != NULL)
		return true;
	printf("# %s, from: %s, why: %s\n", m.data != NULL ? "taken" : "not taken", m.from, m.why);
	return false;
}

static void test_given(void)
{
	char file[512];
	struct module_options o = { .file = file };

	(void)snprintf(file, sizeof(file), "%s", in("lime.ko"));
	CHECK(find(&o) == -ENOENT && refused("--lime"), "a file that is not there");
	put("lime.ko", ko, ko_len);
	CHECK(find(&o) == 0 && taken("lime.ko", "unsigned") && !m.verified,
	      "without a key it is taken and said to be unsigned");
	o.key = text;
	CHECK(find(&o) == 0 && refused("signature"), "with a key, no signature");
	put_signature("lime.ko", &other, ko, ko_len, COMMENT);
	CHECK(find(&o) == 0 && refused("signature"), "signed by another key");
	put_signature("lime.ko", &key, ko, ko_len, "evac kmod module=lime-"
		      KOFILE_ARCH "-6.1.0-other.ko size=1");
	CHECK(find(&o) == 0 && refused("something else"), "signed for another kernel");
	put_signature("lime.ko", &key, ko, ko_len, "evac ticket case=1");
	CHECK(find(&o) == 0 && refused("something else"), "signed for another purpose");
	put_signature("lime.ko", &key, ko, ko_len, COMMENT);
	CHECK(find(&o) == 0 && taken("lime.ko", "signature good") && m.verified, "signed by the key");
	put("lime.ko", "MODULF", 6);
	CHECK(find(&o) == 0 && refused("signature"), "changed after that");
	put("lime.ko.minisig", "garbage", 7);
	CHECK(find(&o) == 0 && refused("signature"), "a signature that is none");
	put("kmod.pub", text, strlen(text));
	o.key = NULL;
	CHECK(find(&o) == 0 && refused("signature"), "a key at its place counts as one that is given");
	o.key = "RWnonsense";
	CHECK(find(&o) < 0 && refused("--lime-key"), "a key that is none");
	(void)unlinkat(dir.fd, "kmod.pub", 0);
}

/* An index of one module as it should be, with one text replaced. */
static void put_index(const char *what, const char *with, const struct minisign_key *by)
{
	static const char format[] = "{\"evac_kmod\":1,\"modules\":[{\"file\":\"" STORED
		"\",\"arch\":\"" KOFILE_ARCH "\",\"release\":\"" RELEASE "\",\"vermagic\":\"" VERMAGIC
		"\",\"size\":%zu,\"sha256\":\"%s\",\"lime\":\"1.12.0-1\"}]}";
	char index[2048], out[2048], hex[65], *found;
	uint8_t sha256[32];

	if (digest_memory(ko, ko_len, sha256) < 0)
		abort();
	parse_to_hex(hex, sha256, 32);
	(void)snprintf(index, sizeof(index), format, ko_len, hex);
	found = what != NULL ? strstr(index, what) : NULL;
	if (what != NULL && found == NULL)
		abort();
	if (found != NULL)
		(void)snprintf(out, sizeof(out), "%.*s%s%s", (int)(found - index), index, with,
			       found + strlen(what));
	else
		(void)snprintf(out, sizeof(out), "%s", index);
	put("index.json", out, strlen(out));
	put_signature("index.json", by, out, strlen(out), "evac kmod index modules=1");
}

static void test_index(const struct module_options *o)
{
	static const struct {
		const char *what, *with, *why;
	} lies[] = {
		{ RELEASE "\",\"vermagic", "6.1.0-other\",\"vermagic", "none of its 1 modules" },
		{ "\"arch\":\"" KOFILE_ARCH, "\"arch\":\"" KOFILE_OTHER_ARCH, "none of its 1 modules" },
		{ "\"file\":\"lime", "\"file\":\"../lime", "cannot be" },
		{ "\"sha256\":\"", "\"sha256\":\"g", "cannot be" },
		{ "\"size\":", "\"size\":-", "cannot be" },
		{ "\"size\":", "\"size\":9999999", "cannot be" },
		{ "\"size\":", "\"size\":1", "size" },
		{ "preempt mod", "preempt_rt mod", "vermagic" },
		{ "\"evac_kmod\":1", "\"evac_kmod\":2", "newer evac" },
		{ "\"modules\":[", "\"modules\":{", "no JSON" },
		{ "\"modules\"", "\"moduls\"", "no index" },
	};
	char hex[65], bad[65];
	uint8_t sha256[32];

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		put_index(lies[i].what, lies[i].with, &key);
		CHECK(find(o) == 0 && refused(lies[i].why), "a signed index with %s", lies[i].with);
	}
	(void)digest_memory(ko, ko_len, sha256);
	parse_to_hex(hex, sha256, 32);
	memcpy(bad, hex, sizeof(bad));
	bad[5] = bad[5] == '0' ? '1' : '0';
	put_index(hex, bad, &key);
	CHECK(find(o) == 0 && refused("SHA-256"), "another digest than the module's");
	put_index(NULL, NULL, &other);
	CHECK(find(o) == 0 && refused("index.json"), "an index that another key signed");
	put_signature("index.json", &key, "x", 1, "evac kmod index modules=1");
	CHECK(find(o) == 0 && refused("index.json"), "an index that was changed");
	put_index(NULL, NULL, &key);
	CHECK(find(o) == 0 && taken(STORED, "sha256"), "the index as it should be");
}

static void test_store(void)
{
	struct module_options o = { .store = dir.path };
	uint8_t elsewhere[1024];
	size_t len;

	CHECK(find(&o) == 0 && refused("no key"), "a store, and no key at all");
	put("kmod.pub", text, strlen(text));
	CHECK(find(&o) == 0 && refused("index.json"), "the key at its place, no index");
	put_index(NULL, NULL, &key);
	CHECK(find(&o) == 0 && refused(STORED), "in the index, but not there");
	put(STORED, ko, ko_len);
	put_signature(STORED, &other, ko, ko_len, COMMENT);
	CHECK(find(&o) == 0 && refused("signature"), "signed by another key");
	put_signature(STORED, &key, ko, ko_len, COMMENT);
	CHECK(find(&o) == 0 && taken(STORED, "signature good, LiME 1.12.0-1, sha256") && m.verified,
	      "signed");
	test_index(&o);
	at.version = "#1 SMP Debian 6.1.1-1";
	CHECK(find(&o) == 0 && refused("another build"), "another build of the same release");
	at.version = VERSION;
	put("kmod.pub", "garbage", 7);
	CHECK(find(&o) == 0 && refused(key_file), "the key at its place is none");
	o.key = text;
	CHECK(find(&o) == 0 && m.data != NULL, "a key that was given goes first");
	at.release = "../" RELEASE;
	CHECK(find(&o) == 0 && refused("no file name"), "a release that leads elsewhere");
	at.release = RELEASE;
	len = kofile_make(elsewhere, KOFILE_OTHER, MODINFO, sizeof(MODINFO));
	put(STORED, elsewhere, len);
	put_signature(STORED, &key, elsewhere, len, COMMENT);
	CHECK(find(&o) == 0 && refused("SHA-256"), "another module under its name, signed");
	put(STORED, ko, ko_len);
	put_signature(STORED, &key, ko, ko_len, COMMENT);
	o.store = "/nowhere/at/all";
	CHECK(find(&o) == -ENOENT && refused("--lime-store"), "a store that is not there");
}

/* The host's own store, and one of the network that nobody serves. */
static void test_places(void)
{
	struct module_options o = { .key = text };
	static const struct vault_options how;
	struct collector_request req = { .memory = MEMORY_AUTO };
	struct module_fetch *f;
	int64_t begun = clock_now_ms();

	at.local_store = dir.path;
	CHECK(find(&o) == 0 && taken(STORED, "store"), "the store that needs no option");
	o.store = "https://127.0.0.1:9/kmod";
	CHECK(find(&o) == 0 && taken(STORED, "store /"), "goes before one of the network");
	at.local_store = "/nowhere";
	at.end_ms = begun + 3000;
	at.how = &how;
	CHECK(find(&o) == 0 && refused("127.0.0.1"), "nobody serves that one");
	o.store = "https://127.0.0.1:9/kmod?Signature=secret";
	CHECK(find(&o) == 0 && strstr(m.why, "secret") == NULL, "what may be secret is not said");
	module_free(&m);
	module_fetch_start(&f, &o, &how, 20);
	module_fetch_end(&f, &m, &req);
	CHECK(f == NULL && refused("module store") && req.lime == NULL && req.lime_why == m.why,
	      "the same in a thread");
	o.file = "/dev/null";
	module_fetch_start(&f, &o, &how, 20);
	module_fetch_end(&f, &m, &req);
	CHECK(refused("--lime /dev/null"), "and a file that is none");
	CHECK(clock_now_ms() - begun < 10000, "in bounded time");
}

int main(void)
{
	if (sodium_init() < 0)
		abort();
	temp_open(&dir);
	minisign_keygen(&key);
	minisign_keygen(&other);
	minisign_public_text(&key.public, text);
	ko_len = kofile_make(ko, KOFILE_MACHINE, MODINFO, sizeof(MODINFO));
	(void)snprintf(key_file, sizeof(key_file), "%s", in("kmod.pub"));
	test_given();
	test_store();
	test_places();
	module_free(&m);
	temp_close(&dir);
	return CHECK_DONE();
}
