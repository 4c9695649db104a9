/*
 * fuzz_ticket.c - a ticket: any bytes as its file, as the payload that somebody
 * signed, as what aws sts assume-role printed.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read, written and read again is the same. */
static void again(const struct ticket *t)
{
	static struct minisign_key key;
	char error[TICKET_ERROR_MAX], name[TICKET_PUT_NAME_MAX];
	struct ticket *copy;
	struct buf out;

	if (key.secret[0] == 0)
		minisign_keygen(&key);
	if (t->kind == TICKET_PUT && t->signature_count > 0 &&
	    (!ticket_put_name(t, t->signature_count - 1, name) ||
	     ticket_put_signature(t, name) !=
		     t->signatures + (t->signature_count - 1) * TICKET_SIGNATURE_BYTES))
		abort();
	if (buf_open(&out, 4 * TICKET_TEXT_MAX) < 0)
		return;
	if (ticket_write(t, &key, &out) == 0) {
		if (ticket_read((const char *)out.data, out.len, &key.public, 1, &copy, error) < 0)
			abort();
		if (copy->kind != t->kind || strcmp(copy->to, t->to) != 0 ||
		    copy->expires_s != t->expires_s || copy->field_count != t->field_count ||
		    copy->recipient_count != t->recipient_count)
			abort();
		ticket_free(copy);
	}
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct minisign_public nobody;
	char error[TICKET_ERROR_MAX] = "";
	struct ticket *t, assumed = { .case_id = NULL };
	void *block = NULL;

	if (sodium_init() < 0)
		abort();
	if (ticket_read((const char *)data, size, &nobody, 1, &t, error) == 0)
		abort();
	if (error[0] == '\0')
		abort();
	if (ticket_parse((const char *)data, size, &t, error) == 0) {
		again(t);
		ticket_free(t);
	}
	(void)ticket_read_assumed((const char *)data, size, &assumed, &block);
	sodium_free(block);
	return 0;
}
