/* Lines of configuration files, records of logins, and files with secrets: nothing beyond their ends. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "history.h"
#include "mask.h"
#include "utmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_fields(const char *text, size_t len)
{
	struct field f[9], name, value;
	int64_t v;
	size_t n = fields_split(text, len, ':', f, 9), sum = n - 1;

	for (size_t i = 0; i < n; i++)
		sum += f[i].len;
	if (n == 0 || sum != len)
		abort();
	n = fields_words(text, len, f, 9);
	for (size_t i = 0; i < n; i++)
		if (f[i].len == 0 || f[i].text < text || f[i].text + f[i].len > text + len)
			abort();
	if (fields_assignment(text, len, '=', &name, &value))
		(void)fields_number(value, &v);
}

static void check_history(const char *text, size_t len)
{
	struct history h = { .time_s = 0 };
	const char *newline;

	for (size_t at = 0; at <= len; at = (size_t)(newline - text) + 1) {
		newline = memchr(text + at, '\n', len - at);
		if (newline == NULL)
			newline = text + len;
		if (history_line(&h, text + at, (size_t)(newline - text) - at) &&
		    (h.command.text < text + at || h.command.text + h.command.len > newline))
			abort();
	}
}

static void check_records(const uint8_t *data, size_t len)
{
	size_t size = utmp_size(data, len);
	struct lastlog_record l;
	struct utmp_record u;

	if (len >= size)
		utmp_parse(data, size, &u);
	if (len >= LASTLOG_BYTES_64)
		lastlog_parse(data, LASTLOG_BYTES_64, &l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1), *copy = malloc(len + 1);
	enum mask_kind kind = len > 0 && data[0] % 2 == 0 ? MASK_SHADOW : MASK_TEXT;
	uint64_t count = 0;
	size_t put = 0, done;

	if (text == NULL || copy == NULL)
		abort();
	if (len > 0) {
		memcpy(text, data, len);
		memcpy(copy, data, len);
	}
	text[len] = copy[len] = '\0';
	check_fields(text, len);
	check_history(text, len);
	check_records(data, len);
	(void)mask_kind_of(text);
	done = mask_text(kind, copy, len, len > 1 && data[1] % 2 == 0, &put, &count);
	if (done > len || put > done || (len > 0 && done == 0))
		abort();
	free(text);
	free(copy);
	return 0;
}
