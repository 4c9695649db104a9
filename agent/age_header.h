/* age_header.h - the text header of an age file: stanzas and MAC, no secrets. */
#ifndef AGE_HEADER_H
#define AGE_HEADER_H

#include <stddef.h>
#include <stdint.h>

#define AGE_HEADER_MAX (64u << 10)  /* bytes; a recipient takes about 100 */
#define AGE_HEADER_STANZAS_MAX 512
#define AGE_HEADER_ARGS_MAX 2
#define AGE_HEADER_MAC_BYTES 32
#define AGE_HEADER_BODY_MAX 64

/* A recipient's part: words of its first line, then a body. */
struct age_stanza {
	size_t arg_count;    /* all of them, though only the first ones are kept */
	struct age_arg {
		const char *text; /* in the header, no NUL */
		size_t len;
	} args[AGE_HEADER_ARGS_MAX];
	uint8_t body[AGE_HEADER_BODY_MAX];
	size_t body_len;     /* all of it, though only what fits is kept */
};

/* Where parsing of a header is. */
struct age_header {
	const char *start, *at, *end;
	unsigned stanzas;
	size_t mac_len;      /* bytes that the MAC covers, once it is read */
	uint8_t mac[AGE_HEADER_MAC_BYTES];
};

/* Begin: read the version line.  0 or -EINVAL. */
int age_header_open(struct age_header *h, const void *data, size_t len);

/*
 * Read the next stanza.  1; 0 when the MAC line came instead: ${h->at} is then
 * where the payload begins; -EINVAL for what the format does not allow.
 */
int age_header_next(struct age_header *h, struct age_stanza *ret);

#endif
