/* Signature and public key files, and the trusted comment: any bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "comment.h"
#include "minisign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char error[MINISIGN_ERROR_MAX], again[MINISIGN_FILE_MAX];
	struct minisign_signature sig, back;
	struct minisign_public public;
	struct comment comment;
	char *text = malloc(len + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	(void)comment_parse(text, &comment);
	if (minisign_parse_public(text, len, &public, error) == 0)
		minisign_public_file(&public, again);
	if (minisign_parse_signature(text, len, &sig, error) == 0) {
		(void)comment_parse(sig.comment, &comment);
		memset(&public, 0, sizeof(public));
		(void)minisign_verify(&public, &sig, data, len, error);
		if (minisign_signature_text(&sig, again, sizeof(again)) < 0 ||
		    minisign_parse_signature(again, strlen(again), &back, error) < 0 ||
		    strcmp(sig.comment, back.comment) != 0)
			abort();
	}
	free(text);
	return 0;
}
