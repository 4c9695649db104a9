/* quote.h - bytes of a hostile source, made fit for a terminal or a log. */
#ifndef QUOTE_H
#define QUOTE_H

#include <stddef.h>

/*
 * Write ${len} bytes as printable UTF-8 with a NUL into ${ret}: control
 * characters, C1 controls, invisible direction marks, bad UTF-8 and the
 * backslash become \xNN or \\.  What does not fit into ${cap} (at least 8) ends
 * in "...".  Returns ${ret}.
 */
const char *quote(char *ret, size_t cap, const void *bytes, size_t len);

/* The same for a NUL-terminated text. */
const char *quote_text(char *ret, size_t cap, const char *text);

#endif
