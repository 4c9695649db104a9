/* Lines of crontabs, units, PAM, udev, ssh: what is found lies within the line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "persistence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void within(struct field f, const char *text, size_t len)
{
	if (f.len > 0 && (f.text < text || f.text + f.len > text + len))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len);

	if (text == NULL && len > 0)
		abort();
	if (len > 0)
		memcpy(text, data, len);
	for (enum persistence_form form = FORM_FILE; form <= FORM_UNIT; form++) {
		struct persistence_row row = { .line = 1 };

		if (!persistence_line(form, text, len, &row))
			continue;
		within(row.runs, text, len);
		within(row.schedule, text, len);
		within(row.user, text, len);
		within(row.name, text, len);
	}
	free(text);
	return 0;
}
