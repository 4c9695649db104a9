/* fuzz_s3.c - any answer of a server: read within its bounds, one printable line for a person. */
#include <stdlib.h>
#include <string.h>

#include "s3.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct s3_refusal refusal;
	char text[S3_ERROR_MAX];
	bool is = s3_parse_error(&refusal, (const char *)data, size);

	if (!is && (refusal.code[0] != '\0' || refusal.message[0] != '\0'))
		abort();
	s3_explain(text, size % 2 == 0 ? 403 : 301, &refusal, "eu-west-1");
	for (const char *p = text; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			abort();
	/* No answer with an error code counts as stored. */
	if (refusal.code[0] != '\0' && s3_judge(200, refusal.code) == S3_STORED)
		abort();
	return 0;
}
