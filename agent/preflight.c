/*
 * preflight.c - `evac preflight`: what would work on this host.
 *
 * Looks at what `evac collect` would look at and changes nothing: no module is
 * loaded, no file written, but for an object in a vault that is asked about.  A table for people on stdout, or one JSON object.
 */
#include "preflight.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "buf.h"
#include "cli.h"
#include "clock.h"
#include "collector.h"
#include "host.h"
#include "json.h"
#include "memory_report.h"
#include "module.h"
#include "preflight_vault.h"
#include "quote.h"
#include "scope.h"
#include "vault.h"
#include "vault_cli.h"
#include "words.h"

#define JSON_MAX (64u << 10)
#define SHOWN 512

enum status {
	PREFLIGHT_PHYSICAL = 0, /* some method shows all of memory */
	PREFLIGHT_LESS = 1,     /* none does */
	PREFLIGHT_NO_UPLOAD = 2, /* and a collection would not arrive */
};

struct arguments {
	struct module_options lime;
	struct preflight_vault vault;
	bool json;
};

static const struct cli_option options[] = {
	{ .name = "lime", .arg = "FILE", .offset = offsetof(struct arguments, lime.file),
	  .help = "the LiME kernel module that evac collect would get" },
	{ .name = "lime-key", .arg = "KEY", .offset = offsetof(struct arguments, lime.key),
	  .help = "minisign's public key that must have signed it (default " MODULE_KEY ")" },
	WORDS_LIME_STORE(struct arguments, lime.store),
	PREFLIGHT_VAULT_ROWS(struct arguments, vault),
	{ .name = "json", .offset = offsetof(struct arguments, json),
	  .help = "print one JSON object instead" },
};

static const struct cli cli = {
	.verb = "preflight",
	.usage = "[OPTIONS]",
	.about = "Says what would work on this host, and why the rest would not.  Nothing is\n"
		 "collected or loaded.  With --ticket or --to one small object that says what it\n"
		 "is goes into the vault, the only proof that an upload succeeds.\n",
	.options = options,
	.option_count = ARRAY_LEN(options),
	.end = "Exit status:\n"
	       "  0   the machine's memory can be taken\n"
	       "  1   at most the memory of each process can\n"
	       "  2   a collection would not arrive: the ticket or the vault is refused\n"
	       "  64  usage\n",
};

/* All that was found out. */
struct preflight {
	struct module module;
	struct memory_report memory;
	struct utsname kernel;
	struct preflight_vault *vault;
};

static enum status status_of(const struct preflight *p)
{
	for (size_t i = 0; i < MEMORY_REPORT_METHODS; i++)
		if (p->memory.at[i].works && p->memory.at[i].physical)
			return PREFLIGHT_PHYSICAL;
	return PREFLIGHT_LESS;
}

/* The method that would be used, or NULL. */
static const char *chosen(const struct preflight *p)
{
	for (size_t i = 0; i < MEMORY_REPORT_METHODS; i++)
		if (p->memory.at[i].works)
			return p->memory.at[i].method;
	return NULL;
}

static void row(const char *name, const char *value)
{
	char quoted[SHOWN];

	(void)printf("%-18s %s\n", name, quote_text(quoted, sizeof(quoted), value));
}

static const char *yes(bool b)
{
	return b ? "yes" : "no";
}

static void print_host(const struct preflight *p)
{
	const struct memory_report *m = &p->memory;
	char text[160];

	(void)snprintf(text, sizeof(text), "%s %s", p->kernel.release, p->kernel.machine);
	row("kernel", text);
	if (m->ram_error == 0)
		(void)snprintf(text, sizeof(text), "%" PRIu64 " MiB in %zu ranges",
			       m->ram_bytes >> 20, m->ram_ranges);
	row("memory", m->ram_error == 0 ? text : "unknown");
	row("secure boot", strcmp(m->secure_boot, "unknown") == 0 ?
	    "unknown: no UEFI, or efivarfs is not mounted" : m->secure_boot);
	row("lockdown", strcmp(m->lockdown, "unknown") == 0 ?
	    "unknown: securityfs is not mounted, or the kernel is too old" : m->lockdown);
	row("module signatures", m->signature_enforced ? "enforced" : "not enforced");
	row("module loading", m->modules_disabled ? "disabled" : "enabled");
	(void)snprintf(text, sizeof(text), "CAP_SYS_MODULE %s, RAWIO %s, PTRACE %s, ADMIN %s",
		       yes(m->cap_module), yes(m->cap_rawio), yes(m->cap_ptrace),
		       yes(m->cap_admin));
	row("capabilities", text);
	(void)snprintf(text, sizeof(text), "%d", m->ptrace_scope);
	row("ptrace scope", m->ptrace_scope < 0 ? "not restricted" : text);
	row("lime module", p->module.data != NULL ? p->module.from : p->module.why);
	if (p->module.data != NULL || p->module.name[0] != '\0')
		row("  file", p->module.name);
	row("lime in kernel", m->resident);
	if (m->secretmem != 0)
		(void)snprintf(text, sizeof(text), "held by process %d", (int)m->secretmem);
	row("memfd_secret", m->secretmem != 0 ? text : "none seen");
	(void)snprintf(text, sizeof(text), "%" PRIu64, m->taint);
	row("taint", text);
}

static void print_methods(const struct preflight *p)
{
	const char *first = chosen(p);

	(void)printf("\n%-18s %s\n", "memory by", "");
	for (size_t i = 0; i < MEMORY_REPORT_METHODS; i++) {
		const struct memory_verdict *v = &p->memory.at[i];
		char name[32], text[MEMORY_REPORT_WHY_MAX + 16];

		(void)snprintf(name, sizeof(name), "  %s", v->method);
		(void)snprintf(text, sizeof(text), v->works ? "%s" : "refused: %s",
			       !v->works ? v->why : v->method == first ?
			       "works, would be used" : "works");
		row(name, text);
	}
}

static void put_memory(struct json *j, const struct preflight *p)
{
	const struct memory_report *m = &p->memory;

	json_object(j, "memory");
	if (m->ram_error == 0)
		json_u64(j, "ram_bytes", m->ram_bytes);
	else
		json_null(j, "ram_bytes");
	json_u64(j, "ram_ranges", m->ram_ranges);
	json_str(j, "would_use", chosen(p));
	json_bool(j, "physical", status_of(p) == PREFLIGHT_PHYSICAL);
	json_array(j, "methods");
	for (size_t i = 0; i < MEMORY_REPORT_METHODS; i++) {
		const struct memory_verdict *v = &m->at[i];

		json_object(j, NULL);
		json_str(j, "method", v->method);
		json_bool(j, "physical", v->physical);
		json_bool(j, "works", v->works);
		json_str(j, "why", v->works ? NULL : v->why);
		json_object_end(j);
	}
	json_array_end(j);
	json_object_end(j);
}

static void put_module(struct json *j, const struct preflight *p)
{
	json_object(j, "lime_module");
	json_bool(j, "found", p->module.data != NULL);
	json_bool(j, "verified", p->module.verified);
	json_bytes(j, "name", p->module.name, strlen(p->module.name));
	json_str(j, "from", p->module.data != NULL ? p->module.from : NULL);
	json_bytes(j, "why", p->module.why,
		   p->module.data == NULL ? strlen(p->module.why) : 0);
	json_str(j, "in_kernel", p->memory.resident);
	json_object_end(j);
}

static void put_all(struct json *j, const struct preflight *p)
{
	const struct memory_report *m = &p->memory;

	json_object(j, NULL);
	json_bytes(j, "release", p->kernel.release, strlen(p->kernel.release));
	json_bytes(j, "machine", p->kernel.machine, strlen(p->kernel.machine));
	json_str(j, "secure_boot", m->secure_boot);
	json_str(j, "lockdown", m->lockdown);
	json_bool(j, "module_signatures_enforced", m->signature_enforced);
	json_bool(j, "modules_disabled", m->modules_disabled);
	json_object(j, "capabilities");
	json_bool(j, "sys_module", m->cap_module);
	json_bool(j, "sys_rawio", m->cap_rawio);
	json_bool(j, "sys_ptrace", m->cap_ptrace);
	json_bool(j, "sys_admin", m->cap_admin);
	json_object_end(j);
	if (m->ptrace_scope >= 0)
		json_u64(j, "ptrace_scope", (uint64_t)m->ptrace_scope);
	else
		json_null(j, "ptrace_scope");
	json_u64(j, "secretmem_pid", (uint64_t)m->secretmem);
	json_u64(j, "taint", m->taint);
	put_module(j, p);
	put_memory(j, p);
	preflight_vault_json(p->vault, j);
	json_object_end(j);
}

static int print_json(const struct preflight *p)
{
	struct buf b;
	struct json j;
	int r = buf_open(&b, JSON_MAX);

	if (r < 0)
		return r;
	json_open(&j, &b);
	put_all(&j, p);
	r = json_end(&j);
	if (r == 0)
		(void)printf("%.*s\n", (int)b.len, (const char *)b.data);
	buf_free(&b);
	return r;
}

/* Look at everything.  0, or a negative errno after a message. */
static int look(struct preflight *p, const struct arguments *args)
{
	struct collector_request req = { .memory = MEMORY_AUTO };
	struct vault_options how;
	struct host host;
	int r;

	/* The ticket's store and key, where it has been read and they were not given. */
	(void)options_vault(&args->vault.o, &how);
	r = module_load(&p->module, &args->vault.o.lime, &how, clock_now_ms() + MODULE_WAIT_MS);
	if (r < 0) {
		(void)fprintf(stderr, "evac preflight: %s\n", p->module.why);
		return r;
	}
	if (uname(&p->kernel) < 0)
		p->kernel = (struct utsname){ .release = "unknown" };
	req.lime = p->module.data;
	req.lime_len = p->module.len;
	req.lime_name = p->module.name;
	req.lime_why = p->module.data == NULL ? p->module.why : NULL;
	r = host_open(&host);
	if (r == 0)
		r = memory_report(&p->memory, &host, &req);
	host_close(&host);
	if (r < 0)
		(void)fprintf(stderr, "evac preflight: %s\n", strerror(-r));
	return r;
}

int preflight_main(int argc, char **argv)
{
	static struct preflight p;
	static struct arguments args;
	int r = cli_parse(&cli, argc, argv, &args, NULL, 0, NULL);
	char wrong[CLI_ERROR_MAX];
	bool arrives;

	if (r < 0)
		return cli_status(r);
	if (preflight_vault_check(&args.vault, wrong) < 0)
		return cli_usage(&cli, "%s", wrong);
	if (geteuid() != 0)
		(void)fprintf(stderr, "evac preflight: not root: evac collect would refuse to run\n");
	p.vault = &args.vault;
	args.vault.o.lime = args.lime;
	arrives = preflight_vault_look(p.vault);
	r = look(&p, &args);
	if (r == 0 && args.json) {
		r = print_json(&p);
	} else if (r == 0) {
		print_host(&p);
		print_methods(&p);
		preflight_vault_print(p.vault, row);
	}
	module_free(&p.module);
	preflight_vault_free(p.vault);
	if (r < 0 || fflush(stdout) != 0)
		return PREFLIGHT_LESS;
	return arrives ? (int)status_of(&p) : PREFLIGHT_NO_UPLOAD;
}
