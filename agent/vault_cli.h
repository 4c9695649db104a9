/* vault_cli.h - the options about a vault in S3 that several commands have. */
#ifndef VAULT_CLI_H
#define VAULT_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"
#include "s3.h"
#include "vault.h"

/* What was given; zeroes: nothing. */
struct vault_cli {
	const char *region, *endpoint_url, *ca_file; /* VAULT_CLI_PLACE() */
	bool path_style;
	bool dualstack, fips;
	const char *proxy, *imds_endpoint;
	uint64_t limit_rate;
	struct s3_keeping keeping;
};

/* Rows for a command whose context ${type} has a struct vault_cli ${member}: how
 * the bucket is reached. */
#define VAULT_CLI_REACH(type, member)                                                    \
	{ .name = "dualstack", .offset = offsetof(type, member.dualstack),               \
	  .help = "Amazon's endpoint with IPv6" },                                       \
	{ .name = "fips", .offset = offsetof(type, member.fips),                         \
	  .help = "Amazon's endpoint with FIPS 140 modules" },                           \
	{ .name = "proxy", .arg = "URL", .offset = offsetof(type, member),               \
	  .set = vault_cli_proxy,                                                        \
	  .help = "http://HOST:PORT; env: by the environment (default: none)" },         \
	{ .name = "limit-rate", .arg = "SIZE", .offset = offsetof(type, member),         \
	  .set = vault_cli_limit_rate,                                                   \
	  .help = "at most so many bytes a second, all connections together" },          \
	{ .name = "imds-endpoint", .arg = "URL", .offset = offsetof(type, member),       \
	  .set = vault_cli_imds,                                                         \
	  .help = "where instance metadata and, last of all, the role's\n"               \
		  "credentials are asked for (default http://169.254.169.254);\n"         \
		  "none: nowhere" }

/* Where it is, for a context with members ${member}.region, .endpoint_url and .path_style. */
#define VAULT_CLI_ADDRESS(type, member)                                                  \
	{ .name = "region", .arg = "NAME", .offset = offsetof(type, member.region),      \
	  .help = "region of the bucket (default: AWS_REGION, else us-east-1)" },        \
	{ .name = "endpoint-url", .arg = "URL",                                          \
	  .offset = offsetof(type, member.endpoint_url),                                 \
	  .help = "an S3 endpoint other than Amazon's" },                                \
	{ .name = "path-style", .offset = offsetof(type, member.path_style),             \
	  .help = "bucket in the path, not in the host name" }

/* Where it is, whom to trust there, and how it is reached. */
#define VAULT_CLI_PLACE(type, member)                                                    \
	VAULT_CLI_ADDRESS(type, member),                                                 \
	{ .name = "ca-file", .arg = "FILE", .offset = offsetof(type, member.ca_file),    \
	  .help = "PEM certificates to trust besides those compiled in" },               \
	VAULT_CLI_REACH(type, member)

/* How it shall keep the objects. */
#define VAULT_CLI_KEEP(type, member)                                                     \
	{ .name = "sse", .arg = "s3|kms[:KEY]", .offset = offsetof(type, member),        \
	  .set = vault_cli_sse, .help = "encryption by the server" },                    \
	{ .name = "bucket-owner", .arg = "ACCOUNT", .offset = offsetof(type, member),    \
	  .set = vault_cli_owner,                                                        \
	  .help = "refuse a bucket of another account (12 digits)" },                    \
	{ .name = "object-lock", .arg = "MODE:DAYS", .offset = offsetof(type, member),   \
	  .set = vault_cli_lock,                                                         \
	  .help = "nobody can delete it: governance:DAYS or compliance:DAYS" },          \
	{ .name = "legal-hold", .offset = offsetof(type, member.keeping.legal_hold),     \
	  .help = "nobody can delete it until the hold is lifted" },                     \
	{ .name = "storage-class", .arg = "CLASS", .offset = offsetof(type, member),     \
	  .set = vault_cli_class, .help = "STANDARD, STANDARD_IA, GLACIER_IR, ..." },    \
	{ .name = "tag", .many = true, .arg = "KEY=VALUE", .offset = offsetof(type, member),           \
	  .set = vault_cli_tag, .help = "tag of each object; up to 10 times" }

/* Each as struct cli_option's set(), with a struct vault_cli. */
int vault_cli_proxy(void *at, const char *value, char error[CLI_ERROR_MAX]);
int vault_cli_limit_rate(void *at, const char *value, char error[CLI_ERROR_MAX]);
int vault_cli_imds(void *at, const char *value, char error[CLI_ERROR_MAX]);
int vault_cli_sse(void *at, const char *value, char error[CLI_ERROR_MAX]);
int vault_cli_owner(void *at, const char *value, char error[CLI_ERROR_MAX]);
int vault_cli_lock(void *at, const char *value, char error[CLI_ERROR_MAX]);
int vault_cli_class(void *at, const char *value, char error[CLI_ERROR_MAX]);
int vault_cli_tag(void *at, const char *value, char error[CLI_ERROR_MAX]);

/* Does it ask for anything that the bucket does not do by itself? */
bool vault_cli_keeps(const struct s3_keeping *k);

/*
 * Can there be such a vault: its address, its region, the file of its roots; and
 * is no option given that it would ignore?  Looks at no network.  0, or -EINVAL
 * and ${error} names what is wrong.
 */
int vault_cli_check(const struct vault_options *o, char error[CLI_ERROR_MAX]);

/* Put what was given into ${o}, but for ${url} and the times; ${c} must live on. */
void vault_cli_apply(const struct vault_cli *c, struct vault_options *o);

#endif
