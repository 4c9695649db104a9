/* s3_xml.h - texts out of the XML documents that S3 answers with.  No I/O. */
#ifndef S3_XML_H
#define S3_XML_H

#include <stddef.h>

/* The first ${what} between ${from} and ${end}; NULL when there is none or ${from} is NULL. */
const char *s3_xml_find(const char *from, const char *end, const char *what);

/*
 * The text between <${tag}> and </${tag}>, printable ASCII with its entities
 * resolved, cut to ${cap}; "" when there is none.
 */
void s3_xml_text(char *ret, size_t cap, const char *from, const char *end, const char *tag);

#endif
