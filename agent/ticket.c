/*
 * ticket.c - reading a ticket.
 *
 * The text comes from anybody: nothing in it counts before the signature is
 * right, and it is parsed within locked memory of a size that is known before.
 * What is wrong in any way is refused whole, and never repeated in an error.
 */
#include "ticket.h"

#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <yyjson.h>

#include "base64.h"
#include "collection_id.h"
#include "parse.h"
#include "scope.h"

#define VERSION 1

static int refuse(char error[TICKET_ERROR_MAX], const char *why)
{
	(void)snprintf(error, TICKET_ERROR_MAX, "%s", why);
	return -EINVAL;
}

/* JSON within locked memory, which is the caller's to free; NULL: it is none. */
static yyjson_doc *parse(const char *text, size_t len, void **block)
{
	size_t size = (yyjson_read_max_memory_usage(len, YYJSON_READ_NOFLAG) + 1024) & ~(size_t)15;
	yyjson_alc alc;

	*block = sodium_malloc(size);
	if (*block == NULL || !yyjson_alc_pool_init(&alc, *block, size))
		return NULL;
	/* The reader changes nothing without its flag for that. */
	return yyjson_read_opts((char *)(uintptr_t)text, len, YYJSON_READ_NOFLAG, &alc, NULL);
}

/* A text of printable characters (and line ends, if so), or NULL. */
static const char *get_lines(yyjson_val *object, const char *key, bool lines)
{
	yyjson_val *v = yyjson_obj_get(object, key);
	const char *text = yyjson_get_str(v);
	size_t len = yyjson_get_len(v);

	if (text == NULL || len == 0 || !parse_is_utf8(text, len))
		return NULL;
	for (size_t i = 0; i < len; i++)
		if (((uint8_t)text[i] < ' ' && !(lines && text[i] == '\n')) || text[i] == 0x7f)
			return NULL;
	return text;
}

static const char *get_text(yyjson_val *object, const char *key)
{
	return get_lines(object, key, false);
}

/* Absent and null are fine; a wrong kind is not. */
static bool get_optional(yyjson_val *object, const char *key, const char **ret)
{
	yyjson_val *v = yyjson_obj_get(object, key);

	*ret = NULL;
	if (v == NULL || yyjson_is_null(v))
		return true;
	*ret = get_lines(object, key, strcmp(key, "ca") == 0);
	return *ret != NULL;
}

static bool get_number(yyjson_val *object, const char *key, uint64_t max, uint64_t *ret)
{
	yyjson_val *v = yyjson_obj_get(object, key);

	*ret = yyjson_get_uint(v);
	return yyjson_is_uint(v) && *ret <= max;
}

static bool get_time(yyjson_val *object, const char *key, int64_t *ret)
{
	const char *text = get_text(object, key);

	return text != NULL && ticket_time_parse(text, ret) == 0;
}

/* Texts of an array that may be absent. */
static bool get_list(yyjson_val *object, const char *key, const char **ret, size_t max,
		     size_t *count)
{
	yyjson_val *list = yyjson_obj_get(object, key), *v;
	size_t i, n;

	*count = 0;
	if (list == NULL)
		return true;
	if (!yyjson_is_arr(list) || yyjson_arr_size(list) > max)
		return false;
	yyjson_arr_foreach(list, i, n, v) {
		const char *text = yyjson_get_str(v);

		if (text == NULL || text[strcspn(text, "\r\n\t ,")] != '\0' ||
		    strlen(text) != yyjson_get_len(v) || text[0] == '\0')
			return false;
		ret[(*count)++] = text;
	}
	return true;
}

/* Part of a form as it is: no character that would end a line or a quoted name. */
static bool is_field(const char *name, const char *value)
{
	static const char *const ours[] = {
		"key", "file", "Content-MD5", "x-amz-checksum-sha256",
		"x-amz-sdk-checksum-algorithm",
	};

	for (const char *c = name; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~' || *c == '"')
			return false;
	for (const char *c = value; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			return false;
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (strcmp(name, ours[i]) == 0)
			return false;
	return name[0] != '\0';
}

static bool is_url(const char *text)
{
	return text != NULL && strncmp(text, "https://", 8) == 0 &&
	       text[strcspn(text, " \"<>\\^`{|}")] == '\0';
}

static bool read_post(yyjson_val *upload, struct ticket *t)
{
	yyjson_val *fields = yyjson_obj_get(upload, "fields"), *k, *v;
	const char *checksum = get_text(upload, "checksum");
	size_t i, max;

	t->kind = TICKET_POST;
	t->url = get_text(upload, "url");
	if (!is_url(t->url) || checksum == NULL || !yyjson_is_obj(fields) ||
	    !get_number(upload, "size_max", INT64_MAX, &t->size_max) ||
	    yyjson_obj_size(fields) > TICKET_FIELDS_MAX)
		return false;
	t->sha256 = strcmp(checksum, "sha256") == 0;
	if (!t->sha256 && strcmp(checksum, "md5") != 0)
		return false;
	yyjson_obj_foreach(fields, i, max, k, v) {
		struct ticket_field *f = &t->field[t->field_count++];

		f->name = yyjson_get_str(k);
		f->value = yyjson_get_str(v);
		if (f->value == NULL || strlen(f->name) != yyjson_get_len(k) ||
		    strlen(f->value) != yyjson_get_len(v) || !is_field(f->name, f->value))
			return false;
	}
	return true;
}

static bool decode_signatures(const char *text, struct ticket *t)
{
	size_t size = t->signature_count * TICKET_SIGNATURE_BYTES;
	uint8_t *bytes = sodium_malloc(size);

	t->signature_block = bytes;
	t->signatures = bytes;
	return bytes != NULL && base64_decode(text, strlen(text), true, bytes, size) == 0;
}

/* Tickets of older versions have none. */
static bool read_probe(yyjson_val *upload, struct ticket *t)
{
	const char *text;

	if (!get_optional(upload, "probe", &text))
		return false;
	t->has_probe = text != NULL;
	return text == NULL ||
	       base64_decode(text, strlen(text), true, t->probe, sizeof(t->probe)) == 0;
}

static bool is_collection(const char *text)
{
	const char *slash = strchr(text, '/');
	char host[COLLECTION_CASE_MAX];
	size_t len = slash == NULL ? 0 : (size_t)(slash - text);

	if (slash == NULL || len >= sizeof(host) || strlen(slash + 1) >= 32)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	return collection_case_ok(host) && collection_case_ok(slash + 1);
}

static bool read_put(yyjson_val *upload, struct ticket *t)
{
	const char *signatures = get_text(upload, "signatures");
	char name[TICKET_PUT_NAME_MAX];
	uint64_t segments;

	t->kind = TICKET_PUT;
	t->collection = get_text(upload, "collection");
	t->query = get_text(upload, "query");
	if (t->collection == NULL || !is_collection(t->collection) || t->query == NULL ||
	    t->query[strcspn(t->query, " \"<>\\^`{|}#")] != '\0' || signatures == NULL ||
	    !get_list(upload, "groups", t->group, TICKET_GROUPS_MAX, &t->group_count) ||
	    !get_number(upload, "segments", TICKET_SEGMENTS_MAX, &segments))
		return false;
	for (size_t i = 0; i < t->group_count; i++)
		if (!collection_case_ok(t->group[i]) || strlen(t->group[i]) > 32)
			return false;
	t->segments = (unsigned)segments;
	while (ticket_put_name(t, t->signature_count, name))
		t->signature_count++;
	return decode_signatures(signatures, t) && read_probe(upload, t);
}

static bool read_credentials(yyjson_val *upload, struct ticket *t)
{
	yyjson_val *expires = yyjson_obj_get(upload, "expires");

	t->kind = TICKET_CREDENTIALS;
	t->key = get_text(upload, "access_key_id");
	t->secret = get_text(upload, "secret_access_key");
	return t->key != NULL && t->secret != NULL &&
	       get_optional(upload, "session_token", &t->token) &&
	       (expires == NULL || yyjson_is_null(expires) ||
		get_time(upload, "expires", &t->credentials_expire_s));
}

static int read_upload(yyjson_val *root, struct ticket *t, char error[TICKET_ERROR_MAX])
{
	yyjson_val *upload = yyjson_obj_get(root, "upload");
	const char *kind = get_text(upload, "kind");
	bool ok;

	if (kind != NULL && strcmp(kind, "post") == 0) {
		ok = read_post(upload, t);
	} else if (kind != NULL && strcmp(kind, "put") == 0) {
		ok = read_put(upload, t);
	} else if (kind != NULL && strcmp(kind, "credentials") == 0) {
		ok = read_credentials(upload, t);
	} else {
		(void)refuse(error, "its kind of upload is unknown: use a newer evac");
		return -EPROTONOSUPPORT;
	}
	return ok ? 0 : refuse(error, "its right to upload cannot be read");
}

static int read_payload(yyjson_val *root, struct ticket *t, char error[TICKET_ERROR_MAX])
{
	yyjson_val *style = yyjson_obj_get(root, "path_style");
	yyjson_val *secrets = yyjson_obj_get(root, "with_secrets");
	uint64_t version;

	if (!get_number(root, "version", UINT64_MAX, &version))
		return refuse(error, "its payload has no version");
	if (version != VERSION) {
		(void)snprintf(error, TICKET_ERROR_MAX, "its payload is of version %llu, and "
			       "this evac reads version %d only: use a newer evac",
			       (unsigned long long)version, VERSION);
		return -EPROTONOSUPPORT;
	}
	t->case_id = get_text(root, "case");
	t->to = get_text(root, "to");
	t->path_style = yyjson_get_bool(style);
	t->with_secrets = yyjson_get_bool(secrets);
	if (t->case_id == NULL || !collection_case_ok(t->case_id) || t->to == NULL ||
	    strncmp(t->to, "s3://", 5) != 0 || (style != NULL && !yyjson_is_bool(style)) ||
	    !get_list(root, "recipients", t->recipient, SEAL_RECIPIENTS_MAX,
		      &t->recipient_count) || t->recipient_count == 0 ||
	    !get_time(root, "issued", &t->issued_s) ||
	    !get_time(root, "expires", &t->expires_s))
		return refuse(error, "case, recipients, vault or times are missing or wrong");
	if (!get_optional(root, "endpoint_url", &t->endpoint_url) ||
	    !get_optional(root, "region", &t->region) || !get_optional(root, "ca", &t->ca) ||
	    !get_optional(root, "memory", &t->memory) ||
	    !get_optional(root, "profile", &t->profile) ||
	    (secrets != NULL && !yyjson_is_bool(secrets)) ||
	    !get_optional(root, "lime_store", &t->lime_store) ||
	    !get_optional(root, "lime_key", &t->lime_key) ||
	    !get_list(root, "only", t->only.name, TICKET_NAMES_MAX, &t->only.count) ||
	    !get_list(root, "skip", t->skip.name, TICKET_NAMES_MAX, &t->skip.count) ||
	    (yyjson_obj_get(root, "deadline_s") != NULL &&
	     !get_number(root, "deadline_s", 7 * 86400, &t->deadline_s)))
		return refuse(error, "a setting of it has a wrong kind");
	return read_upload(root, t, error);
}

/* Which key signed counts, not which one the file names. */
static int verify(const char *text, const void *payload, size_t len,
		  const struct minisign_public *keys, size_t count,
		  struct minisign_signature *sig, char error[TICKET_ERROR_MAX])
{
	char why[MINISIGN_ERROR_MAX] = "";
	int r = -EPERM;

	if (text == NULL || minisign_parse_signature(text, strlen(text), sig, why) < 0)
		return refuse(error, "it has no signature that can be read");
	for (size_t i = 0; r != 0 && i < count; i++)
		r = minisign_verify(&keys[i], sig, payload, len, why);
	if (r == -EPERM)
		(void)refuse(error, "it is not signed by a responder that this host knows");
	else if (r < 0)
		(void)snprintf(error, TICKET_ERROR_MAX, "%s", why);
	return r < 0 ? -EPERM : 0;
}

/* The envelope's payload, its signature checked, in locked memory. */
static int open_envelope(const char *text, size_t len, const struct minisign_public *keys,
			 size_t count, struct minisign_signature *sig, char **ret,
			 size_t *ret_len, char error[TICKET_ERROR_MAX])
{
	void *block;
	yyjson_doc *doc = parse(text, len, &block);
	yyjson_val *root = yyjson_doc_get_root(doc);
	const char *base64 = get_text(root, "payload");
	uint64_t version;
	char *payload = NULL;
	size_t size;
	int r = 0;

	if (!get_number(root, "evac_ticket", UINT64_MAX, &version) || base64 == NULL) {
		r = refuse(error, "it is no evac ticket");
	} else if (version != VERSION) {
		(void)refuse(error, "it is of another version: use a newer evac");
		r = -EPROTONOSUPPORT;
	}
	if (r == 0) {
		size = strlen(base64) / 4 * 3;
		for (const char *c = base64 + strlen(base64); size > 0 && c[-1] == '='; c--)
			size--;
		payload = sodium_malloc(size + 1);
		if (payload == NULL)
			r = -ENOMEM;
		else if (base64_decode(base64, strlen(base64), true, (uint8_t *)payload, size) < 0)
			r = refuse(error, "its payload is no base64");
		else
			r = verify(get_lines(root, "signature", true), payload, size, keys,
				   count, sig, error);
		*ret_len = size;
	}
	sodium_free(block);
	if (r < 0)
		sodium_free(payload);
	else
		*ret = payload;
	return r;
}

int ticket_parse(const char *payload, size_t len, struct ticket **ret,
		 char error[TICKET_ERROR_MAX])
{
	struct ticket *t = len > TICKET_TEXT_MAX ? NULL : calloc(1, sizeof(*t));
	yyjson_doc *doc;
	int r;

	(void)snprintf(error, TICKET_ERROR_MAX, "%s", strerror(ENOMEM));
	if (t == NULL)
		return -ENOMEM;
	doc = parse(payload, len, &t->memory_block);
	if (doc == NULL)
		r = refuse(error, "its payload is no JSON");
	else
		r = read_payload(yyjson_doc_get_root(doc), t, error);
	if (r < 0)
		ticket_free(t);
	else
		*ret = t;
	return r;
}

int ticket_read(const char *text, size_t len, const struct minisign_public *keys,
		size_t count, struct ticket **ret, char error[TICKET_ERROR_MAX])
{
	char comment[MINISIGN_COMMENT_MAX], *payload;
	struct minisign_signature sig;
	size_t size;
	int r;

	(void)snprintf(error, TICKET_ERROR_MAX, "%s", strerror(ENOMEM));
	if (len > TICKET_TEXT_MAX)
		return refuse(error, "it is too long for a ticket");
	r = open_envelope(text, len, keys, count, &sig, &payload, &size, error);
	if (r < 0)
		return r;
	r = ticket_parse(payload, size, ret, error);
	sodium_free(payload);
	if (r < 0)
		return r;
	/* The key may sign other things than tickets. */
	ticket_comment(*ret, comment);
	if (strcmp(comment, sig.comment) == 0)
		return 0;
	ticket_free(*ret);
	*ret = NULL;
	return refuse(error, "its signature is not one for this ticket");
}

void ticket_free(struct ticket *t)
{
	if (t == NULL)
		return;
	sodium_free(t->memory_block);
	sodium_free(t->signature_block);
	sodium_memzero(t, sizeof(*t));
	free(t);
}

/* Of the set that the responder's side reads: `aws sts assume-role`. */
int ticket_read_assumed(const char *text, size_t len, struct ticket *t, void **ret_block)
{
	yyjson_doc *doc = len > TICKET_TEXT_MAX ? NULL : parse(text, len, ret_block);
	yyjson_val *root = yyjson_doc_get_root(doc), *set = yyjson_obj_get(root, "Credentials");
	const char *expires;

	if (set == NULL)
		set = root;
	t->key = get_text(set, "AccessKeyId");
	t->secret = get_text(set, "SecretAccessKey");
	t->token = get_text(set, "SessionToken");
	expires = get_text(set, "Expiration");
	if (t->key == NULL || t->secret == NULL || t->token == NULL ||
	    (expires != NULL && ticket_time_parse(expires, &t->credentials_expire_s) < 0))
		return -EINVAL;
	return 0;
}
