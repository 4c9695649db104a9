/*
 * test_ticket.c - tickets: what is written is read again; what is forged,
 * changed, too old, too new or malformed is refused; the signing key's file.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "check.h"
#include "http.h"
#include "io.h"
#include "scope.h"
#include "signkey.h"
#include "temp.h"
#include "ticket.h"

#define NOW 1795500000 /* 2026-11-24T06:00:00Z */
#define AGE "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"

static struct minisign_key key, other;

static const struct ticket base = {
	.case_id = "CASE-1", .to = "s3://evidence/ir", .endpoint_url = "https://s3.example:9000",
	.region = "eu-west-1", .ca = "-----BEGIN CERTIFICATE-----\nAAAA\n", .path_style = true,
	.recipient = { AGE, AGE }, .recipient_count = 2, .deadline_s = 90,
	.only = { { "process", "socket" }, 2 }, .skip = { { "log" }, 1 }, .memory = "none",
	.profile = "full", .with_secrets = true,
	.lime_store = "/srv/kmod", .lime_key = "RWQ",
	.issued_s = NOW, .expires_s = NOW + 3600, .kind = TICKET_POST,
	.url = "https://s3.example:9000/evidence",
	.field = { { "Content-Type", "application/octet-stream" }, { "policy", "eyJ9" } },
	.field_count = 2, .sha256 = true, .size_max = 1 << 26,
};

static struct buf text;

/* Write ${t} and read it with ${keys}. */
static int turn(const struct ticket *t, const struct minisign_public *keys, size_t count,
		struct ticket **ret, char error[TICKET_ERROR_MAX])
{
	int r;

	*ret = NULL;
	text.len = 0;
	r = ticket_write(t, &key, &text);
	return r < 0 ? r : ticket_read((const char *)text.data, text.len, keys, count, ret, error);
}

static void test_round(void)
{
	const struct minisign_public keys[] = { other.public, key.public };
	char error[TICKET_ERROR_MAX] = "", name[TICKET_PUT_NAME_MAX];
	uint8_t signatures[4096];
	struct credentials *c = NULL;
	struct ticket *t, put = base, creds = base;

	CHECK(turn(&base, keys, 2, &t, error) == 0, "a ticket is read: %s", error);
	CHECK(strcmp(t->case_id, "CASE-1") == 0 && strcmp(t->to, base.to) == 0 &&
	      strcmp(t->endpoint_url, base.endpoint_url) == 0 &&
	      strcmp(t->region, base.region) == 0 && strcmp(t->ca, base.ca) == 0 &&
	      t->path_style && t->recipient_count == 2 && strcmp(t->recipient[1], AGE) == 0 &&
	      strcmp(t->profile, "full") == 0 && t->with_secrets &&
	      t->deadline_s == 90 && t->only.count == 2 &&
	      strcmp(t->only.name[1], "socket") == 0 && t->skip.count == 1 &&
	      strcmp(t->memory, "none") == 0 && strcmp(t->lime_store, "/srv/kmod") == 0 &&
	      strcmp(t->lime_key, "RWQ") == 0 && t->issued_s == NOW && t->expires_s == NOW + 3600,
	      "with all of its settings");
	CHECK(t->kind == TICKET_POST && strcmp(t->url, base.url) == 0 && t->field_count == 2 &&
	      strcmp(t->field[1].name, "policy") == 0 && strcmp(t->field[1].value, "eyJ9") == 0 &&
	      t->sha256 && t->size_max == 1 << 26, "and its form");
	ticket_free(t);

	put.kind = TICKET_PUT;
	put.collection = "host/20261124T093000Z-7f3a";
	put.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2Fb";
	put.group[0] = "volatile";
	put.group[1] = "memory";
	put.group_count = 2;
	put.segments = 3;
	while (ticket_put_name(&put, put.signature_count, name))
		put.signature_count++;
	CHECK(put.signature_count == 5 + 3 * 2 * 2, "a name for each object that there can be");
	randombytes_buf(signatures, sizeof(signatures));
	put.signatures = signatures;
	CHECK(turn(&put, keys, 2, &t, error) == 0 && t->kind == TICKET_PUT &&
	      t->signature_count == put.signature_count &&
	      memcmp(t->signatures, signatures, 32 * t->signature_count) == 0,
	      "presigned PUTs: %s", error);
	if (t != NULL) {
		CHECK(ticket_put_signature(t, "evac.pub") == t->signatures &&
		      ticket_put_signature(t, "0002-memory.tar.zst.age.minisig") ==
			      t->signatures + 16 * 32 &&
		      ticket_put_signature(t, "0001-volatile.tar.zst.age") ==
			      t->signatures + 9 * 32, "each is found by its object's name");
		CHECK(ticket_put_signature(t, "0003-memory.tar.zst.age") == NULL &&
		      ticket_put_signature(t, "0001-logs.tar.zst.age") == NULL &&
		      ticket_put_signature(t, "") == NULL, "and no other");
	}
	ticket_free(t);

	creds.kind = TICKET_CREDENTIALS;
	creds.key = "ASIA";
	creds.secret = "se/cret";
	creds.token = "to/ken==";
	creds.credentials_expire_s = NOW + 900;
	CHECK(turn(&creds, keys, 2, &t, error) == 0 && t->kind == TICKET_CREDENTIALS &&
	      t->credentials_expire_s == NOW + 900, "credentials: %s", error);
	CHECK(t != NULL && ticket_credentials(t, &c, error) == 0 && strcmp(c->key, "ASIA") == 0 &&
	      strcmp(c->secret, "se/cret") == 0 && strcmp(c->token, "to/ken==") == 0 &&
	      c->expires_s == NOW + 900, "and a source of them");
	credentials_free(c);
	ticket_free(t);
	ticket_free(NULL);
}

static void test_signatures(void)
{
	char error[TICKET_ERROR_MAX] = "", comment[MINISIGN_COMMENT_MAX];
	struct ticket *t, big = base;
	static char ca[TICKET_TEXT_MAX];
	uint8_t *free_text;

	CHECK(turn(&base, &other.public, 1, &t, error) == -EPERM && t == NULL &&
	      strstr(error, "not signed by a responder") != NULL, "another's signature: %s", error);
	CHECK(turn(&base, &other.public, 0, &t, error) == -EPERM, "no key at all");
	(void)turn(&base, &key.public, 1, &t, error);
	ticket_free(t);
	ticket_comment(&base, comment);
	CHECK(strcmp(comment, "evac ticket case=CASE-1 expires=2026-11-24T07:00:00Z") == 0 &&
	      memmem(text.data, text.len, comment, strlen(comment)) != NULL,
	      "the trusted comment says what it is: %s", comment);
	/* Any change to any character is refused, but to the comment that nobody signed. */
	free_text = (uint8_t *)memmem(text.data, text.len, "signature by evac", 17);
	for (size_t i = 0; i < text.len; i++) {
		uint8_t was = text.data[i];

		/* "\\u000A" is "\\u000a". */
		if (i > 5 && memcmp(text.data + i - 5, "\\u000a", 6) == 0)
			continue;
		text.data[i] = was == 'A' ? 'B' : 'A';
		if (ticket_read((const char *)text.data, text.len, &key.public, 1, &t, error) == 0) {
			ticket_free(t);
			if (text.data + i < free_text || text.data + i >= free_text + 17)
				CHECK(false, "changed at %zu and taken", i);
		}
		text.data[i] = was;
	}
	CHECK(true, "no changed ticket is taken");
	for (size_t len = 0; len < text.len - 1; len += 7)
		if (ticket_read((const char *)text.data, len, &key.public, 1, &t, error) == 0)
			CHECK(false, "cut at %zu and taken", len);
	CHECK(true, "and no cut one");
	memset(ca, 'x', sizeof(ca) - 1);
	big.ca = ca;
	CHECK(turn(&big, &key.public, 1, &t, error) == -ENOBUFS, "one that would be too long");
	CHECK(ticket_read(ca, sizeof(ca) + 1, &key.public, 1, &t, error) == -EINVAL,
	      "is not even parsed");
}

/* Sign any payload, with any comment. */
static int read_payload(const char *payload, const char *comment, char error[TICKET_ERROR_MAX])
{
	char signature[MINISIGN_FILE_MAX], base64[8192], escaped[MINISIGN_FILE_MAX * 2];
	struct ticket *t = NULL;
	size_t n = 0;
	int r;

	(void)minisign_sign(&key, payload, strlen(payload), comment, signature, sizeof(signature));
	for (const char *c = signature; *c != '\0'; c++) {
		if (*c == '\n')
			escaped[n++] = '\\';
		escaped[n++] = *c == '\n' ? 'n' : *c;
	}
	escaped[n] = '\0';
	(void)sodium_bin2base64(base64, sizeof(base64), (const uint8_t *)payload, strlen(payload),
				sodium_base64_VARIANT_ORIGINAL);
	text.len = 0;
	(void)buf_addf(&text, "{\"evac_ticket\":1,\"payload\":\"%s\",\"signature\":\"%s\"}", base64,
		       escaped);
	r = ticket_read((const char *)text.data, text.len, &key.public, 1, &t, error);
	ticket_free(t);
	return r;
}

#define HEAD "{\"version\":1,\"case\":\"C\",\"recipients\":[\"" AGE "\"],\"to\":\"s3://b/p\","
#define TIMES "\"issued\":\"2026-11-24T06:00:00Z\",\"expires\":\"2026-11-24T07:00:00Z\","
#define POST "\"upload\":{\"kind\":\"post\",\"url\":\"https://h/b\",\"checksum\":\"md5\",\"size_max\":9,\"fields\":{"
#define COMMENT "evac ticket case=C expires=2026-11-24T07:00:00Z"

static void test_payloads(void)
{
	static const struct {
		const char *payload, *comment;
		int error;
		const char *says;
	} rows[] = {
		{ HEAD TIMES POST "\"a\":\"b\"}}}", COMMENT, 0, "" },
		{ HEAD TIMES POST "\"a\":\"b\"}}}", "timestamp:1 file:x", -EINVAL, "not one for this ticket" },
		{ HEAD TIMES POST "\"a\":\"b\"}}}", "evac ticket case=D expires=2026-11-24T07:00:00Z",
		  -EINVAL, "not one for this ticket" },
		{ "{\"version\":2}", COMMENT, -EPROTONOSUPPORT, "version 2" },
		{ "{}", COMMENT, -EINVAL, "no version" },
		{ "[]", COMMENT, -EINVAL, "no version" },
		{ "{", COMMENT, -EINVAL, "no JSON" },
		{ "", COMMENT, -EINVAL, "" },
		{ HEAD POST "}}}", COMMENT, -EINVAL, "missing or wrong" },
		{ HEAD TIMES "\"upload\":{\"kind\":\"ftp\"}}", COMMENT, -EPROTONOSUPPORT, "unknown" },
		{ HEAD TIMES "\"upload\":{}}", COMMENT, -EPROTONOSUPPORT, "unknown" },
		{ HEAD TIMES "\"upload\":7}", COMMENT, -EPROTONOSUPPORT, "unknown" },
		/* A form's line ends and quotes must stay ours. */
		{ HEAD TIMES POST "\"a\":\"b\\r\\nx\"}}}", COMMENT, -EINVAL, "cannot be read" },
		{ HEAD TIMES POST "\"a\\\"\":\"b\"}}}", COMMENT, -EINVAL, "cannot be read" },
		{ HEAD TIMES POST "\"key\":\"b\"}}}", COMMENT, -EINVAL, "cannot be read" },
		{ HEAD TIMES POST "\"a\":7}}}", COMMENT, -EINVAL, "cannot be read" },
		{ HEAD TIMES "\"upload\":{\"kind\":\"post\",\"url\":\"http://h/b\",\"checksum\":\"md5\","
		  "\"size_max\":9,\"fields\":{}}}", COMMENT, -EINVAL, "cannot be read" },
		{ HEAD TIMES "\"upload\":{\"kind\":\"post\",\"url\":\"https://h/b\",\"checksum\":\"crc\","
		  "\"size_max\":9,\"fields\":{}}}", COMMENT, -EINVAL, "cannot be read" },
		{ HEAD TIMES "\"deadline_s\":-1," POST "}}}", COMMENT, -EINVAL, "wrong kind" },
		{ HEAD TIMES "\"ca\":7," POST "}}}", COMMENT, -EINVAL, "wrong kind" },
		{ HEAD TIMES "\"only\":[7]," POST "}}}", COMMENT, -EINVAL, "wrong kind" },
		{ HEAD TIMES "\"only\":[\"a,b\"]," POST "}}}", COMMENT, -EINVAL, "wrong kind" },
		{ HEAD TIMES "\"memory\":\"a\\u0000b\"," POST "}}}", COMMENT, -EINVAL, "wrong kind" },
		{ HEAD TIMES "\"ca\":null," POST "}}}", COMMENT, 0, "" },
		{ HEAD TIMES "\"upload\":{\"kind\":\"put\",\"collection\":\"h/../x\",\"query\":\"q\","
		  "\"groups\":[],\"segments\":0,\"signatures\":\"AA==\"}}", COMMENT, -EINVAL, "cannot be read" },
		{ HEAD TIMES "\"upload\":{\"kind\":\"put\",\"collection\":\"h/x\",\"query\":\"q\","
		  "\"groups\":[],\"segments\":501,\"signatures\":\"AA==\"}}", COMMENT, -EINVAL, "cannot be read" },
		{ HEAD TIMES "\"upload\":{\"kind\":\"credentials\",\"access_key_id\":\"a\"}}", COMMENT,
		  -EINVAL, "cannot be read" },
		{ "{\"version\":1,\"case\":\"../C\",\"recipients\":[\"x\"],\"to\":\"s3://b/p\"," TIMES POST "}}}",
		  COMMENT, -EINVAL, "missing or wrong" },
		{ "{\"version\":1,\"case\":\"C\",\"recipients\":[],\"to\":\"s3://b/p\"," TIMES POST "}}}",
		  COMMENT, -EINVAL, "missing or wrong" },
		{ "{\"version\":1,\"case\":\"C\",\"recipients\":[\"x\"],\"to\":\"/tmp\"," TIMES POST "}}}",
		  COMMENT, -EINVAL, "missing or wrong" },
	};
	char error[TICKET_ERROR_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int r;

		error[0] = '\0';
		r = read_payload(rows[i].payload, rows[i].comment, error);
		CHECK(r == rows[i].error && (r == 0 || strstr(error, rows[i].says) != NULL),
		      "payload %zu: %d %s", i, r, r == 0 ? "" : error);
	}
}

static void test_times(void)
{
	static const struct {
		const char *text;
		int64_t when;
	} good[] = {
		{ "2026-11-24T06:00:00Z", NOW }, { "2026-11-24T06:00:00+00:00", NOW },
		{ "1970-01-01T00:00:00Z", 0 },
	};
	static const char *const bad[] = {
		"", "2026-11-24", "2026-11-24T06:00:00", "2026-11-24T06:00:00+01:00",
		"2026-11-24T06:00:00Zx", "2026-13-24T06:00:00Z", "2026-02-30T06:00:00Z",
		"x026-11-24T06:00:00Z", "2026-11-24 06:00:00Z",
	};
	char error[TICKET_ERROR_MAX] = "";
	int64_t when;

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		CHECK(ticket_time_parse(good[i].text, &when) == 0 && when == good[i].when,
		      "%s", good[i].text);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(ticket_time_parse(bad[i], &when) == -EINVAL, "no time: \"%s\"", bad[i]);
	CHECK(ticket_check_time(&base, NOW + 3599, false, error) == 0, "valid to the end");
	CHECK(ticket_check_time(&base, NOW + 3610, false, error) == -EKEYEXPIRED &&
	      strcmp(error, "it expired at 2026-11-24T07:00:00Z, 10 s ago by this host's clock "
		     "(2026-11-24T07:00:10Z); if that clock is right, make a new ticket") == 0,
	      "and not after: %s", error);
	CHECK(ticket_check_time(&base, NOW + 3610, true, error) == -EKEYEXPIRED &&
	      strstr(error, "its server's clock") != NULL, "by a server's clock: %s", error);
}

static void test_assumed(void)
{
	static const char good[] =
		"{\"Credentials\":{\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"s\","
		"\"SessionToken\":\"t\",\"Expiration\":\"2026-11-24T06:00:00+00:00\"},"
		"\"AssumedRoleUser\":{}}";
	static const char *const bad[] = {
		"", "{}", "[]", "{\"Credentials\":{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\"}}",
		"{\"Credentials\":{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\","
		"\"Expiration\":\"tomorrow\"}}",
	};
	struct ticket t = { .case_id = NULL };
	void *block = NULL;

	CHECK(ticket_read_assumed(good, strlen(good), &t, &block) == 0 &&
	      strcmp(t.key, "ASIA") == 0 && strcmp(t.token, "t") == 0 &&
	      t.credentials_expire_s == NOW, "what aws sts assume-role prints");
	sodium_free(block);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CHECK(ticket_read_assumed(bad[i], strlen(bad[i]), &t, &block) == -EINVAL,
		      "refused: %s", bad[i]);
		sodium_free(block);
	}
}

static void test_signkey(void)
{
	static const char *const bad[] = {
		"", "RWQ", "untrusted comment: x", "untrusted comment: x\n", "untrusted comment: x\nRWQ\n",
	};
	char file[SIGNKEY_FILE_MAX], error[MINISIGN_ERROR_MAX] = "";
	struct minisign_key again;
	size_t len;

	signkey_file(&key, file);
	len = strlen(file);
	CHECK(signkey_parse(file, len, &again, error) == 0 &&
	      memcmp(&again, &key, sizeof(key)) == 0, "a signing key is read again: %s", error);
	CHECK(signkey_parse(file, len - 1, &again, error) == 0, "without its last line end too");
	for (size_t i = strlen("untrusted comment: minisign secret key\n"); i < len - 1; i++) {
		char was = file[i];

		file[i] = was == 'A' ? 'B' : 'A';
		/* Salt and limits mean nothing without a password. */
		if (signkey_parse(file, len, &again, error) == 0 &&
		    memcmp(&again, &key, sizeof(key)) != 0)
			CHECK(false, "a key that was changed at %zu is taken", i);
		file[i] = was;
	}
	CHECK(true, "none that was changed is");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(signkey_parse(bad[i], strlen(bad[i]), &again, error) == -EINVAL,
		      "no signing key, %zu: %s", i, error);
}

static void test_load(void)
{
	const struct http_options how = { .ca_file = NULL };
	char path[300], public[MINISIGN_PUBLIC_TEXT], error[TICKET_ERROR_MAX] = "";
	struct ticket *t = NULL, old = base, lasting = base;
	struct temp dir;
	int fd;

	temp_open(&dir);
	(void)snprintf(path, sizeof(path), "%s/ticket", dir.path);
	minisign_public_text(&key.public, public);
	CHECK(ticket_load(path, public, &how, &t, error) == -ENOENT, "no such file: %s", error);
	old.expires_s = 1000000000;
	for (int i = 0; i < 2; i++) {
		lasting.expires_s = 4000000000;
		text.len = 0;
		(void)ticket_write(i == 0 ? &old : &lasting, &key, &text);
		(void)unlink(path);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
		(void)io_write(fd, text.data, text.len);
		(void)close(fd);
		if (i == 0)
			CHECK(ticket_load(path, public, &how, &t, error) == -EKEYEXPIRED && t == NULL,
			      "one that has expired: %s", error);
	}
	CHECK(ticket_load(path, public, &how, &t, error) == 0 && t != NULL, "one that is valid: %s", error);
	ticket_free(t);
	minisign_public_text(&other.public, public);
	CHECK(ticket_load(path, public, &how, &t, error) == -EPERM, "of another responder: %s", error);
	CHECK(ticket_load(path, "/no/such/key", &how, &t, error) == -EINVAL, "a key that is none: %s", error);
	if (access("/etc/evac", F_OK) == 0)
		CHECK_SKIP("this machine has keys in /etc/evac");
	else
		CHECK(ticket_load(path, NULL, &how, &t, error) == -ENOKEY &&
		      strstr(error, "--responder KEY") != NULL, "no key is known: %s", error);
	temp_close(&dir);
}

int main(void)
{
	if (sodium_init() < 0 || buf_open(&text, 4 * TICKET_TEXT_MAX) < 0)
		return 1;
	minisign_keygen(&key);
	minisign_keygen(&other);
	test_round();
	test_signatures();
	test_payloads();
	test_times();
	test_assumed();
	test_signkey();
	test_load();
	buf_free(&text);
	return CHECK_DONE();
}
