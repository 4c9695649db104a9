/*
 * ticket_write.c - writing and signing a ticket, and what both sides of it say
 * in the same way: times, names, the trusted comment.
 *
 * Reads and writes memory only; the payload is wiped once it is in the file's
 * text, which is the caller's.
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "buf.h"
#include "json.h"
#include "scope.h"
#include "ticket.h"

#define BASE64 sodium_base64_VARIANT_ORIGINAL

void ticket_time_text(int64_t when_s, char ret[TICKET_TIME])
{
	time_t when = (time_t)when_s;
	struct tm tm;

	if (gmtime_r(&when, &tm) == NULL ||
	    strftime(ret, TICKET_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		ret[0] = '\0';
}

int ticket_time_parse(const char *text, int64_t *ret_s)
{
	char plain[TICKET_TIME], again[TICKET_TIME];
	struct tm tm = { 0 };

	if (strlen(text) < TICKET_TIME - 1)
		return -EINVAL;
	memcpy(plain, text, TICKET_TIME - 2);
	memcpy(plain + TICKET_TIME - 2, "Z", 2);
	text += TICKET_TIME - 2;
	if ((strcmp(text, "Z") != 0 && strcmp(text, "+00:00") != 0) ||
	    strptime(plain, "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL)
		return -EINVAL;
	*ret_s = timegm(&tm);
	ticket_time_text(*ret_s, again);
	return strcmp(plain, again) == 0 ? 0 : -EINVAL;
}

void ticket_comment(const struct ticket *t, char ret[MINISIGN_COMMENT_MAX])
{
	char expires[TICKET_TIME];

	ticket_time_text(t->expires_s, expires);
	(void)snprintf(ret, MINISIGN_COMMENT_MAX, "evac ticket case=%s expires=%s", t->case_id,
		       expires);
}

bool ticket_put_name(const struct ticket *t, size_t i, char ret[TICKET_PUT_NAME_MAX])
{
	static const char *const fixed[] = {
		"evac.pub", "manifest.json", "manifest.json.minisig", "volatile.done",
		"volatile.done.minisig",
	};
	size_t number;

	if (i < ARRAY_LEN(fixed)) {
		(void)snprintf(ret, TICKET_PUT_NAME_MAX, "%s", fixed[i]);
		return true;
	}
	i -= ARRAY_LEN(fixed);
	if (t->group_count == 0 || i >= (size_t)t->segments * t->group_count * 2)
		return false;
	number = i / (t->group_count * 2);
	i %= t->group_count * 2;
	(void)snprintf(ret, TICKET_PUT_NAME_MAX, "%04zu-%s.tar.zst.age%s", number,
		       t->group[i / 2], i % 2 != 0 ? ".minisig" : "");
	return true;
}

const uint8_t *ticket_put_signature(const struct ticket *t, const char *name)
{
	char at[TICKET_PUT_NAME_MAX];
	size_t len = strlen(name), tail = strlen(TICKET_PROBE);

	if (len > tail && strcmp(name + len - tail, TICKET_PROBE) == 0)
		return t->has_probe ? t->probe : NULL;
	for (size_t i = 0; i < t->signature_count && ticket_put_name(t, i, at); i++)
		if (strcmp(at, name) == 0)
			return t->signatures + i * TICKET_SIGNATURE_BYTES;
	return NULL;
}

int ticket_credentials(void *ticket, struct credentials **ret,
		       char error[CREDENTIALS_ERROR_MAX])
{
	const struct ticket *t = ticket;
	int r = credentials_make(ret, t->key, t->secret, t->token, t->credentials_expire_s);

	if (r < 0)
		(void)snprintf(error, CREDENTIALS_ERROR_MAX,
			       "the ticket's credentials cannot be used");
	return r;
}

int ticket_check_time(const struct ticket *t, int64_t now_s, bool by_server,
		      char error[TICKET_ERROR_MAX])
{
	char expires[TICKET_TIME], now[TICKET_TIME];

	if (now_s < t->expires_s)
		return 0;
	ticket_time_text(t->expires_s, expires);
	ticket_time_text(now_s, now);
	(void)snprintf(error, TICKET_ERROR_MAX, "it expired at %s, %" PRId64 " s ago by %s clock "
		       "(%s)%s", expires, now_s - t->expires_s,
		       by_server ? "its server's" : "this host's", now,
		       by_server ? "" : "; if that clock is right, make a new ticket");
	return -EKEYEXPIRED;
}

static void write_names(struct json *j, const char *key, const char *const *names, size_t count)
{
	if (count == 0)
		return;
	json_array(j, key);
	for (size_t i = 0; i < count; i++)
		json_str(j, NULL, names[i]);
	json_array_end(j);
}

static void write_time(struct json *j, const char *key, int64_t when_s)
{
	char text[TICKET_TIME];

	ticket_time_text(when_s, text);
	json_str(j, key, text);
}

static void write_post(struct json *j, const struct ticket *t)
{
	json_str(j, "kind", "post");
	json_str(j, "url", t->url);
	json_str(j, "checksum", t->sha256 ? "sha256" : "md5");
	json_u64(j, "size_max", t->size_max);
	json_object(j, "fields");
	for (size_t i = 0; i < t->field_count; i++)
		json_str(j, t->field[i].name, t->field[i].value);
	json_object_end(j);
}

static void write_put(struct json *j, const struct ticket *t)
{
	size_t size = t->signature_count * TICKET_SIGNATURE_BYTES;
	AUTO_FREE char *text = malloc(sodium_base64_encoded_len(size, BASE64));

	if (text == NULL) {
		j->error = -ENOMEM;
		return;
	}
	(void)sodium_bin2base64(text, sodium_base64_encoded_len(size, BASE64), t->signatures,
				size, BASE64);
	json_str(j, "kind", "put");
	json_str(j, "collection", t->collection);
	json_str(j, "query", t->query);
	write_names(j, "groups", t->group, t->group_count);
	json_u64(j, "segments", t->segments);
	json_str(j, "signatures", text);
	sodium_memzero(text, strlen(text));
	if (!t->has_probe)
		return;
	(void)sodium_bin2base64(text, sodium_base64_encoded_len(size, BASE64), t->probe,
				sizeof(t->probe), BASE64);
	json_str(j, "probe", text);
	sodium_memzero(text, strlen(text));
}

static void write_credentials(struct json *j, const struct ticket *t)
{
	json_str(j, "kind", "credentials");
	json_str(j, "access_key_id", t->key);
	json_str(j, "secret_access_key", t->secret);
	json_str(j, "session_token", t->token);
	if (t->credentials_expire_s != 0)
		write_time(j, "expires", t->credentials_expire_s);
}

static int write_payload(const struct ticket *t, struct buf *out)
{
	struct json j;

	json_open(&j, out);
	json_object(&j, NULL);
	json_u64(&j, "version", 1);
	json_str(&j, "case", t->case_id);
	write_names(&j, "recipients", t->recipient, t->recipient_count);
	json_str(&j, "to", t->to);
	json_str(&j, "endpoint_url", t->endpoint_url);
	json_str(&j, "region", t->region);
	json_bool(&j, "path_style", t->path_style);
	json_str(&j, "ca", t->ca);
	if (t->deadline_s != 0)
		json_u64(&j, "deadline_s", t->deadline_s);
	write_names(&j, "only", t->only.name, t->only.count);
	write_names(&j, "skip", t->skip.name, t->skip.count);
	json_str(&j, "profile", t->profile);
	json_bool(&j, "with_secrets", t->with_secrets);
	json_str(&j, "memory", t->memory);
	json_str(&j, "lime_store", t->lime_store);
	json_str(&j, "lime_key", t->lime_key);
	write_time(&j, "issued", t->issued_s);
	write_time(&j, "expires", t->expires_s);
	json_object(&j, "upload");
	if (t->kind == TICKET_POST)
		write_post(&j, t);
	else if (t->kind == TICKET_PUT)
		write_put(&j, t);
	else
		write_credentials(&j, t);
	json_object_end(&j);
	json_object_end(&j);
	return json_end(&j);
}

/* The payload's bytes and their signature, one in the other. */
static int write_envelope(const struct buf *payload, const char *signature, struct buf *out)
{
	size_t cap = sodium_base64_encoded_len(payload->len, BASE64);
	AUTO_FREE char *text = malloc(cap);
	struct json j;
	int r;

	if (text == NULL)
		return -ENOMEM;
	(void)sodium_bin2base64(text, cap, payload->data, payload->len, BASE64);
	json_open(&j, out);
	json_object(&j, NULL);
	json_u64(&j, "evac_ticket", 1);
	json_str(&j, "payload", text);
	json_str(&j, "signature", signature);
	json_object_end(&j);
	r = json_end(&j);
	sodium_memzero(text, cap);
	return r < 0 ? r : buf_add(out, "\n", 1);
}

int ticket_write(const struct ticket *t, const struct minisign_key *key, struct buf *out)
{
	char comment[MINISIGN_COMMENT_MAX], signature[MINISIGN_FILE_MAX];
	struct buf payload;
	int r = buf_open(&payload, TICKET_TEXT_MAX);

	if (r < 0)
		return r;
	r = write_payload(t, &payload);
	ticket_comment(t, comment);
	if (r == 0)
		r = minisign_sign(key, payload.data, payload.len, comment, signature,
				  sizeof(signature));
	if (r == 0)
		r = write_envelope(&payload, signature, out);
	if (r == 0 && out->len > TICKET_TEXT_MAX)
		r = -ENOBUFS;
	sodium_memzero(payload.data, payload.len);
	buf_free(&payload);
	return r;
}
