/*
 * history.c - one line of a shell's history.
 *
 * All three forms are told apart line by line, for a history may change its
 * form where a user changed a setting.
 */
#include "history.h"

#include <string.h>

/* bash(1) HISTTIMEFORMAT: "#1700000000" before a command. */
static bool bash_time(const char *line, size_t len, int64_t *ret)
{
	return len > 6 && len < 14 && line[0] == '#' &&
	       fields_number((struct field){ line + 1, len - 1 }, ret);
}

/* zshoptions(1) EXTENDED_HISTORY: ": 1700000000:0;command" */
static bool zsh_line(struct history *h, const char *line, size_t len)
{
	const char *colon, *semicolon;
	size_t rest = len > 2 ? len - 2 : 0;

	if (rest == 0 || line[0] != ':' || line[1] != ' ')
		return false;
	colon = memchr(line + 2, ':', rest);
	semicolon = memchr(line + 2, ';', rest);
	if (colon == NULL || semicolon == NULL || semicolon < colon ||
	    !fields_number((struct field){ line + 2, (size_t)(colon - line) - 2 }, &h->time_s))
		return false;
	h->command = (struct field){ semicolon + 1, len - (size_t)(semicolon + 1 - line) };
	return true;
}

bool history_line(struct history *h, const char *line, size_t len)
{
	struct field all = { line, len };

	h->time_s = h->next_s;
	h->next_s = 0;
	if (len == 0 || bash_time(line, len, &h->next_s))
		return false;
	if (zsh_line(h, line, len))
		return true;
	if (fields_begin(all, "- cmd: ")) { /* its time stands in the next line */
		h->command = (struct field){ line + 7, len - 7 };
		return true;
	}
	if (fields_begin(all, "  when: ") || fields_begin(all, "  paths:"))
		return false;
	h->command = all;
	return true;
}
