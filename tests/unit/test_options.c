/*
 * test_options.c - the command line of collect: what it means, and that what is
 * wrong is named on stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agekey.h"
#include "check.h"
#include "io.h"
#include "options.h"
#include "scope.h"
#include "segment.h"

#define WORDS 16

static struct options o;
static char recipient[AGEKEY_RECIPIENT_TEXT], other[AGEKEY_RECIPIENT_TEXT];
static char said[4096];

/* Parse with stdout and stderr kept in ${said}. */
static int parse(const char *const words[])
{
	char *argv[WORDS + 60];
	int argc = 0, old[2], fd, r;
	FILE *file = tmpfile();
	ssize_t n;

	argv[argc++] = (char[]){ "collect" };
	while (*words != NULL)
		argv[argc++] = (char *)(uintptr_t)*words++;
	argv[argc] = NULL;
	if (file == NULL)
		abort();
	fd = fileno(file);
	(void)fflush(stdout);
	old[0] = dup(STDOUT_FILENO);
	old[1] = dup(STDERR_FILENO);
	(void)dup2(fd, STDOUT_FILENO);
	(void)dup2(fd, STDERR_FILENO);
	r = options_parse(&o, argc, argv);
	(void)fflush(stdout);
	(void)dup2(old[0], STDOUT_FILENO);
	(void)dup2(old[1], STDERR_FILENO);
	(void)close(old[0]);
	(void)close(old[1]);
	n = io_pread(fd, said, sizeof(said) - 1, 0);
	said[n < 0 ? 0 : n] = '\0';
	(void)fclose(file);
	return r;
}

/* The same, with what is always needed before ${words}. */
static int parse_more(const char *const words[])
{
	const char *all[WORDS + 50] = { "--case", "IR-1", "--recipient", recipient, "--to", "/e" };
	size_t n = 6;

	while (*words != NULL)
		all[n++] = *words++;
	all[n] = NULL;
	return parse(all);
}

#define PARSE(...) parse_more((const char *const[]){ __VA_ARGS__, NULL })

static bool selected(const char *names)
{
	char list[256] = "";

	for (size_t i = 0; collectors[i] != NULL; i++)
		if (o.selected[i])
			(void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
				       list[0] != '\0' ? "," : "", collectors[i]->name);
	if (strcmp(list, names) != 0)
		printf("# selected: %s\n", list);
	return strcmp(list, names) == 0;
}

/* Is the collector with this constant selected? */
static bool has(const struct collector *c)
{
	for (size_t i = 0; collectors[i] != NULL; i++)
		if (collectors[i] == c)
			return o.selected[i];
	return false;
}

/* Are all, but for this one? */
static bool all_but(const struct collector *c)
{
	bool all = true;

	for (size_t i = 0; collectors[i] != NULL; i++)
		all = all && o.selected[i] == (collectors[i] != c);
	return all;
}

#define SELECTED(name) has(&collector_##name)

#define PASSES "process_files,process_maps,process_envs,process_threads,process_executables"

static void test_meaning(void)
{
	CHECK(parse_more((const char *const[]){ NULL }) == 0 && said[0] == '\0',
	      "the least that is needed");
	CHECK(strcmp(o.case_id, "IR-1") == 0 && strcmp(o.to, "/e") == 0 &&
	      o.recipients.count == 1 && o.memory == MEMORY_AUTO && o.deadline_s == 0 &&
	      o.segment_size == SEGMENT_SIZE_DEFAULT && o.workers >= 1 && o.workers <= 8,
	      "and what the rest is without being said");
	CHECK(all_but(NULL), "all is collected");
	CHECK(PARSE("--only", "log,process") == 0 && selected("process," PASSES ",log"), "--only, with what begins so");
	CHECK(PARSE("--skip", "memory") == 0 && all_but(&collector_memory), "--skip");
	CHECK(PARSE("--only", "process_maps") == 0 && selected("process_maps"), "one of them alone");
	CHECK(PARSE("--skip", "process,memory") == 0 && !SELECTED(process) && !SELECTED(process_maps) && SELECTED(socket), "and none of them");
	CHECK(PARSE("--profile", "fast") == 0 && !o.with_secrets && o.selected[0] && !SELECTED(memory) && !SELECTED(log),
	      "--profile fast: no memory, no logs");
	CHECK(PARSE("--profile", "full") == 0 && SELECTED(memory) && SELECTED(log), "--profile full: all");
	CHECK(PARSE("--profile", "fast", "--memory", "kcore") == 0 && SELECTED(memory) && !SELECTED(log),
	      "memory that is asked for comes with any profile");
	CHECK(PARSE("--profile=fast", "--only=log", "--with-secrets") == 0 && selected("log") && o.with_secrets, "and so does what --only names");
	CHECK(PARSE("--only=memory,log", "--skip=log") == 0 && selected("memory"), "both");
	CHECK(PARSE("--memory", "none") == 0 && o.memory == MEMORY_NONE &&
	      all_but(&collector_memory), "--memory none takes none");
	CHECK(PARSE("--memory", "kcore") == 0 && o.memory == MEMORY_KCORE, "--memory kcore");
	CHECK(PARSE("--memory", "all", "--process-budget", "2G") == 0 &&
	      o.memory == MEMORY_ALL && o.process_budget == 2ull << 30, "--memory all");
	CHECK(PARSE("--memory", "lime", "--lime", "m.ko") == 0 && o.memory == MEMORY_LIME,
	      "--memory lime");
	CHECK(PARSE("--deadline", "10m", "--segment-size", "2M", "--workers", "64") == 0 &&
	      o.deadline_s == 600 && o.segment_size == 2u << 20 && o.workers == 64,
	      "time, size and number");
	CHECK(PARSE("--segment-size", "1048577") == 0 && o.segment_size == 1u << 20,
	      "a size is whole pages");
	CHECK(PARSE("--recipient", other) == 0 && o.recipients.count == 2 &&
	      memcmp(o.recipients.key[0], o.recipients.key[1], 32) != 0 &&
	      strcmp(o.recipient_text[1], other) == 0, "two recipients");
	CHECK(PARSE("-v") == 0 && o.verbose, "a flag");
	CHECK(PARSE("--help") == 1 && strstr(said, "usage: evac collect") != NULL &&
	      strstr(said, "--segment-size SIZE") != NULL, "--help is help");
}

struct mistake {
	const char *words[4];
	const char *named;    /* on the first line of stderr */
};

static void test_mistakes(void)
{
	static const struct mistake more[] = {
		{ { "--frob" }, "--frob" },
		{ { "--frob=1" }, "--frob" },
		{ { "-x" }, "-x" },
		{ { "word" }, "word" },
		{ { "--case" }, "--case" },
		{ { "--case", "b" }, "--case is given twice" },
		{ { "--to", "/f" }, "--to is given twice" },
		{ { "--workers", "1", "--workers", "2" }, "--workers is given twice" },
		{ { "" }, "empty word" },
		{ { "--deadline" }, "--deadline" },
		{ { "--deadline", "" }, "--deadline" },
		{ { "--deadline", "4s" }, "4s" },
		{ { "--deadline", "169h" }, "169h" },
		{ { "--deadline", "1d" }, "1d" },
		{ { "--deadline", "99999999999999999999h" }, "9999" },
		{ { "--segment-size", "1023K" }, "1023K" },
		{ { "--segment-size", "2G" }, "2G" },
		{ { "--workers", "0" }, "--workers" },
		{ { "--workers", "65" }, "65" },
		{ { "--workers", "-1" }, "-1" },
		{ { "--only", "log,nonesuch" }, "nonesuch" },
		{ { "--only", "log," }, "--only" },
		{ { "--only", "lo" }, "lo" },
		{ { "--profile", "slow" }, "fast, default or full" },
		{ { "--skip", "\x1b[2Jx" }, "\\x1b[2Jx" },
		{ { "--memory", "pages" }, "pages" },
		{ { "--process-budget", "0" }, "--process-budget" },
		{ { "--memory", "lime" }, "--lime" },
		{ { "--recipient", "age1qqq" }, "age1qqq" },
		{ { "--recipient", "AGE-SECRET-KEY-1" }, "--recipient" },
		{ { "--verbose=1" }, "--verbose" },
	};

	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		int r = parse_more(more[i].words);
		char *end = strchr(said, '\n');

		if (end != NULL)
			*end = '\0';
		CHECK(r == -EINVAL && strncmp(said, "evac collect: ", 14) == 0 &&
		      strstr(said, more[i].named) != NULL, "%s", said);
	}
}

/* A vault in S3 that cannot be, and what a directory would ignore. */
static void test_vaults(void)
{
	static const struct {
		const char *to, *words[3], *named;
	} wrong[] = {
		{ "s3://", { NULL }, "s3://" },
		{ "s3:///prefix", { NULL }, "bucket" },
		{ "s3://UPPER/x", { NULL }, "UPPER" },
		{ "s3://ab", { NULL }, "ab" },
		{ "s3://a..b", { NULL }, "a..b" },
		{ "s3://bucket/a//b", { NULL }, "a//b" },
		{ "s3://bucket/../b", { NULL }, "../b" },
		{ "s3://bucket", { "--region", "eu west" }, "eu west" },
		{ "s3://bucket", { "--endpoint-url", "http://h" }, "http://h" },
		{ "s3://bucket", { "--endpoint-url", "https://" }, "https://" },
		{ "s3://bucket", { "--endpoint-url", "https://h/x" }, "https://h/x" },
		{ "s3://bucket", { "--ca-file", "/nonesuch.pem" }, "/nonesuch.pem" },
		{ "s3://bucket", { "--ca-file", "/dev/null" }, "/dev/null" },
		{ "s3://bucket", { "--ca-file", "/proc/self/status" }, "/proc/self/status" },
		{ "/e", { "--region", "eu-west-1" }, "--region" },
		{ "/e", { "--endpoint-url", "https://h" }, "--endpoint-url" },
		{ "/e", { "--path-style" }, "--path-style" },
		{ "/e", { "--ca-file", "/nonesuch.pem" }, "--ca-file" },
		{ "/e", { "--dualstack" }, "--dualstack" },
		{ "/e", { "--fips" }, "--fips" },
		{ "/e", { "--proxy", "env" }, "--proxy" },
		{ "/e", { "--limit-rate", "1M" }, "--limit-rate" },
		{ "/e", { "--sse", "s3" }, "--sse" },
		{ "/e", { "--bucket-owner", "123456789012" }, "--bucket-owner" },
		{ "/e", { "--object-lock", "governance:1" }, "--object-lock" },
		{ "/e", { "--legal-hold" }, "--legal-hold" },
		{ "/e", { "--storage-class", "STANDARD" }, "--storage-class" },
		{ "/e", { "--tag", "a=b" }, "--tag" },
	};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		const char *const words[] = { "--case", "a", "--recipient", recipient, "--to",
					      wrong[i].to, wrong[i].words[0], wrong[i].words[1],
					      NULL };
		char *end;
		int r = parse(words);

		end = strchr(said, '\n');
		if (end != NULL)
			*end = '\0';
		CHECK(r == -EINVAL && strstr(said, wrong[i].named) != NULL, "%s", said);
	}
}

static void test_s3(void)
{
	const char *const words[] = { "--case", "a", "--recipient", recipient, "--to",
				      "s3://bucket/a/b/", "--region", "eu-west-1", "--path-style",
				      "--sse", "kms", "--tag", "a=b", NULL };
	const char *const no_region[] = { "--case", "a", "--recipient", recipient, "--to",
					  "s3://bucket", NULL };

	CHECK(parse(words) == 0 && o.vault.path_style && strcmp(o.vault.region, "eu-west-1") == 0,
	      "a vault in S3");
	(void)setenv("AWS_REGION", "no region", 1);
	CHECK(parse(no_region) == -EINVAL && strstr(said, "no region") != NULL,
	      "a region of the environment that is none");
	(void)unsetenv("AWS_REGION");
	CHECK(parse(no_region) == 0, "the usual one");
}

static void test_missing(void)
{
	const char *const no_case[] = { "--recipient", recipient, "--to", "/e", NULL };
	const char *const no_recipient[] = { "--case", "a", "--to", "/e", NULL };
	const char *const no_to[] = { "--recipient", recipient, "--case", "a", NULL };
	const char *const none[] = { NULL };

	CHECK(parse(no_case) == -EINVAL && strstr(said, "--case is missing") != NULL, "no case");
	CHECK(parse(no_recipient) == -EINVAL && strstr(said, "--recipient is missing") != NULL,
	      "no recipient");
	CHECK(parse(no_to) == -EINVAL && strstr(said, "--to is missing") != NULL, "no vault");
	CHECK(parse(none) == -EINVAL, "nothing at all");
}

static void test_recipients(void)
{
	const char *many[2 * SEAL_RECIPIENTS_MAX + 1] = { NULL };
	char broken[AGEKEY_RECIPIENT_TEXT];

	for (size_t i = 0; i < SEAL_RECIPIENTS_MAX; i++) {
		many[2 * i] = "--recipient";
		many[2 * i + 1] = other;
	}
	CHECK(parse_more(many + 2) == 0 && o.recipients.count == SEAL_RECIPIENTS_MAX,
	      "as many recipients as may be");
	CHECK(parse_more(many) == -EINVAL && strstr(said, "at most") != NULL, "and one more");
	memcpy(broken, other, sizeof(broken));
	broken[20] = broken[20] == 'q' ? 'p' : 'q';
	CHECK(PARSE("--recipient", broken) == -EINVAL && strstr(said, "checksum") != NULL &&
	      strstr(said, broken) != NULL, "a wrong character shows");
}

int main(void)
{
	uint8_t secret[AGEKEY_BYTES], public[AGEKEY_BYTES];

	if (sodium_init() < 0)
		return 1;
	for (int i = 0; i < 2; i++) {
		randombytes_buf(secret, sizeof(secret));
		agekey_public(secret, public);
		agekey_recipient_text(public, i ? other : recipient);
	}
	test_meaning();
	test_mistakes();
	test_missing();
	test_vaults();
	test_s3();
	test_recipients();
	return CHECK_DONE();
}
