/* json.h - writing JSON (RFC 8259) into a buffer; any bytes arrive unambiguously. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * A writer.  The first error (-ENOBUFS) is kept; later calls do nothing.  In
 * an object every call names its ${key} (plain ASCII, not escaped); in an
 * array ${key} is NULL.
 */
struct json {
	struct buf *out;
	int error;
	bool comma; /* the next value needs one before it */
};

/* Start writing into ${out}, which stays the caller's. */
void json_open(struct json *j, struct buf *out);

void json_object(struct json *j, const char *key); /* { */
void json_object_end(struct json *j);              /* } */
void json_array(struct json *j, const char *key);  /* [ */
void json_array_end(struct json *j);               /* ] */

void json_u64(struct json *j, const char *key, uint64_t v);
void json_i64(struct json *j, const char *key, int64_t v);
void json_bool(struct json *j, const char *key, bool v);
void json_null(struct json *j, const char *key);

/* NUL-terminated text of our own.  NULL becomes null. */
void json_str(struct json *j, const char *key, const char *text);

/*
 * Bytes of the host.  Valid UTF-8 becomes a string.  Anything else becomes a
 * string in which each bad byte is U+FFFD and, in an object, a second member
 * "<key>_b64" with the exact bytes in base64 (RFC 4648, padded).
 */
void json_bytes(struct json *j, const char *key, const void *data, size_t len);

/* Bytes that are no text, in base64 (RFC 4648, padded). */
void json_base64(struct json *j, const char *key, const void *data, size_t len);

/* Hexadecimal text "0x..." of an address. */
void json_hex(struct json *j, const char *key, uint64_t v);

/* Copy JSON text that is already whole. */
void json_raw(struct json *j, const char *key, const char *text, size_t len);

/* Finish: 0 or the first error. */
int json_end(struct json *j);

#endif
