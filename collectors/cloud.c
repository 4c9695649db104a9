/*
 * cloud.c - what the cloud says of this machine: its identity, signed, its place
 * in the network, its tags, and the script it was started with.
 *
 * Asks the instance metadata service by the means that the agent gives.  Who
 * rules the host can stand in for that service: all answers are claims, but for
 * the identity document, which Amazon signs.  Of the role only its name is
 * asked for, never its credentials.  User data starts programs at each boot and
 * often holds passwords: its text comes with secrets masked, its digest is of
 * the whole.  On a machine that is no EC2 instance by its firmware nothing is
 * asked, unless the responder names the service; where nothing answers, one gap
 * says so, after a second.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "collector.h"
#include "digest.h"
#include "ec2.h"
#include "parse.h"
#include "scope.h"
#include "secrets.h"
#include "sink.h"
#include "table.h"

#define ANSWER_MAX ((size_t)64 << 10)
#define INTERFACES_MAX 32u
#define TAGS_MAX 64u
#define PATH_BYTES 512u

struct cloud_pass {
	const struct collector_request *req;
	struct sink *sink;
	struct buf answer;
	char why[COLLECTOR_METADATA_WHY];
	uint64_t asked, answered;
	bool has_user_data;
	size_t user_data_size, user_data_masked;
	char user_data_sha256[DIGEST_HEX];
};

/* 0 when there is an answer. */
static int ask(struct cloud_pass *p, const char *path)
{
	const struct collector_metadata *m = p->req->metadata;
	int r;

	p->answer.len = 0;
	p->asked++;
	r = m->get(m->arg, path, &p->answer, p->why);
	p->answered += r == 0;
	return r;
}

/* The columns of osquery's ec2_instance_metadata, then ours. */
static const struct {
	const char *key, *path;
} facts[] = {
	{ "instance_id", "meta-data/instance-id" },
	{ "instance_type", "meta-data/instance-type" },
	{ "region", "meta-data/placement/region" },
	{ "availability_zone", "meta-data/placement/availability-zone" },
	{ "local_hostname", "meta-data/local-hostname" },
	{ "local_ipv4", "meta-data/local-ipv4" },
	{ "mac", "meta-data/mac" },
	{ "security_groups", "meta-data/security-groups" },
	{ "ami_id", "meta-data/ami-id" },
	{ "reservation_id", "meta-data/reservation-id" },
	{ "iam_info", "meta-data/iam/info" },
	{ "iam_role", "meta-data/iam/security-credentials/" },
	{ "public_hostname", "meta-data/public-hostname" },
	{ "public_ipv4", "meta-data/public-ipv4" },
	{ "ssh_public_key", "meta-data/public-keys/0/openssh-key" },
	{ "profile", "meta-data/profile" },
	{ "life_cycle", "meta-data/instance-life-cycle" },
	{ "instance_action", "meta-data/instance-action" },
	{ "block_devices", "meta-data/block-device-mapping/" },
	{ "events", "meta-data/events/maintenance/scheduled" },
};

/* At most 16 KiB, by the service's own limit. */
static int take_user_data(struct cloud_pass *p)
{
	struct sink_entry e = { .path = "cloud/user-data" };
	uint8_t digest[DIGEST_BYTES];
	char *text = (char *)p->answer.data;

	if (ask(p, "user-data") < 0)
		return 0;
	if (digest_memory(text, p->answer.len, digest) < 0)
		return -ENOMEM;
	p->has_user_data = true;
	p->user_data_size = p->answer.len;
	parse_to_hex(p->user_data_sha256, digest, sizeof(digest));
	/* What has a NUL is no text: compressed, and whole or of no use. */
	if (!p->req->with_secrets && memchr(text, '\0', p->answer.len) == NULL)
		p->user_data_masked = secrets_mask(text, p->answer.len, text, &p->answer.len);
	e.size = p->answer.len;
	return sink_put(p->sink, &e, text, p->answer.len);
}

static int take_facts(struct cloud_pass *p)
{
	struct table *t;
	struct json *j;
	int r = table_open(&t, p->sink, "ec2_instance_metadata"), end;

	if (r < 0)
		return r;
	j = table_row(t);
	for (size_t i = 0; i < ARRAY_LEN(facts); i++)
		if (ask(p, facts[i].path) == 0)
			json_bytes(j, facts[i].key, p->answer.data, p->answer.len);
	if (p->has_user_data) {
		json_u64(j, "user_data_size", p->user_data_size);
		json_str(j, "user_data_sha256", p->user_data_sha256);
		json_u64(j, "user_data_masked", p->user_data_masked);
	}
	r = table_row_end(t);
	end = table_close(t);
	return r < 0 ? r : end;
}

/* The documents and their signatures, byte by byte as they came. */
static int take_identity(struct cloud_pass *p)
{
	static const char *const names[] = { "document", "signature", "pkcs7", "rsa2048" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(names) && r == 0; i++) {
		char path[PATH_BYTES];
		struct sink_entry e = { .path = path };

		(void)snprintf(path, sizeof(path), "dynamic/instance-identity/%s", names[i]);
		if (ask(p, path) < 0) {
			r = sink_gap(p->sink, path, -ENODATA, p->why);
			continue;
		}
		(void)snprintf(path, sizeof(path), "cloud/identity/%s", names[i]);
		e.size = p->answer.len;
		r = sink_put(p->sink, &e, p->answer.data, p->answer.len);
	}
	return r;
}

/* A name that becomes part of a path: percent-encoded.  False when it is too long. */
static bool append_name(char *path, size_t cap, const char *name, size_t len)
{
	size_t at = strlen(path);

	for (size_t i = 0; i < len; i++) {
		char c = name[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') ||
			     (c != '\0' && strchr("-._~:+=@", c) != NULL);

		if (at + 4 > cap)
			return false;
		at += (size_t)snprintf(path + at, cap - at, plain ? "%c" : "%%%02X",
				       plain ? c : (unsigned char)c);
	}
	return true;
}

/* Lines of the last answer, for the questions that follow it; for free(). */
static char *keep_answer(struct cloud_pass *p)
{
	char *copy = malloc(p->answer.len + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, p->answer.data, p->answer.len);
	copy[p->answer.len] = '\0';
	return copy;
}

static void interface_row(struct cloud_pass *p, struct json *j, const char *mac, size_t len)
{
	static const struct {
		const char *key, *name;
	} columns[] = {
		{ "interface_id", "interface-id" }, { "owner_id", "owner-id" },
		{ "vpc_id", "vpc-id" }, { "subnet_id", "subnet-id" },
		{ "vpc_cidr", "vpc-ipv4-cidr-block" }, { "security_group_ids", "security-group-ids" },
		{ "local_ipv4s", "local-ipv4s" }, { "public_ipv4s", "public-ipv4s" },
		{ "ipv6s", "ipv6s" },
	};

	json_bytes(j, "mac", mac, len);
	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		char path[PATH_BYTES] = "meta-data/network/interfaces/macs/";
		size_t at;

		if (!append_name(path, sizeof(path) - 32, mac, len))
			continue;
		at = strlen(path);
		(void)snprintf(path + at, sizeof(path) - at, "/%s", columns[i].name);
		if (ask(p, path) == 0)
			json_bytes(j, columns[i].key, p->answer.data, p->answer.len);
	}
}

static void tag_row(struct cloud_pass *p, struct json *j, const char *key, size_t len)
{
	char path[PATH_BYTES] = "meta-data/tags/instance/";
	size_t kept;

	json_bytes(j, "key", key, len);
	if (!append_name(path, sizeof(path), key, len) || ask(p, path) < 0)
		return;
	if (!p->req->with_secrets) {
		char *value = (char *)p->answer.data;

		(void)secrets_mask_value(key, len, value, p->answer.len, value, &kept);
		p->answer.len = kept;
	}
	json_bytes(j, "value", p->answer.data, p->answer.len);
}

/* A table with a row for each line of the list ${path}. */
static int take_list(struct cloud_pass *p, const char *name, const char *path, unsigned max,
		     void (*row)(struct cloud_pass *p, struct json *j, const char *line, size_t len))
{
	AUTO_FREE char *list = NULL;
	struct table *t;
	int r = table_open(&t, p->sink, name), end;

	if (r < 0)
		return r;
	if (ask(p, path) == 0)
		list = keep_answer(p);
	for (char *line = list; line != NULL && *line != '\0' && r == 0 && max > 0; max--) {
		size_t len = strcspn(line, "\n"), used = len;

		if (used > 0 && line[used - 1] == '/')
			used--;
		if (used > 0) {
			row(p, table_row(t), line, used);
			r = table_row_end(t);
		}
		line += len + (line[len] == '\n');
	}
	end = table_close(t);
	return r < 0 ? r : end;
}

static int walk(struct cloud_pass *p)
{
	int r;

	/* The first question decides whether there is anyone to ask. */
	if (ask(p, "meta-data/instance-id") < 0)
		return sink_gap(p->sink, "cloud", -ENODATA, p->why);
	r = take_identity(p);
	if (r == 0)
		r = take_user_data(p);
	if (r == 0)
		r = take_facts(p);
	if (r == 0)
		r = take_list(p, "ec2_network_interfaces", "meta-data/network/interfaces/macs/",
			      INTERFACES_MAX, interface_row);
	if (r == 0)
		r = take_list(p, "ec2_instance_tags", "meta-data/tags/instance", TAGS_MAX, tag_row);
	if (r == 0)
		r = sink_note(p->sink, "cloud.claims", "unsigned but for cloud/identity: %llu of "
			      "%llu questions answered", (unsigned long long)p->answered,
			      (unsigned long long)p->asked);
	return r;
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	struct cloud_pass p = { .req = req, .sink = sink };
	int r;

	if (req->metadata == NULL || (!req->metadata->bidden && !ec2_is(host)))
		return sink_note(sink, "cloud.claims", req->metadata == NULL ? "not asked for" :
				 "no EC2 instance by its firmware: not asked for");
	r = buf_open(&p.answer, ANSWER_MAX);
	if (r == 0)
		r = walk(&p);
	buf_free(&p.answer);
	return r;
}

const struct collector collector_cloud = {
	.name = "cloud",
	.group = "volatile",
	.reads = "the instance metadata service: signed identity, place in the network, tags, "
		 "user data; no credentials",
	.rank = RANK_KERNEL,
	.cost = COST_LOW,
	.profile = PROFILE_FAST,
	.budget_s = 20,
	.run = run,
};
