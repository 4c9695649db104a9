/* evac verify: every object that was changed, renamed, lost or added is named. */
#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "collection.h"
#include "collection_maker.h"

#define VOLATILE "0000-volatile.tar.zst.age"
#define MEMORY "0001-memory.tar.zst.age"
#define LOGS "0002-logs.tar.zst.age"

static struct maker m;
static char output[65536];

/* A good collection of three segments. */
static void make(void)
{
	static const struct maker_entry entries[] = {
		{ .path = "processes.ndjson", .data = "{}\n" },
		{ .path = "files/var/log/syslog", .data = "hello\n" },
	};

	maker_open(&m);
	maker_segment(&m, "volatile", entries, 1);
	maker_segment(&m, "memory", entries, 2);
	maker_segment(&m, "logs", entries, 2);
	maker_manifest(&m, 1);
}

static int verify(void)
{
	return maker_run(verify_main, output, sizeof(output), m.dir, "--signer", m.signer, NULL);
}

/* Is there a line "NAME: ..." in the output? */
static bool named(const char *name)
{
	const char *at = output;
	size_t len = strlen(name);

	while (at != NULL) {
		if (strncmp(at, name, len) == 0 && at[len] == ':')
			return true;
		at = strchr(at, '\n');
		at = at == NULL ? NULL : at + 1;
	}
	return false;
}

/* Lines that name an object: those but the summary, which begins with a path. */
static unsigned lines(void)
{
	unsigned n = 0;

	for (const char *c = output; *c != '\0'; c++)
		n += *c == '\n';
	return n;
}

static void test_good(void)
{
	int status;

	make();
	status = verify();
	CHECK(status == 0 && lines() == 1 && strstr(output, "whole and genuine: 3 segments"),
	      "a good collection: %d, %s", status, output);
	status = maker_run(verify_main, output, sizeof(output), m.dir, NULL);
	CHECK(status == 0 && strstr(output, "the public key came with the collection") != NULL,
	      "without --signer it warns");
	status = maker_run(verify_main, output, sizeof(output), m.base, "-v", "--signer",
			   m.signer, NULL);
	CHECK(status == 0 && named(VOLATILE) && named(MEMORY) && named(LOGS),
	      "from above, verbose: each is named OK");
	status = maker_run(verify_main, output, sizeof(output), m.dir, "--json", "--signer",
			   m.signer, NULL);
	CHECK(status == 0 && strstr(output, "\"verdict\":\"genuine\"") != NULL &&
	      strstr(output, "\"segments_genuine\":3") != NULL && lines() == 1, "%s", output);
	maker_close(&m);
}

/* One bit in any object, at many places: that object is named, and no other. */
static void flip_object(const char *name, const char *signer)
{
	long size = maker_size(&m, name), step = size / 40 + 1;
	unsigned missed = 0, tried = 0;

	for (long at = 0; at < size; at += step) {
		int status;

		maker_flip(&m, name, at, (unsigned)(at % 8));
		status = maker_run(verify_main, output, sizeof(output), m.dir,
				   signer == NULL ? NULL : "--signer", signer, NULL);
		if (status != 1 || !named(name) || lines() > (signer == NULL ? 3 : 2)) {
			missed++;
			(void)printf("# %s, byte %ld: %d\n# %s\n", name, at, status, output);
		}
		maker_flip(&m, name, at, (unsigned)(at % 8));
		tried++;
	}
	CHECK(missed == 0, "%u flipped bits in %s%s: %u not named", tried, name,
	      signer == NULL ? ", without --signer" : "", missed);
}

static void test_flips(void)
{
	static const char *const objects[] = {
		VOLATILE, VOLATILE ".minisig", MEMORY, MEMORY ".minisig", LOGS,
		LOGS ".minisig", "manifest.json", "manifest.json.minisig", "evac.pub",
	};

	make();
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		flip_object(objects[i], m.signer);
		flip_object(objects[i], NULL);
	}
	CHECK(verify() == 0, "all bits are back");
	maker_close(&m);
}

static void test_missing(void)
{
	static const char *const objects[] = {
		VOLATILE, VOLATILE ".minisig", LOGS, LOGS ".minisig",
		"manifest.json.minisig", "evac.pub",
	};

	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		make();
		maker_remove(&m, objects[i]);
		CHECK(verify() == 1 && named(objects[i]) && lines() == 2, "missing: %s", output);
		maker_close(&m);
	}
	make();
	maker_remove(&m, LOGS);
	maker_remove(&m, LOGS ".minisig");
	CHECK(verify() == 1 && named(LOGS), "the last segment is gone: %s", output);
	maker_close(&m);
}

static void test_moved(void)
{
	make();
	maker_rename(&m, MEMORY, "0001-memory2.tar.zst.age");
	maker_rename(&m, MEMORY ".minisig", "0001-memory2.tar.zst.age.minisig");
	CHECK(verify() == 1 && named("0001-memory2.tar.zst.age") && named(MEMORY) &&
	      strstr(output, "renamed") != NULL, "renamed: %s", output);
	maker_close(&m);

	make();
	maker_rename(&m, MEMORY, "x");
	maker_rename(&m, LOGS, MEMORY);
	maker_rename(&m, "x", LOGS);
	CHECK(verify() == 1 && named(MEMORY) && named(LOGS), "exchanged: %s", output);
	maker_close(&m);
}

static void test_added(void)
{
	struct maker_entry e = { .path = "x", .data = "y" };

	make();
	maker_segment(&m, "logs", &e, 1);
	CHECK(verify() == 1 && named("0003-logs.tar.zst.age") &&
	      strstr(output, "not in the manifest") != NULL, "added: %s", output);
	maker_close(&m);

	make();
	maker_write(&m, "not\x1b[2Jes", "x", 1);
	maker_write(&m, ".hidden", "x", 1);
	CHECK(verify() == 1 && named("not\\x1b[2Jes") && lines() == 2,
	      "a foreign file, quoted: %s", output);
	maker_close(&m);
}

/* Objects that the same key signed, for another collection or number. */
static void test_replayed(void)
{
	struct maker_entry e = { .path = "x", .data = "y" };

	make();
	m.next = 1;
	maker_segment(&m, "memory", &e, 1);
	CHECK(verify() == 1 && named(MEMORY) && lines() == 2,
	      "replaced by another of its name: %s", output);
	maker_close(&m);

	/* Sealed anew, the same has the same size and another digest. */
	maker_open(&m);
	maker_segment(&m, "volatile", &e, 1);
	maker_manifest(&m, 1);
	m.next = 0;
	maker_segment(&m, "volatile", &e, 1);
	CHECK(verify() == 1 && named(VOLATILE) && strstr(output, "SHA-256") != NULL,
	      "replaced by one of its size: %s", output);
	maker_close(&m);

	make();
	m.id = "20261124T093000Z-ffff";
	maker_sign(&m, MEMORY, 1);
	CHECK(verify() == 1 && named(MEMORY) && strstr(output, "another collection") != NULL,
	      "from another collection: %s", output);
	maker_remove(&m, "manifest.json");
	maker_remove(&m, "manifest.json.minisig");
	CHECK(verify() == 1 && named(MEMORY), "also without a manifest: %s", output);
	maker_close(&m);

	make();
	maker_sign(&m, MEMORY, 7);
	CHECK(verify() == 1 && named(MEMORY), "signed with another number: %s", output);
	maker_close(&m);
}

static void test_lost(void)
{
	size_t known;
	struct maker_entry e = { .path = "x", .data = "y" };

	maker_open(&m);
	maker_segment(&m, "volatile", &e, 1);
	maker_lose(&m, "memory");
	maker_segment(&m, "logs", &e, 1);
	maker_write(&m, MEMORY ".minisig", "cut", 3);
	maker_manifest(&m, 1);
	CHECK(verify() == 1 && named(MEMORY) && strstr(output, "network gone") != NULL &&
	      lines() == 2, "lost on the host: %s", output);
	maker_close(&m);

	/* The answer did not come back; the object was stored. */
	maker_open(&m);
	maker_segment(&m, "volatile", &e, 1);
	known = strlen(m.segments);
	maker_segment(&m, "memory", &e, 1);
	m.segments[known] = '\0';
	m.next = 1;
	maker_lose(&m, "memory");
	maker_segment(&m, "logs", &e, 1);
	maker_manifest(&m, 1);
	CHECK(verify() == 0 && strstr(output, "but it arrived") != NULL && strstr(output, "3 segments") != NULL,
	      "lost, says the manifest, and there: %s", output);
	maker_flip(&m, MEMORY, 100, 1);
	CHECK(verify() == 1 && named(MEMORY), "and if it was changed: %s", output);
	maker_close(&m);

	maker_open(&m);
	maker_segment(&m, "volatile", &e, 1);
	m.next = 2;
	maker_segment(&m, "logs", &e, 1);
	maker_manifest(&m, 1);
	CHECK(verify() == 1 && named("0001"), "a hole in the numbers: %s", output);
	maker_close(&m);
}

static void test_cut(void)
{
	make();
	maker_remove(&m, "manifest.json");
	maker_remove(&m, "manifest.json.minisig");
	CHECK(verify() == 3 && strstr(output, "cut short: no manifest; 3 segments verify, "
	      "the highest is 2") != NULL && lines() == 1, "cut short: %s", output);
	maker_remove(&m, MEMORY);
	CHECK(verify() == 3 && named(MEMORY) && strstr(output, "in flight") != NULL,
	      "in flight: %s", output);
	maker_flip(&m, LOGS, -1, 0);
	CHECK(verify() == 1 && named(LOGS), "cut and changed: %s", output);
	maker_flip(&m, LOGS, -1, 0);
	maker_remove(&m, MEMORY ".minisig");
	CHECK(verify() == 3 && named("0001"), "one never arrived: %s", output);
	maker_flip(&m, "evac.pub", 70, 0);
	CHECK(maker_run(verify_main, output, sizeof(output), m.dir, NULL) == 1 &&
	      named("evac.pub"), "evac.pub changed, no other key: %s", output);
	maker_close(&m);
}

static void test_versions(void)
{
	make();
	maker_manifest(&m, 2);
	CHECK(verify() == 1 && named("manifest.json") && strstr(output, "newer evac") != NULL &&
	      lines() == 2, "an unknown version: %s", output);
	maker_write(&m, "manifest.json", "{\"evac_manifest\":1}", 19);
	maker_sign(&m, "manifest.json", -1);
	CHECK(verify() == 1 && named("manifest.json"), "a manifest without segments: %s", output);
	maker_write(&m, "manifest.json", "{", 1);
	maker_sign(&m, "manifest.json", -1);
	CHECK(verify() == 1 && named("manifest.json"), "no JSON: %s", output);
	maker_close(&m);
}

static void test_signer(void)
{
	struct maker other;
	char file[256];

	make();
	maker_open(&other);
	CHECK(maker_run(verify_main, output, sizeof(output), m.dir, "--signer", other.signer,
			NULL) == 1 && named("evac.pub") && named(VOLATILE ".minisig"),
	      "another signer: %s", output);
	(void)snprintf(file, sizeof(file), "%s/evac.pub", m.dir);
	CHECK(maker_run(verify_main, output, sizeof(output), m.dir, "--signer", file,
			NULL) == 0, "the signer's key in a file");
	CHECK(maker_run(verify_main, output, sizeof(output), m.dir, "--signer", "RWx",
			NULL) == 64, "%s", output);
	maker_close(&other);
	maker_close(&m);
}

static void test_usage(void)
{
	make();
	CHECK(maker_run(verify_main, output, sizeof(output), NULL) == 64, "%s", output);
	CHECK(maker_run(verify_main, output, sizeof(output), "--foo", NULL) == 64 &&
	      strstr(output, "unknown option '--foo'") != NULL, "%s", output);
	CHECK(maker_run(verify_main, output, sizeof(output), m.dir, "--signer", NULL) == 64,
	      "%s", output);
	CHECK(maker_run(verify_main, output, sizeof(output), m.dir, "x", NULL) == 64 &&
	      strstr(output, "'x'") != NULL, "%s", output);
	CHECK(maker_run(verify_main, output, sizeof(output), m.dir, "--json=1", NULL) == 64,
	      "%s", output);
	CHECK(maker_run(verify_main, output, sizeof(output), "--help", NULL) == 0 &&
	      strstr(output, "--signer KEY") != NULL, "help");
	CHECK(maker_run(verify_main, output, sizeof(output), "/nonexistent", NULL) == 1, "%s",
	      output);
	(void)mkdir(m.out, 0700);
	CHECK(maker_run(verify_main, output, sizeof(output), m.out, NULL) == 1 &&
	      strstr(output, "no collection") != NULL, "%s", output);
	maker_close(&m);
}

static void test_names(void)
{
	static const char *const bad[] = {
		"", "0000", "0000-.tar.zst.age", "000-x.tar.zst.age", "00000-x.tar.zst.age",
		"0000-X.tar.zst.age", "0000-a/b.tar.zst.age", "0000-x.tar.zst.age ",
		"-x.tar.zst.age", "99999999999-x.tar.zst.age", "0000x.tar.zst.age",
		"0000-abcdefghijklmnopqrstuvwxyz0123456.tar.zst.age", "4294967295-x.tar.zst.age",
	};
	char group[COLLECTION_GROUP_MAX];
	unsigned number;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(collection_parse_name(bad[i], &number, group) < 0, "no name: '%s'", bad[i]);
	CHECK(collection_parse_name("12345-a_b-1.tar.zst.age", &number, group) == 0 &&
	      number == 12345 && strcmp(group, "a_b-1") == 0, "a name past 9999");
}

int main(void)
{
	test_good();
	test_flips();
	test_missing();
	test_moved();
	test_added();
	test_replayed();
	test_lost();
	test_cut();
	test_versions();
	test_signer();
	test_usage();
	test_names();
	return CHECK_DONE();
}
